"""Evaluation mode without parameter gradients, for the duration of a call."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any, TypeVar

from torch import nn

from ironglass.models.exclusive import exclusive, modules_of
from ironglass.models.unchanged import preserve_buffers

# Images were checked where they came in; inside `eval_without_grad` every further pass may skip it.
_thread = threading.local()

Wrapped = TypeVar("Wrapped", bound=nn.Module)
"""A module that has a `network`."""


def are_checked() -> bool:
    """Returns whether this thread is inside `eval_without_grad`, whose caller has checked the images."""
    return bool(vars(_thread).get("networks"))


@contextmanager
def eval_without_grad(classifier: Wrapped) -> Iterator[Wrapped]:
    """Inside: evaluation mode, and no gradient to any parameter, so that only the image's is computed.

    Mode, gradient flags, buffers and parameter gradients are as before on leaving, also after an exception. The caller
    has checked the images; passes inside do not check them again. Other threads wait for their turn on the network.
    Buffers are put back by the outermost one of a network.
    """
    wrapper: Any = classifier
    network: nn.Module = wrapper.network
    frozen_already: list[int] = vars(_thread).setdefault("networks", [])
    with exclusive(network), ExitStack() as stack:
        modules = modules_of(network)
        if id(network) not in frozen_already:
            stack.enter_context(preserve_buffers(modules))
        frozen_already.append(id(network))
        try:
            yield from _frozen(classifier, (classifier, *modules))
        finally:
            frozen_already.remove(id(network))


def _frozen(classifier: Wrapped, modules: tuple[nn.Module, ...]) -> Iterator[Wrapped]:
    modes = [(module, module.training) for module in modules if hasattr(module, "training")]
    parameters = (parameter for module in modules for parameter in module._parameters.values())
    flags = [(parameter, parameter.requires_grad) for parameter in parameters if parameter is not None]
    try:
        if any(mode for _, mode in modes):
            classifier.eval()
        for parameter, flag in flags:
            if flag:
                parameter.requires_grad_(False)
        yield classifier
    finally:
        for module, mode in modes:
            if module.training != mode:  # asking is much faster than setting
                module.training = mode
        for parameter, flag in flags:
            if parameter.requires_grad != flag:
                parameter.requires_grad_(flag)
