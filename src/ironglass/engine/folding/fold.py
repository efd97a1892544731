"""`folded`: an equivalent, faster network, with batch-norm folded into convolutions and faster kernels."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import NamedTuple
from weakref import WeakKeyDictionary

import torch
from torch import Tensor, nn

from ironglass.engine.folding.call_trace import CallSequence
from ironglass.engine.folding.changes import Changes, FoldedNorm
from ironglass.engine.folding.fold_plan import FoldPlan, find_candidates, plain_convolution
from ironglass.engine.folding.guard import TOLERANCE, Guard
from ironglass.models.classifier import Classifier
from ironglass.models.eval_without_grad import eval_without_grad
from ironglass.models.exclusive import modules_of
from ironglass.types import Images, Logits

COPIED_ACTIVATIONS = (nn.ReLU6, nn.Hardtanh, nn.Hardswish, nn.SiLU, nn.Mish)
"""Activations whose input autograd copies when they work in place: out of place they are faster."""
PATIENCE = 3
"""Number of calls in a row with a failed plan after which a network is left unchanged."""


@dataclass
class _Cached:
    """Cached facts about a network.

    modules: ids of the modules for which they hold.
    sequences: call sequences for which the changed network gave the network's own logits.
    """

    modules: tuple[int, ...]
    plan: FoldPlan
    sequences: list[CallSequence] = field(default_factory=list)


_cache: WeakKeyDictionary[nn.Module, _Cached] = WeakKeyDictionary()
_failed: WeakKeyDictionary[nn.Module, int] = WeakKeyDictionary()
_active: WeakKeyDictionary[nn.Module, tuple[Guard, Changes]] = WeakKeyDictionary()


@contextmanager
def folded(classifier: Classifier, *, passes: int = 1) -> Iterator[Classifier]:
    """Inside: as in `eval_without_grad`, and the same logits, up to float noise, from fewer operations.

    A batch-norm after a convolution whose output nothing else reads is folded into its weights: exact in evaluation
    mode. On the CPU, weights are channels-last; a 1 × 1 convolution, or one over a map smaller than its kernel, is
    computed as a matrix product; a 3 × 3 one over many channels by Winograd's algorithm or with weights packed
    beforehand; the gradient of a strided one by its phases; and timm's ConvNeXt block as one step. Activations whose
    input autograd would copy work out of place. The plan is made by observing a pass, not by reading code, so that
    the network's own code goes on running; a network that gives other logits when folded is left unchanged. Passes
    inside are checked again (`Guard`), since the network's code may take another branch: where outputs differ, the
    pass is repeated without changes. Not for reading a layer's output: that of a folded convolution is its
    batch-norm's.

    passes: expected number of forward and backward passes per image inside, which decides whether one more pass for
        comparison is cheap.
    """
    with eval_without_grad(classifier):
        active = _active.get(classifier.network)
        if active is not None:
            active[0].passes = max(active[0].passes, passes)
            yield classifier
            return
        cached = _cached_of(classifier)
        with _guarded(
            classifier, cached, cached.plan, COPIED_ACTIVATIONS if cached.plan.out_of_place_activations else (), passes
        ):
            yield classifier


@contextmanager
def out_of_place_activations(classifier: Classifier) -> Iterator[None]:
    """Inside `eval_without_grad`: in-place activations work out of place, if that leaves the logits unchanged."""
    cached = _cached_of(classifier)
    kinds = (nn.Module,) if cached.plan.out_of_place_activations else ()
    active = _active.get(classifier.network)
    if active is None:
        with _guarded(classifier, cached, FoldPlan(), kinds, 1):
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


def is_folded(classifier: Classifier) -> bool:
    """Returns whether the network is changed at this moment, inside `folded`."""
    return classifier.network in _active


class FoldedOffset(NamedTuple):
    """The batch-norm folded into a convolution, as far as maps depend on it: output = scale · own + shift.

    shift: the output where the convolution's own is 0, (c',).
    scale_weight: the batch-norm's own weight, of the scale's sign, (c',); None for a positive scale.
    """

    shift: Tensor
    scale_weight: Tensor | None


def offsets_of(classifier: Classifier) -> dict[nn.Conv2d, FoldedOffset]:
    """Inside `folded`: the offset of every folded convolution.

    To be called after a pass, since a pass may revert the changes.
    own · ∂/∂own = (output − shift) · ∂/∂output, whatever the scale.
    """
    cached = _cache.get(classifier.network)
    norms = ((conv, vars(norm).get("forward")) for conv, norm in (cached.plan.convolutions if cached else ()) if norm)
    return {
        conv: FoldedOffset(forward.shift, forward.norm.weight)
        for conv, forward in norms
        if isinstance(forward, FoldedNorm)
    }


def _in_place(network: nn.Module, kinds: tuple[type[nn.Module], ...]) -> list[nn.Module]:
    """Modules of these kinds that work in place."""
    return [
        module for module in modules_of(network) if vars(module).get("inplace") is True and isinstance(module, kinds)
    ]


@contextmanager
def _guarded(
    classifier: Classifier, cached: _Cached, plan: FoldPlan, kinds: tuple[type[nn.Module], ...], passes: int
) -> Iterator[None]:
    """Inside: the network is changed, and its passes are checked by a `Guard`."""
    network = classifier.network
    changes = Changes(plan, classifier.device)
    changes.switched = _in_place(network, kinds)
    if plan.convolutions:
        changes.take_clamps(len(classifier.classes))
    if not changes:
        yield
        return
    guard = changes.guard = Guard(network, cached.sequences, changes.apply, changes.revert)
    guard.marked, guard.passes = changes.weights, passes
    guard.traces = bool(plan.pairs or plan.blocks or changes.switched)
    forward = vars(network).get("forward")
    try:
        changes.apply()
        network.forward = guard
        _active[network] = guard, changes
        yield
    finally:
        changes.revert()
        vars(network).pop("forward", None)
        if forward is not None:
            network.forward = forward
        _active.pop(network, None)
        if guard.differs:
            _cache.pop(network, None)
            _failed[network] = _failed.get(network, 0) + 1
        elif guard.ran:
            _failed.pop(network, None)


def _cached_of(classifier: Classifier) -> _Cached:
    network = classifier.network
    modules = tuple(map(id, modules_of(network)))
    cached = _cache.get(network)
    if cached is None or cached.modules != modules:  # a layer was replaced since
        if cached is not None:
            _failed.pop(network, None)
        plan = FoldPlan() if _failed.get(network, 0) >= PATIENCE else _find_plan(classifier)
        cached = _cache[network] = _Cached(modules, plan)
    return cached


def _is_compiled(module: nn.Module) -> bool:
    """Returns whether the module is compiled, by torch.compile or its own `compile`."""
    return hasattr(module, "_orig_mod") or getattr(module, "_compiled_call_impl", None) is not None


def _find_plan(classifier: Classifier) -> FoldPlan:
    """Makes a plan from a pass of two images, and tests it on the same images; empty where the logits change."""
    network = classifier.network
    if isinstance(network, torch.jit.ScriptModule) or any(map(_is_compiled, network.modules())):
        return FoldPlan()  # compiled: what runs is not its modules
    if isinstance(network, nn.Conv2d) or not any(plain_convolution(module) for module in network.modules()):
        return FoldPlan()
    devices = [classifier.device] if classifier.device.type == "cuda" else []
    with torch.random.fork_rng(devices), torch.inference_mode(False), torch.no_grad():
        torch.manual_seed(0)
        noise = torch.rand(2, classifier.channels, *classifier.input_size, device=classifier.device)
        plan, plain = find_candidates(classifier, noise)
        switching = Changes(FoldPlan(), classifier.device)
        switching.switched = _in_place(network, (nn.Module,))
        changes = Changes(plan, classifier.device)
        unchanged = _unchanged_by(changes, classifier, noise, plain)
        if not unchanged:  # noise may overdrive a network until its own rounding exceeds the tolerance
            grey = 0.5 + 0.1 * (noise - 0.5)
            unchanged = _unchanged_by(changes, classifier, grey, classifier(grey))
        return replace(
            plan if unchanged else FoldPlan(),
            out_of_place_activations=_unchanged_by(switching, classifier, noise, plain),
        )


def _unchanged_by(changes: Changes, classifier: Classifier, images: Images, plain: Logits) -> bool:
    """Returns whether the logits of two images, and of the first alone, stay as they are under the changes."""
    try:
        with changes.applied():
            again = torch.cat((classifier(images), classifier(images[:1])))  # a single image may use other kernels
    except (RuntimeError, ValueError):  # `view` of a channels-last map; batch statistics of one image
        return False
    difference, scale = (again - plain[[0, 1, 0]]).abs().amax(), plain.abs().amax()
    return bool((difference <= TOLERANCE * scale).item())  # not so for NaN
