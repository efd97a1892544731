"""Nearest points: within a ball and the box, on a hyperplane, on the linearised decision boundary."""
