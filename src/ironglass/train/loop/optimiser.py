"""The optimiser of a stage."""

from __future__ import annotations

import torch

from ironglass.models.classifier import Classifier
from ironglass.train.freeze import learning_parameters
from ironglass.train.recipe import Stage


def make_optimiser(classifier: Classifier, stage: Stage) -> torch.optim.Optimizer:
    """SGD with Nesterov's momentum 0.9, AdamW (Loshchilov & Hutter 2019), or Adam (Kingma & Ba 2015), whose decay is
    part of the gradient; biases and normalisation layers are not decayed."""
    _, learning = learning_parameters(classifier, stage.trainable_from)
    groups = [
        {"params": [p for p in learning if p.ndim > 1], "weight_decay": stage.weight_decay},
        {"params": [p for p in learning if p.ndim <= 1], "weight_decay": 0.0},
    ]
    if adaptive := {"adam": torch.optim.Adam, "adamw": torch.optim.AdamW}.get(stage.optimiser):
        return adaptive(groups, lr=stage.peak_lr)
    return torch.optim.SGD(groups, lr=stage.peak_lr, momentum=0.9, nesterov=True)
