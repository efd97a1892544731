"""The decision on the layouts of layers that share their axes: what is seen most clearly, or else stated."""

from __future__ import annotations

from dataclasses import replace

from ironglass.explain.parts.layout.axes import Found, Layout, Unlaid
from ironglass.explain.parts.layout.candidates import possible_layouts, seen_best
from ironglass.explain.parts.layout.response import Kin, Response
from ironglass.explain.parts.layout.score import APART, LIKELY, SURE, Changes, score_of

CLEAR = 0.25
"""Spread from which a layout that nothing moves along with is contradicted."""


def decide(kin: Kin, hints: dict[str, Layout | None], grids: list[tuple[int, int]], wide: float) -> Found:
    """The layout of each layer asked for among those that share their axes, or why there is none.

    hints: what the layers' types say.
    grids: (h, w) that tokens may lie on.
    wide: the image's width over its height.
    """
    if kin.of_image is not None:
        rows, columns = kin.of_image.index(2), kin.of_image.index(3)
        return {name: _of_image(kin.responses[name], (rows, columns)) for name in kin.names}
    seen = {name: one for name, one in kin.responses.items() if one.changes is not None and not _no_maps(one)}
    shared = _shared(seen, hints, grids, wide)
    moved = any(one.changes is not None and one.changes.any() for one in seen.values())
    found: Found = {}
    for name in kin.names:
        response = kin.responses[name]
        found[name] = _no_maps(response) or _own(response, hints[name], shared, moved)
    return found


def _of_image(response: Response, space: tuple[int, ...]) -> Layout | Unlaid:
    """space: which of the shared axes are rows and columns."""
    own = tuple(response.axes[axis] for axis in space)
    if response.new & set(own):
        return Unlaid(f"gives {response.shape} for one image, of which an axis mixes places of the image")
    return Layout(response.shape, response.batch or 0, own)


def _no_maps(response: Response) -> Unlaid | None:
    shape = response.shape
    if response.batch is None:
        why = Unlaid(f"gives {shape} whatever the number of images, and so does not lie over the image")
        why.over_no_image = True
        return why
    if response.groups > 1:
        return Unlaid(f"gives {shape} for one image: its batch is one of windows or parts, not of images")
    return Unlaid(f"gives {shape} for one image, which has no places") if len(shape) < 3 else None


def _shared(
    responses: dict[str, Response], hints: dict[str, Layout | None], grids: list[tuple[int, int]], wide: float
) -> Layout | None:
    """The layout that is seen most clearly in one of the layers; else what the network states of its tokens, unless
    that is contradicted."""
    best: tuple[float, Layout | None] = (0.0, None)
    stated: Layout | None = None
    contradicted = False
    for name, response in responses.items():
        changes, hint = Changes(response), hints[name]
        own, spread = score_of(hint, changes) if hint is not None else (0.0, 0.0)
        if hint is not None and (own >= SURE + APART or hint.single):
            return _in_common(hint, response)
        seen, score = seen_best(possible_layouts(response, grids, wide), changes)
        if hint is not None and own >= LIKELY and (seen is None or own >= score - 2 * APART):
            seen, score = hint, own
        if seen is not None and score > best[0]:
            best = score, _in_common(seen, response)
        if hint is not None and stated is None:
            stated = _in_common(hint, response)
        if hint is not None and own < LIKELY:
            contradicted = contradicted or spread >= CLEAR or len(hint.space) == 2
    return best[1] if best[1] is not None or contradicted else stated


def _in_common(layout: Layout, response: Response) -> Layout:
    """The layout of one response, in the order of the axes that its kin share."""
    order = response.axes
    space = tuple(order.index(axis) for axis in layout.space)
    shape = tuple(response.shape[axis] for axis in order)
    return replace(layout, shape=shape, batch=order.index(layout.batch), space=space)


def _own(response: Response, hint: Layout | None, shared: Layout | None, moved: bool) -> Layout | Unlaid:
    """Layout of one layer's output, from that of the layers that share its axes. shared: in the order of the axes that
    they share. moved: whether anything of them changes with the image."""
    shape, text = response.shape, f"gives {response.shape} for one image"
    if shared is not None and response.batch == response.axes[shared.batch]:
        space = tuple(response.axes[axis] for axis in shared.space)
        fits = len(space) == 2 or shape[space[0]] == shared.shape[shared.space[0]]
        if response.new & set(space):
            return Unlaid(f"{text}, of which an axis mixes places of the image")
        if fits:
            return replace(shared, shape=shape, batch=response.batch or 0, space=space)
    if hint is not None and hint.single:
        return hint
    if not moved:
        why = Unlaid(f"{text}, and the same for any image")
        why.over_no_image = True
        return why
    return Unlaid(f"{text}, of which no axes can be seen to follow the image’s rows and columns")
