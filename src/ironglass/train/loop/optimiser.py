"""The optimiser of a stage."""

from __future__ import annotations

import inspect
from typing import Any

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
    if adaptive := {"adam": _Adam, "adamw": _AdamW}.get(stage.optimiser):
        return adaptive(groups, lr=stage.peak_lr)
    return _SGD(groups, lr=stage.peak_lr, momentum=0.9, nesterov=True)


class _Uncompiled(torch.optim.Optimizer):
    """The same optimiser, without torch's guards against its compiler: they load it, 1.2 s of the processor."""

    def __init_subclass__(cls) -> None:
        cls.step = torch.no_grad()(inspect.unwrap(cls.step))

    def add_param_group(self, param_group: dict[str, Any]) -> None:
        inspect.unwrap(torch.optim.Optimizer.add_param_group)(self, param_group)

    def state_dict(self) -> dict[str, Any]:
        return inspect.unwrap(torch.optim.Optimizer.state_dict)(self)

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        inspect.unwrap(torch.optim.Optimizer.load_state_dict)(self, state_dict)


class _SGD(_Uncompiled, torch.optim.SGD):
    pass


class _Adam(_Uncompiled, torch.optim.Adam):
    pass


class _AdamW(_Uncompiled, torch.optim.AdamW):
    pass
