"""The same network, faster: batch-norm folded into convolutions, channels-last, tiny maps as matrix products."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass, replace
from typing import Any
from weakref import WeakKeyDictionary, WeakSet

import torch
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

from ironglass.models.classifier import Classifier, frozen
from ironglass.models.few_channels import few_channel_convolution, strides_over_few_channels
from ironglass.models.folded_weights import weights_of
from ironglass.models.one_by_one import is_one_by_one, one_by_one_convolution
from ironglass.models.three_by_three import is_three_by_three, three_by_three_convolution
from ironglass.models.tiny_maps import pays, tiny_map_convolution
from ironglass.types import Logits

COPYING = (nn.ReLU6, nn.Hardtanh, nn.Hardswish, nn.SiLU, nn.Mish)
"""Activations of which autograd copies the input when they work in place: beside it they are faster."""
KEPT = 2**25
"""Parameters of a network, at most, whose folded weights are kept from one call to the next."""
CLOSE = 1e-4
"""How far folded logits may be from plain ones, as a share of the largest, for the folding to be used."""


@dataclass(frozen=True)
class _Plan:
    """convolutions: each with the batch-norm that becomes part of it; without one only its layout changes. tiny: those
    whose maps are so small that a matrix product is cheaper. small: the network is, so that its weights are kept.
    beside: in-place activations may work beside their input, since nobody reads it as they leave it."""

    convolutions: tuple[tuple[nn.Conv2d, nn.BatchNorm2d | None], ...] = ()
    tiny: frozenset[nn.Conv2d] = frozenset()
    small: bool = False
    beside: bool = False

    @property
    def pairs(self) -> list[nn.Conv2d]:
        return [conv for conv, norm in self.convolutions if norm is not None]


_plans: WeakKeyDictionary[nn.Module, tuple[tuple[int, ...], _Plan]] = WeakKeyDictionary()
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
            with _changed(plan, classifier.device), beside(classifier, COPYING):
                yield classifier
        finally:
            _inside.discard(classifier.network)


@contextmanager
def beside(classifier: Classifier, kinds: tuple[type[nn.Module], ...] = (nn.Module,)) -> Iterator[None]:
    """Inside `frozen`: no module of these kinds that can be told so works in place, unless the logits change by it."""
    with _beside(classifier.network, kinds if _plan_of(classifier).beside else ()):
        yield


@contextmanager
def _beside(network: nn.Module, kinds: tuple[type[nn.Module], ...]) -> Iterator[None]:
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
    _, plan = _plans.get(classifier.network, ((), _Plan()))
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


def _plan_of(classifier: Classifier) -> _Plan:
    modules = tuple(id(module) for module in classifier.network.modules())
    known = _plans.get(classifier.network)
    if known is None or known[0] != modules:  # a layer was exchanged since
        known = _plans[classifier.network] = (modules, _find(classifier))
    return known[1]


@contextmanager
def _changed(plan: _Plan, device: torch.device) -> Iterator[None]:
    """The network with its convolutions and batch-norms exchanged in place, and put back."""
    before: list[tuple[nn.Conv2d, nn.Parameter | None, nn.Parameter | None]] = []
    replaced: list[nn.Module] = []

    def exchange(module: nn.Module, forward: Callable[[Tensor], Tensor]) -> None:
        replaced.append(module)
        module.forward = forward

    try:
        with torch.inference_mode(False), torch.no_grad():
            for conv, norm in plan.convolutions:
                behind = None if norm is None or _hooked(conv) or _hooked(norm) else norm
                made = weights_of(conv, behind, keep=plan.small and device.type == "cpu")
                before.append((conv, conv._parameters["weight"], conv._parameters["bias"]))
                conv._parameters["weight"], conv._parameters["bias"] = made.weight, made.bias
                if behind is not None and made.shift is not None:
                    exchange(behind, _Behind(behind, made.shift))
                if device.type != "cpu" or _hooked(conv):
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


def _find(classifier: Classifier) -> _Plan:
    """What can be exchanged, watched on two images and then tried on them; nothing where the logits change."""
    network = classifier.network
    if isinstance(network, torch.jit.ScriptModule) or hasattr(network, "_orig_mod"):
        return _Plan()  # compiled: what runs is not its modules
    if not any(_plain_convolution(module) for module in network.modules()):
        return _Plan()
    devices = [classifier.device] if classifier.device.type == "cuda" else []
    with torch.random.fork_rng(devices), torch.inference_mode(False), torch.no_grad():
        torch.manual_seed(0)
        images = torch.rand(2, classifier.channels, *classifier.input_size, device=classifier.device)
        plan, plain = _watch(classifier, images)

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
        return replace(plan if tried(_changed(plan, classifier.device)) else _Plan(), beside=may)


def _watch(classifier: Classifier, images: Tensor) -> tuple[_Plan, Logits]:
    calls: dict[nn.Module, list[tuple[Tensor, Tensor]]] = {}
    handles = [
        module.register_forward_hook(
            lambda module, given, out: calls.setdefault(module, []).append((given[0], out)) and None
        )
        for module in classifier.network.modules()
        if _plain_convolution(module) or _foldable(module)
    ]
    try:
        with _Readers() as readers:
            logits = classifier(images)
    finally:
        for handle in handles:
            handle.remove()
    # a module that runs twice has two places, and its weights can serve only one
    once = {module: seen[0] for module, seen in calls.items() if len(seen) == 1}
    behind = {id(seen[0]): module for module, seen in once.items() if isinstance(module, nn.BatchNorm2d)}
    convs = [module for module in once if isinstance(module, nn.Conv2d)]
    return _Plan(
        convolutions=tuple(
            (conv, behind.get(id(once[conv][1])) if readers.count(once[conv][1]) == 1 else None) for conv in convs
        ),
        tiny=frozenset(conv for conv in convs if pays(conv, once[conv][0], once[conv][1])),
        small=sum(parameter.numel() for parameter in classifier.parameters()) <= KEPT,
    ), logits


class _Readers(TorchFunctionMode):
    """Counts the calls that make a tensor of each tensor. All are kept until the end, so that no identity recurs.

    Not TorchDispatchMode, which would see more, but takes seconds to load. What a call hides from this one, a scripted
    function for instance, the comparison of the logits shows.
    """

    def __init__(self) -> None:
        super().__init__()
        self.read: dict[int, int] = {}
        self.kept: list[Any] = []

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        out = func(*args, **(kwargs or {}))
        if any(isinstance(leaf, Tensor) for leaf in _leaves(out)):  # not a question of its shape
            for which in {id(leaf) for leaf in _leaves((args, kwargs)) if isinstance(leaf, Tensor)}:
                self.read[which] = self.read.get(which, 0) + 1
            self.kept.append((args, kwargs, out))
        return out

    def count(self, tensor: Tensor) -> int:
        return self.read.get(id(tensor), 0)


def _leaves(given: Any) -> Iterator[Any]:
    if isinstance(given, list | tuple):
        for part in given:
            yield from _leaves(part)
    elif isinstance(given, dict):
        yield from _leaves(list(given.values()))
    else:
        yield given


def _plain_convolution(module: nn.Module) -> bool:
    """Whether it is a convolution as torch wrote it: a subclass may do something of its own to its weights."""
    return type(module) is nn.Conv2d and module.weight.dtype == torch.float32 and not _hooked(module)


def _foldable(module: nn.Module) -> bool:
    known = type(module) is nn.BatchNorm2d or type(module).__name__ == "BatchNormAct2d"
    return known and getattr(module, "running_mean", None) is not None and not _hooked(module)


def _hooked(module: nn.Module) -> bool:
    """Whether someone looks at the module's output or has exchanged its code: then it must stay what it is."""
    hooks = (module._forward_hooks, module._forward_pre_hooks, module._backward_hooks, module._backward_pre_hooks)
    return any(hooks) or "forward" in vars(module)
