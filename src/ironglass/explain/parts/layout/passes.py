"""Forward passes of one image and of changed ones, and what layers give in them."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn

from ironglass.explain.parts.layers import recorded_outputs
from ironglass.explain.parts.layout.response import BANDS, Response
from ironglass.models.classifier import Classifier


def responses_of(
    classifier: Classifier, layers: dict[str, nn.Module], base: Tensor, changed: Tensor, last: tuple[str, int]
) -> dict[str, Response]:
    """Copies are kept of the unchanged image's outputs only.

    last: the layer behind which nothing is wanted, and how often it runs.
    """
    before: dict[str, Tensor] = {}
    found: dict[str, Response] = {}
    parts: dict[str, list[Tensor]] = defaultdict(list)

    def keep(name: str, output: Tensor) -> None:
        before[name] = output.clone()  # what follows may write over it

    def compare(name: str, output: Tensor) -> None:
        if name in before:
            found[name] = _response(before[name], output)

    def collect(name: str, output: Tensor) -> None:
        if name in before and output.shape == before[name].shape:
            parts[name].append((output - before[name]).abs().float().cpu())

    def passed(images: Tensor, note: Callable[[str, Tensor], None]) -> None:
        runs: Counter[str] = Counter()

        def change(name: str, output: Tensor) -> Tensor:
            note(name, output)
            runs[name] += 1
            if runs[last[0]] == last[1]:
                raise _Enough
            return output

        try:
            with recorded_outputs(layers, change), entered(classifier.network, lambda _: runs.clear()):
                classifier(images)
        except _Enough:
            pass

    passed(base, keep)
    try:
        passed(changed, compare)
    except (RuntimeError, ValueError, AssertionError):  # too many for the memory, or for a network of a fixed batch
        for one in changed.split(1):
            passed(one, collect)
        found = {name: _apart(before[name], parts[name]) for name in before}
    return found


class _Enough(BaseException):
    """Ends a pass of which nothing more is wanted; no network takes it for an error of its own."""


def _response(before: Tensor, after: Tensor) -> Response:
    shape, count = tuple(before.shape), 2 * BANDS
    grown = [axis for axis, (old, new) in enumerate(zip(shape, after.shape, strict=False)) if old != new]
    if after.ndim != len(shape) or len(grown) != 1 or after.shape[grown[0]] != count * shape[grown[0]]:
        return Response(shape)
    axis = grown[0]
    entries = after.movedim(axis, 0).unflatten(0, (count, shape[axis]))
    changes = (entries - before.movedim(axis, 0)).abs().float()
    return Response(shape, axis, shape[axis], changes.nan_to_num(0, 0, 0).cpu())


def _apart(before: Tensor, changes: list[Any]) -> Response:
    """Of images that were passed one at a time; the first axis is taken for that of images where its length is 1."""
    shape = tuple(before.shape)
    if not shape or shape[0] != 1 or len(changes) != 2 * BANDS:
        return Response(shape)
    return Response(shape, 0, 1, torch.stack(changes).nan_to_num(0, 0, 0))


@contextmanager
def entered(network: nn.Module, note: Callable[[Any], None]) -> Iterator[None]:
    """Inside, `note` is shown what the network is given before each of its passes."""
    handle = network.register_forward_pre_hook(lambda _module, inputs: note(inputs[0] if inputs else None))
    try:
        yield
    finally:
        handle.remove()
