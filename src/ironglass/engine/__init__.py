"""Fast exact passes: the network's own numbers, computed in less time."""
