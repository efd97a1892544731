"""Searches on one picture: the smallest change that fools a model, and the worst position of a patch."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import torch

from ironglass.errors import InputError
from ironglass.explain import positions
from ironglass.explain.parts.fill import fill_images
from ironglass.models.classifier import Classifier
from ironglass.studio.answers.request import Request
from ironglass.studio.answers.view import attacked, edited, logits_of_pair, predictions
from ironglass.studio.edit.strokes import Rectangle
from ironglass.studio.superseded import Check, unchecked
from ironglass.types import Images

TRIED = (1, 2, 3, 4, 5, 6, 7, 8, 10, 12, 14, 16, 20, 24, 28, 32, 40, 48, 56, 64)
"""Steps at which the smallest change is looked for, in this order."""
AT_ONCE = 16
"""Positions of a patch that are tried at once."""


def smallest_steps(
    classifier: Classifier, picture: Images, label: int | None, request: Request, check: Check = unchecked,
    *, donors: Sequence[Images] = (),
) -> int | None:  # fmt: skip
    """The first of TRIED at which the attack changes the class of the painted picture; None where none does.

    Raises InputError where no attack is chosen.
    """
    if not request.attack:
        raise InputError("choose an attack first: the smallest change is that of an attack")
    painted = edited(picture.to(classifier.device), request, donors)
    (before,) = predictions(classifier, painted)
    for steps in TRIED:
        check()
        adversarial = attacked(classifier, painted, before if label is None else label, replace(request, steps=steps))
        if predictions(classifier, adversarial)[0] != before:
            return steps
    return None


def worst_position(
    classifier: Classifier, picture: Images, request: Request, side: int, fill: str, check: Check = unchecked,
    *, donors: Sequence[Images] = (),
) -> tuple[Rectangle, float]:  # fmt: skip
    """The position of a square patch that takes most from the probability of the explained class, and what is left.

    Every position in steps of a quarter of the side is tried, on the painted picture. Raises InputError for a side that
    does not fit.
    """
    painted = edited(picture.to(classifier.device), request, donors)
    size = (painted.shape[2], painted.shape[3])
    if not 1 <= side <= min(size):
        raise InputError(f"the patch is {side} pixels a side: give 1 to {min(size)}")
    target = predictions(classifier, picture.to(classifier.device))[0] if request.target is None else request.target
    corners, filling = positions(size, side, max(1, side // 4)), fill_images(fill, painted)
    rows, columns = torch.arange(size[0])[:, None], torch.arange(size[1])
    left: list[float] = []
    for part in corners.split(AT_ONCE):  # not by `occluded_scores`, which cannot be called off
        check()
        top, start, bottom, end = part.T[..., None, None]
        hidden = ((rows >= top) & (rows < bottom) & (columns >= start) & (columns < end))[:, None]
        logits = logits_of_pair(classifier, torch.where(hidden.to(painted.device), filling, painted))
        left += logits.softmax(1)[:, max(target, 0)].tolist()
    worst = min(range(len(left)), key=left.__getitem__)
    top, start, bottom, end = corners[worst].tolist()
    return Rectangle(fill=fill, top=top, left=start, height=bottom - top, width=end - start), left[worst]
