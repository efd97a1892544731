"""The same network, faster: batch-norm folded into convolutions, channels-last, tiny maps as matrix products."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass, replace
from typing import Any
from weakref import WeakKeyDictionary, WeakSet

import torch
from torch import Tensor, nn

from ironglass.models.classifier import Classifier, frozen
from ironglass.models.few_channels import few_channel_convolution, strides_over_few_channels
from ironglass.models.foldable import Plan, hooked, plain_convolution, watch
from ironglass.models.folded_weights import weights_of
from ironglass.models.one_by_one import is_one_by_one, one_by_one_convolution
from ironglass.models.three_by_three import is_three_by_three, three_by_three_convolution
from ironglass.models.tiny_maps import tiny_map_convolution

COPYING = (nn.ReLU6, nn.Hardtanh, nn.Hardswish, nn.SiLU, nn.Mish)
"""Activations of which autograd copies the input when they work in place: beside it they are faster."""
CLOSE = 1e-4
"""How far folded logits may be from plain ones, as a share of the largest, for the folding to be used."""


_plans: WeakKeyDictionary[nn.Module, tuple[tuple[int, ...], Plan]] = WeakKeyDictionary()
_inside: WeakSet[nn.Module] = WeakSet()


@contextmanager
def folded(classifier: Classifier) -> Iterator[Classifier]:
    """Inside: `frozen`, and the same logits, up to float noise, from fewer operations; all is as before on leaving.

    A batch-norm behind a convolution, and read by nothing else, becomes part of that convolution's weights: exact in
    evaluation mode. On the CPU weights lie channels-last, a convolution of 1 × 1, or over a map smaller than its
    kernel, is a matrix product, one of 3 × 3 over many channels goes by tiles with fewer multiplications or with
    weights laid out beforehand, and the gradient of a strided one to the image goes by its phases. Activations of which
    autograd would keep a copy do not work in place. What a network does is found by watching it, not by reading its
    code, so that its own code goes on running; one that gives other logits when folded is left as it is. Not for
    reading a layer's output: that of a folded convolution is its batch-norm's.
    """
    with frozen(classifier):
        if classifier.network in _inside:
            yield classifier
            return
        plan = _plan_of(classifier)
        _inside.add(classifier.network)
        try:
            with _changed(plan, classifier.device), _beside(classifier.network, COPYING if plan.beside else ()):
                yield classifier
        finally:
            _inside.discard(classifier.network)


@contextmanager
def beside(classifier: Classifier) -> Iterator[None]:
    """Inside `frozen`: no module that can be told so works in place, unless the logits change by it."""
    with _beside(classifier.network, (nn.Module,) if _plan_of(classifier).beside else ()):
        yield


@contextmanager
def _beside(network: nn.Module, kinds: tuple[type[nn.Module], ...]) -> Iterator[None]:
    """Inside, no module of these kinds that can be told so works in place."""
    in_place = (module for module in network.modules() if vars(module).get("inplace") is True)
    switched = [module for module in in_place if isinstance(module, kinds)]
    try:
        for module in switched:
            vars(module)["inplace"] = False
        yield
    finally:
        for module in switched:
            vars(module)["inplace"] = True


def shifts_of(classifier: Classifier) -> dict[nn.Conv2d, Tensor]:
    """Inside `folded`: what each convolution that gives its batch-norm's output gives where its own would be 0: (c',).

    output = scale · own + shift, and so own · ∂/∂own = (output − shift) · ∂/∂output, whatever the scale.
    """
    _, plan = _plans.get(classifier.network, ((), Plan()))
    behind = ((conv, vars(norm).get("forward")) for conv, norm in plan.convolutions if norm is not None)
    return {conv: forward.shift for conv, forward in behind if isinstance(forward, _Behind)}


@dataclass(frozen=True)
class _Behind:
    """What a batch-norm that became part of a convolution does besides: nothing, or, in timm's, an activation.

    shift: what it makes of 0, (c,).
    """

    norm: Any
    shift: Tensor

    def __call__(self, x: Tensor) -> Tensor:
        return x if type(self.norm) is nn.BatchNorm2d else self.norm.act(self.norm.drop(x))


def _plan_of(classifier: Classifier) -> Plan:
    modules = tuple(id(module) for module in classifier.network.modules())
    known = _plans.get(classifier.network)
    if known is None or known[0] != modules:  # a layer was exchanged since
        known = _plans[classifier.network] = (modules, _find(classifier))
    return known[1]


@contextmanager
def _changed(plan: Plan, device: torch.device) -> Iterator[None]:
    """The network with its convolutions and batch-norms exchanged in place, and put back."""
    before: list[tuple[nn.Conv2d, nn.Parameter | None, nn.Parameter | None]] = []
    replaced: list[nn.Module] = []

    def exchange(module: nn.Module, forward: Callable[[Tensor], Tensor]) -> None:
        replaced.append(module)
        module.forward = forward

    try:
        with torch.inference_mode(False), torch.no_grad():
            for conv, norm in plan.convolutions:
                behind = None if norm is None or hooked(conv) or hooked(norm) else norm
                made = weights_of(conv, behind, keep=plan.small and device.type == "cpu")
                before.append((conv, conv._parameters["weight"], conv._parameters["bias"]))
                conv._parameters["weight"], conv._parameters["bias"] = made.weight, made.bias
                if behind is not None and made.shift is not None:
                    exchange(behind, _Behind(behind, made.shift))
                if device.type != "cpu" or hooked(conv):
                    continue
                if conv in plan.tiny:
                    exchange(conv, tiny_map_convolution(conv, made.matrices))
                elif strides_over_few_channels(conv):
                    exchange(conv, few_channel_convolution(conv))
                elif is_one_by_one(conv):
                    exchange(conv, one_by_one_convolution(conv))
                elif plan.small and is_three_by_three(conv):
                    exchange(conv, three_by_three_convolution(conv, made.matrices))
        yield
    finally:
        for module in replaced:
            del module.forward
        for conv, weight, bias in before:
            conv._parameters["weight"], conv._parameters["bias"] = weight, bias


def _find(classifier: Classifier) -> Plan:
    """What can be exchanged, watched on two images and then tried on them; nothing where the logits change."""
    network = classifier.network
    if isinstance(network, torch.jit.ScriptModule) or hasattr(network, "_orig_mod"):
        return Plan()  # compiled: what runs is not its modules
    if not any(plain_convolution(module) for module in network.modules()):
        return Plan()
    devices = [classifier.device] if classifier.device.type == "cuda" else []
    with torch.random.fork_rng(devices), torch.inference_mode(False), torch.no_grad():
        torch.manual_seed(0)
        images = torch.rand(2, classifier.channels, *classifier.input_size, device=classifier.device)
        plan, plain = watch(classifier, images)

        def tried(*within: AbstractContextManager[None]) -> bool:
            try:
                with ExitStack() as stack:
                    for one in within:
                        stack.enter_context(one)
                    again = torch.cat((classifier(images), classifier(images[:1])))  # a single one goes other ways
            except (RuntimeError, ValueError):  # `view` of a channels-last map; batch statistics of one image
                return False
            apart, scale = (again - plain[[0, 1, 0]]).abs().amax(), plain.abs().amax()
            return bool((apart <= CLOSE * scale).item())  # not so for NaN

        may = tried(_beside(network, (nn.Module,)))
        return replace(plan if tried(_changed(plan, classifier.device)) else Plan(), beside=may)
