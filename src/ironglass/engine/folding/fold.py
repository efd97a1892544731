"""The same network, faster: batch-norm folded into convolutions, channels-last, tiny maps as matrix products."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from weakref import WeakKeyDictionary

import torch
from torch import Tensor, nn

from ironglass.engine.folding.call_trace import Way
from ironglass.engine.folding.changes import Behind, Changes
from ironglass.engine.folding.fold_plan import FoldPlan, plain_convolution, watch
from ironglass.engine.folding.guard import CLOSE, Guard
from ironglass.models.classifier import Classifier
from ironglass.models.exclusive import modules_of
from ironglass.models.frozen import frozen

COPYING = (nn.ReLU6, nn.Hardtanh, nn.Hardswish, nn.SiLU, nn.Mish)
"""Activations of which autograd copies the input when they work in place: beside it they are faster."""
PATIENCE = 3
"""Calls in a row whose plan did not hold, after which a network is left as it is."""


@dataclass
class _Known:
    """Cached facts about a network.

    modules: the identities of those it was found for.
    ways: those on which the changed network agreed with itself.
    """

    modules: tuple[int, ...]
    plan: FoldPlan
    ways: list[Way] = field(default_factory=list)


_known: WeakKeyDictionary[nn.Module, _Known] = WeakKeyDictionary()
_failed: WeakKeyDictionary[nn.Module, int] = WeakKeyDictionary()
_active: WeakKeyDictionary[nn.Module, tuple[Guard, Changes]] = WeakKeyDictionary()


@contextmanager
def folded(classifier: Classifier, *, passes: int = 1) -> Iterator[Classifier]:
    """Inside: `frozen`, and the same logits, up to float noise, from fewer operations; all is as before on leaving.

    A batch-norm behind a convolution, and read by nothing else, becomes part of that convolution's weights: exact in
    evaluation mode. On the CPU weights lie channels-last, a convolution of 1 × 1, or over a map smaller than its
    kernel, is a matrix product, one of 3 × 3 over many channels goes by tiles with fewer multiplications or with
    weights laid out beforehand, and the gradient of a strided one to the image goes by its phases. Activations of which
    autograd would keep a copy do not work in place. What a network does is found by watching it, not by reading its
    code, so that its own code goes on running; one that gives other logits when folded is left as it is. It is watched
    again inside (`Guard`), since its code may take another way this time: where that differs, the pass is repeated
    without changes. Not for reading a layer's output: that of a folded convolution is its batch-norm's.

    passes: forward and backward passes that each image will have inside, as far as is known; it decides whether one
    more, to compare with, is cheap.
    """
    with frozen(classifier):
        active = _active.get(classifier.network)
        if active is not None:
            active[0].passes = max(active[0].passes, passes)
            yield classifier
            return
        known = _known_of(classifier)
        with _guarded(classifier, known, known.plan, COPYING if known.plan.out_of_place_activations else (), passes):
            yield classifier


@contextmanager
def out_of_place_activations(classifier: Classifier) -> Iterator[None]:
    """Inside `frozen`: in-place activations work out of place, if that leaves the logits unchanged."""
    known = _known_of(classifier)
    kinds = (nn.Module,) if known.plan.out_of_place_activations else ()
    active = _active.get(classifier.network)
    if active is None:
        with _guarded(classifier, known, FoldPlan(), kinds, 1):
            yield
        return
    guard, changes = active
    more = [] if guard.differs else _in_place(classifier.network, kinds)
    guard.traces = guard.traces or bool(more)
    try:
        changes.switch(more)
        guard.restart()
        yield
    finally:
        changes.switch_back(more)
        guard.restart()


def shifts_of(classifier: Classifier) -> dict[nn.Conv2d, Tensor]:
    """Inside `folded`: what each convolution that gave its batch-norm's output gave where its own would be 0: (c',).

    To be asked for after a pass, which may turn out to need the network without changes.
    output = scale · own + shift, and so own · ∂/∂own = (output − shift) · ∂/∂output, whatever the scale.
    """
    known = _known.get(classifier.network)
    behind = ((conv, vars(norm).get("forward")) for conv, norm in (known.plan.convolutions if known else ()) if norm)
    return {conv: forward.shift for conv, forward in behind if isinstance(forward, Behind)}


def _in_place(network: nn.Module, kinds: tuple[type[nn.Module], ...]) -> list[nn.Module]:
    """The modules of these kinds that work in place."""
    return [
        module for module in modules_of(network) if vars(module).get("inplace") is True and isinstance(module, kinds)
    ]


@contextmanager
def _guarded(
    classifier: Classifier, known: _Known, plan: FoldPlan, kinds: tuple[type[nn.Module], ...], passes: int
) -> Iterator[None]:
    """Inside, the network is changed and guarded."""
    network = classifier.network
    changes = Changes(plan, classifier.device)
    changes.switched = _in_place(network, kinds)
    if not changes:
        yield
        return
    guard = changes.guard = Guard(network, known.ways, changes.apply, changes.revert)
    guard.marked, guard.passes = changes.weights, passes
    guard.traces = bool(plan.pairs or changes.switched)
    own = vars(network).get("forward")
    try:
        changes.apply()
        network.forward = guard
        _active[network] = guard, changes
        yield
    finally:
        changes.revert()
        vars(network).pop("forward", None)
        if own is not None:
            network.forward = own
        _active.pop(network, None)
        if guard.differs:
            _known.pop(network, None)
            _failed[network] = _failed.get(network, 0) + 1
        elif guard.ran:
            _failed.pop(network, None)


def _known_of(classifier: Classifier) -> _Known:
    network = classifier.network
    modules = tuple(map(id, modules_of(network)))
    known = _known.get(network)
    if known is None or known.modules != modules:  # a layer was exchanged since
        if known is not None:
            _failed.pop(network, None)
        plan = FoldPlan() if _failed.get(network, 0) >= PATIENCE else _find(classifier)
        known = _known[network] = _Known(modules, plan)
    return known


def _is_compiled(module: nn.Module) -> bool:
    """Returns whether it runs as torch.compile or its own `compile` made it."""
    return hasattr(module, "_orig_mod") or getattr(module, "_compiled_call_impl", None) is not None


def _find(classifier: Classifier) -> FoldPlan:
    """Finds what can be exchanged, from two images that are then passed again to try it; nothing where the logits
    change."""
    network = classifier.network
    if isinstance(network, torch.jit.ScriptModule) or any(map(_is_compiled, network.modules())):
        return FoldPlan()  # compiled: what runs is not its modules
    if isinstance(network, nn.Conv2d) or not any(plain_convolution(module) for module in network.modules()):
        return FoldPlan()
    devices = [classifier.device] if classifier.device.type == "cuda" else []
    with torch.random.fork_rng(devices), torch.inference_mode(False), torch.no_grad():
        torch.manual_seed(0)
        images = torch.rand(2, classifier.channels, *classifier.input_size, device=classifier.device)
        plan, plain = watch(classifier, images)

        def tried(changes: Changes) -> bool:
            try:
                with changes.applied():
                    again = torch.cat((classifier(images), classifier(images[:1])))  # a single one goes other ways
            except (RuntimeError, ValueError):  # `view` of a channels-last map; batch statistics of one image
                return False
            apart, scale = (again - plain[[0, 1, 0]]).abs().amax(), plain.abs().amax()
            return bool((apart <= CLOSE * scale).item())  # not so for NaN

        switching = Changes(FoldPlan(), classifier.device)
        switching.switched = _in_place(network, (nn.Module,))
        may = tried(switching)
        return replace(plan if tried(Changes(plan, classifier.device)) else FoldPlan(), out_of_place_activations=may)
