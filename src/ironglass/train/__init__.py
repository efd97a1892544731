"""Training: stages of epochs with an objective, resumable at any step."""

from ironglass.train.fit import fit
from ironglass.train.recipe import Recipe, Stage

__all__ = ["Recipe", "Stage", "fit"]
