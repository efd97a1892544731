"""Check that a call leaves a network, its inputs and torch's own state as they were."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn

from ironglass.models.classifier import Classifier
from ironglass.testing.contract import require

HOOKS = ("_forward_hooks", "_forward_pre_hooks", "_backward_hooks", "_backward_pre_hooks")


@contextmanager
def unchanged(classifier: Classifier, *tensors: Tensor, when: str = "", training: bool = False) -> Iterator[None]:
    """Inside: a call that must leave everything as it was.

    Args:
        classifier: modes, gradient flags, gradients, parameters, buffers and hooks of it are compared, bit for bit.
        tensors: the call's inputs, compared too.
        when: end of the message, such as " when the network fails".
        training: whether the call trains. Buffers of modules in training mode may then change, and so may torch's
            random state.

    Raises:
        AssertionError: with the first difference.
    """
    before = {**_state(classifier, training), **{f"input {i}": tensor.clone() for i, tensor in enumerate(tensors, 1)}}
    yield
    after = {**_state(classifier, training), **{f"input {i}": tensor for i, tensor in enumerate(tensors, 1)}}
    for name, value in before.items():
        require(name in after and _same(value, after[name]), f"changes {_words(name)}{when}")
    added = sorted(after.keys() - before.keys())
    require(not added, f"adds {_words(added[0]) if added else ''}{when}")


def _state(classifier: Classifier, training: bool) -> dict[str, Any]:
    """State that is compared, by name: copies of tensors, plain values."""
    state: dict[str, Any] = {"whether torch records gradients": torch.is_grad_enabled()}
    if not training:
        state["torch's random state"] = torch.get_rng_state()
    for path, module in classifier.named_modules():
        of = f" of {path}" if path else " of the classifier"
        state["mode (train or eval)" + of] = module.training
        state["number of hooks" + of] = [len(getattr(module, hooks) or ()) for hooks in HOOKS]
        for name, parameter in module._parameters.items():
            if parameter is not None:
                state[f"parameter {name}{of}"] = parameter.detach().clone()
                state[f"requires_grad of {name}{of}"] = parameter.requires_grad
                state[f"gradient of {name}{of}"] = None if parameter.grad is None else parameter.grad.clone()
        if not (training and module.training):
            state |= {f"buffer {name}{of}": buffer.clone() for name, buffer in _buffers(module)}
    return state


def _buffers(module: nn.Module) -> Iterator[tuple[str, Tensor]]:
    yield from ((name, buffer) for name, buffer in module._buffers.items() if buffer is not None)


def _same(first: Any, second: Any) -> bool:
    if isinstance(first, Tensor):
        return isinstance(second, Tensor) and first.shape == second.shape and torch.equal(first, second)
    return type(first) is type(second) and first == second


def _words(name: str) -> str:
    return name if name.startswith(("torch", "whether")) else f"the {name}"
