"""Balance of uneven classes in training: by weights of the loss, or by how often images are drawn."""

from __future__ import annotations

import numpy as np
import torch
from pydantic import Field
from torch import nn
from torch.nn import functional

from ironglass.errors import InputError
from ironglass.fields import dataclass
from ironglass.train.objective import CrossEntropy, Objective
from ironglass.train.recipe import Recipe
from ironglass.types import Labels, Logits, Loss


@dataclass(frozen=True, kw_only=True, config={"extra": "forbid"})
class WeightedCrossEntropy(CrossEntropy):
    """Cross-entropy in which every image counts by the weight of its class; the mean over the batch's images.

    class_weights: of each class, at least 0.
    """

    class_weights: tuple[float, ...] = Field(default=(), min_length=1)

    def __call__(self, classifier: nn.Module, images: torch.Tensor, labels: Labels) -> tuple[Loss, Logits]:
        """The mean of the weighted losses over the batch, and the logits."""
        logits = classifier(images)
        losses = functional.cross_entropy(logits, labels, label_smoothing=self.label_smoothing, reduction="none")
        weights = torch.tensor(self.class_weights, dtype=losses.dtype, device=losses.device)
        # not over the sum of the weights: parts of a batch then add up to the whole batch
        return (weights[labels] * losses).mean(), logits


def class_weights(labels: np.ndarray, k: int) -> np.ndarray:
    """The weight of each of k classes: the images over those of the class, and over the classes that have any; its mean
    over the images is 1.

    labels: int (n,). A class without images has weight 0.
    """
    images = np.bincount(labels, minlength=k)
    return np.where(images > 0, len(labels) / (np.maximum(images, 1) * np.count_nonzero(images)), 0.0)


def epoch_order(labels: np.ndarray, recipe: Recipe, epoch: int) -> np.ndarray:
    """Positions of the images of an epoch, in the order in which they are learned, drawn by seed and epoch alone.

    All images once; under the sampler as many, drawn with replacement, so that every class is as likely as another.

    labels: int (n,).
    """
    draws = np.random.default_rng([recipe.seed, epoch])
    if recipe.balance != "sampler":
        return draws.permutation(len(labels))
    weights = class_weights(labels, int(labels.max()) + 1)[labels]
    return draws.choice(len(labels), len(labels), p=weights / weights.sum())


def balanced_objective(objective: Objective, recipe: Recipe, labels: np.ndarray, k: int) -> Objective:
    """The stage's objective, with the classes' weights where the recipe asks for them."""
    if recipe.balance != "weights" or not isinstance(objective, CrossEntropy):
        return objective
    weights = tuple(class_weights(labels, k).tolist())
    return WeightedCrossEntropy(label_smoothing=objective.label_smoothing, class_weights=weights)


def check_balance(recipe: Recipe) -> None:
    """Raises InputError for weights of classes where the loss is not one of single images."""
    for stage in recipe.stages:
        if recipe.balance != "weights":
            return
        if type(stage.objective) is not CrossEntropy:
            raise InputError(
                "balance 'weights' is for the plain cross-entropy: with another objective take balance 'sampler'"
            )
        if stage.aux_weight:
            raise InputError("balance 'weights' does not weigh auxiliary outputs: take 'sampler', or no aux_weight")
