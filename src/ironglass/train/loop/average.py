"""Exponential moving average of the weights."""

from __future__ import annotations

import copy

import torch

from ironglass.models.classifier import Classifier


class Average:
    """The exponential moving average of a classifier's weights and batch-norm statistics: a ← d·a + (1 - d)·w.

    The decay d grows as (1 + t) / (10 + t) up to its full value, so that the initial random weights soon lose weight.
    """

    def __init__(self, classifier: Classifier, decay: float) -> None:
        self.decay = decay
        self.classifier = copy.deepcopy(classifier).requires_grad_(False).eval()

    @torch.no_grad()
    def update(self, classifier: Classifier, steps: int) -> None:
        """Takes in the weights after step number `steps`."""
        decay = min(self.decay, (1 + steps) / (10 + steps))
        updated: set[tuple[int, torch.Size]] = set()
        for average, value in zip(self.classifier.state_dict().values(), classifier.state_dict().values(), strict=True):
            if (
                storage := (average.data_ptr(), average.shape)
            ) in updated:  # a tied weight has two names, and moves once
                continue
            updated.add(storage)
            if average.is_floating_point():
                average.lerp_(value, 1 - decay)
            else:
                average.copy_(value)
