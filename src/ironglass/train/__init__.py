"""Training: stages of epochs with an objective, resumable at any step."""

from ironglass.train.fit import fit
from ironglass.train.plateau import Plateau
from ironglass.train.recipe import Recipe, Stage
from ironglass.train.watch import Watch, Watched

__all__ = ["Plateau", "Recipe", "Stage", "Watch", "Watched", "fit"]
