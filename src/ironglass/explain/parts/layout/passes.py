"""Forward passes of one image and of changed ones, and the outputs of layers in them."""

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
    """The layers' responses to the changed images. Only outputs of the unchanged image are copied.

    last: the layer after which the pass may end, and how often it runs.
    """
    unchanged: dict[str, Tensor] = {}
    responses: dict[str, Response] = {}
    parts: dict[str, list[Tensor]] = defaultdict(list)

    def store(name: str, output: Tensor) -> None:
        unchanged[name] = output.clone()  # what follows may write over it

    def compare(name: str, output: Tensor) -> None:
        if name in unchanged:
            responses[name] = _response(unchanged[name], output)

    def collect(name: str, output: Tensor) -> None:
        if name in unchanged and output.shape == unchanged[name].shape:
            parts[name].append((output - unchanged[name]).abs().float().cpu())

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

    passed(base, store)
    try:
        passed(changed, compare)
    except (RuntimeError, ValueError, AssertionError):  # too many for the memory, or for a network of a fixed batch
        for image in changed.split(1):
            passed(image, collect)
        responses = {name: _response_one_by_one(unchanged[name], parts[name]) for name in unchanged}
    return responses


class _Enough(BaseException):
    """Ends a forward pass early; no Exception, so that no network handles it as an error."""


def _response(before: Tensor, after: Tensor) -> Response:
    shape, count = tuple(before.shape), 2 * BANDS
    grown = [axis for axis, (old, new) in enumerate(zip(shape, after.shape, strict=False)) if old != new]
    if after.ndim != len(shape) or len(grown) != 1 or after.shape[grown[0]] != count * shape[grown[0]]:
        return Response(shape)
    axis = grown[0]
    entries = after.movedim(axis, 0).unflatten(0, (count, shape[axis]))
    changes = (entries - before.movedim(axis, 0)).abs().float()
    return Response(shape, axis, shape[axis], changes.nan_to_num(0, 0, 0).cpu())


def _response_one_by_one(before: Tensor, changes: list[Any]) -> Response:
    """The response of images passed one at a time; a first axis of length 1 is assumed to be that of images."""
    shape = tuple(before.shape)
    if not shape or shape[0] != 1 or len(changes) != 2 * BANDS:
        return Response(shape)
    return Response(shape, 0, 1, torch.stack(changes).nan_to_num(0, 0, 0))


@contextmanager
def entered(network: nn.Module, note: Callable[[Any], None]) -> Iterator[None]:
    """Inside: `note` is called with the network's input before each of its passes."""
    handle = network.register_forward_pre_hook(lambda _module, inputs: note(inputs[0] if inputs else None))
    try:
        yield
    finally:
        handle.remove()
