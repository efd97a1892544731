"""The decision on the layouts of layers that share their axes: the one measured most clearly, or else declared."""

from __future__ import annotations

from dataclasses import replace

from ironglass.explain.parts.layout.axes import Layout, Layouts, NoLayout
from ironglass.explain.parts.layout.candidates import best_layout, possible_layouts
from ironglass.explain.parts.layout.response import LayerGroup, Response
from ironglass.explain.parts.layout.score import APART, LIKELY, SURE, Changes, score_of

CLEAR = 0.25
"""Spread above which a layout without correlation is contradicted."""


def decide(group: LayerGroup, hints: dict[str, Layout | None], grids: list[tuple[int, int]], aspect: float) -> Layouts:
    """The layout of each requested layer of a group that shares its axes, or the reason why it has none.

    hints: layouts suggested by the layers' types.
    grids: possible grids (h, w) of tokens.
    aspect: width of the image over its height.
    """
    if group.image_axes is not None:
        rows, columns = group.image_axes.index(2), group.image_axes.index(3)
        return {name: _from_image(group.responses[name], (rows, columns)) for name in group.names}
    probed = {
        name: response
        for name, response in group.responses.items()
        if response.changes is not None and not _no_maps(response)
    }
    shared = _shared(probed, hints, grids, aspect)
    moved = any(response.changes is not None and response.changes.any() for response in probed.values())
    layouts: Layouts = {}
    for name in group.names:
        response = group.responses[name]
        layouts[name] = _no_maps(response) or _layout_of_layer(response, hints[name], shared, moved)
    return layouts


def _from_image(response: Response, space: tuple[int, ...]) -> Layout | NoLayout:
    """The layout of a layer whose axes are the image's. space: indices of rows and columns among the shared axes."""
    axes = tuple(response.axes[axis] for axis in space)
    if response.new & set(axes):
        return NoLayout(f"gives {response.shape} for one image, of which an axis mixes positions of the image")
    return Layout(response.shape, response.batch or 0, axes)


def _no_maps(response: Response) -> NoLayout | None:
    shape = response.shape
    if response.batch is None:
        why = NoLayout(f"gives {shape} whatever the number of images, and so does not lie over the image")
        why.over_no_image = True
        return why
    if response.groups > 1:
        return NoLayout(f"gives {shape} for one image: its batch is one of windows or parts, not of images")
    return NoLayout(f"gives {shape} for one image, without rows and columns") if len(shape) < 3 else None


def _shared(
    responses: dict[str, Response], hints: dict[str, Layout | None], grids: list[tuple[int, int]], aspect: float
) -> Layout | None:
    """The layout measured most clearly in one of the layers; else the one that the network declares for its tokens,
    unless it is contradicted."""
    best: tuple[float, Layout | None] = (0.0, None)
    stated: Layout | None = None
    contradicted = False
    for name, response in responses.items():
        changes, hint = Changes(response), hints[name]
        hint_score, spread = score_of(hint, changes) if hint is not None else (0.0, 0.0)
        if hint is not None and (hint_score >= SURE + APART or hint.single):
            return _in_shared_order(hint, response)
        best_here, score = best_layout(possible_layouts(response, grids, aspect), changes)
        if hint is not None and hint_score >= LIKELY and (best_here is None or hint_score >= score - 2 * APART):
            best_here, score = hint, hint_score
        if best_here is not None and score > best[0]:
            best = score, _in_shared_order(best_here, response)
        if hint is not None and stated is None:
            stated = _in_shared_order(hint, response)
        if hint is not None and hint_score < LIKELY:
            contradicted = contradicted or spread >= CLEAR or len(hint.space) == 2
    return best[1] if best[1] is not None or contradicted else stated


def _in_shared_order(layout: Layout, response: Response) -> Layout:
    """The layout of one response, in the order of the axes that its group shares."""
    order = response.axes
    space = tuple(order.index(axis) for axis in layout.space)
    shape = tuple(response.shape[axis] for axis in order)
    return replace(layout, shape=shape, batch=order.index(layout.batch), space=space)


def _layout_of_layer(response: Response, hint: Layout | None, shared: Layout | None, moved: bool) -> Layout | NoLayout:
    """Layout of one layer's output, from that of its group.

    shared: layout in the order of the axes that the group shares.
    moved: True if any output of the group changes with the image.
    """
    shape, text = response.shape, f"gives {response.shape} for one image"
    if shared is not None and response.batch == response.axes[shared.batch]:
        space = tuple(response.axes[axis] for axis in shared.space)
        fits = len(space) == 2 or shape[space[0]] == shared.shape[shared.space[0]]
        if response.new & set(space):
            return NoLayout(f"{text}, of which an axis mixes positions of the image")
        if fits:
            return replace(shared, shape=shape, batch=response.batch or 0, space=space)
    if hint is not None and hint.single:
        return hint
    if not moved:
        why = NoLayout(f"{text}, and the same for any image")
        why.over_no_image = True
        return why
    return NoLayout(f"{text}, no axes of which follow the image’s rows and columns measurably")
