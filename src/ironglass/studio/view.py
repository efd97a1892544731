"""Views of one picture: painted on, attacked, classified and explained."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import torch

from ironglass.choices import unknown
from ironglass.errors import InputError
from ironglass.explain import EXPLAINERS, occluded_scores, positions
from ironglass.explain import explain as explain_maps
from ironglass.measure.robustness.requested_attack import requested_attacks
from ironglass.models.classifier import Classifier
from ironglass.models.frozen import frozen
from ironglass.models.predict import predicted
from ironglass.studio.strokes import Rectangle, Stroke, paint, read_strokes
from ironglass.types import Images, Logits, Maps

ATTACKS = ("fgsm", "pgd-20", "apgd-ce-20", "mi-fgsm", "square-200", "noise")
"""Attacks that are done while somebody waits."""
STEPS = {"linf": 255, "l2": 10}
"""Steps of the eps slider in a change of 1, under each norm."""
MOST_STEPS = 64
TRIED = (1, 2, 3, 4, 5, 6, 7, 8, 10, 12, 14, 16, 20, 24, 28, 32, 40, 48, 56, 64)
"""Steps at which the smallest change is looked for, in this order."""

Check = Callable[[], None]
"""Raises `Superseded` where nobody waits for the answer any more."""


class Superseded(Exception):
    """A newer request of the same page has come."""


@dataclass(frozen=True, kw_only=True)
class Request:
    """A request: changes to a picture, and the map that is shown of it.

    strokes: what is painted over it.
    method: of the maps, a name in EXPLAINERS; "" for none.
    target: the class that the maps explain, a position in the classifier's classes; None for the one predicted for
        the picture as it was.
    attack: one of ATTACKS; "" for none.
    norm: "linf" or "l2".
    steps: the size of the attack, in 255ths of the range of a pixel under linf and in tenths under l2.
    """

    strokes: tuple[Stroke, ...] = ()
    method: str = ""
    target: int | None = None
    attack: str = ""
    norm: str = "linf"
    steps: int = 0

    @property
    def eps(self) -> float:
        """Size of the attack, in units of [0, 1]."""
        return self.steps / STEPS[self.norm]


@dataclass(frozen=True, kw_only=True)
class View:
    """A picture before and after.

    pair: the picture as it was, and as it was painted on and attacked: (2, c, h, w) in [0, 1].
    painted: the picture as it was painted on, (1, c, h, w).
    logits: of the pair, (2, k).
    predictions: classes of the pair; -1 where the logits are no numbers.
    attacked_label: the class that the attack leads away from; None where there was no attack.
    target: the explained class.
    maps: signed, of the pair, (2, 1 or c, h', w') by layer, or under the method's name where it has one map.
    by_layer: whether the maps are of layers.
    """

    pair: Images
    painted: Images
    logits: Logits
    predictions: tuple[int, int]
    attacked_label: int | None
    target: int
    maps: dict[str, Maps]
    by_layer: bool


def read_request(value: dict[str, Any], classes: int) -> Request:
    """The request in JSON, checked. Raises InputError for a field that has none of its values."""
    method, attack, norm = (
        value.get(name, usual) for name, usual in (("method", ""), ("attack", ""), ("norm", "linf"))
    )
    choices = (("method", method, ("", *EXPLAINERS)), ("attack", attack, ("", *ATTACKS)), ("norm", norm, tuple(STEPS)))
    for name, given, known in choices:
        if not isinstance(given, str) or given not in known:
            raise unknown(name, str(given), [one for one in known if one])
    target, steps = value.get("target"), value.get("steps", 0)
    if target is not None and (isinstance(target, bool) or not isinstance(target, int) or not 0 <= target < classes):
        raise InputError(f"target: give a class from 0 to {classes - 1}, or null")
    if isinstance(steps, bool) or not isinstance(steps, int) or not 0 <= steps <= MOST_STEPS:
        raise InputError(f"steps: give a whole number from 0 to {MOST_STEPS}")
    strokes = read_strokes(value.get("strokes", []))
    return Request(strokes=strokes, method=method, target=target, attack=attack, norm=norm, steps=steps)


def view(
    classifier: Classifier, picture: Images, label: int | None, request: Request, check: Check = lambda: None
) -> View:
    """Paints on the picture, attacks it, and then classifies and explains it beside the picture as it was.

    picture: float32 (1, c, h, w) in [0, 1].
    label: its true class, which an attack leads away from; None where nobody knows, and then it leads away from the
        class that is predicted for the painted picture.
    check: called between the parts, may raise `Superseded`.

    Raises InputError where the method or the attack does not fit the network.
    """
    picture = picture.to(classifier.device)
    painted = paint(picture, request.strokes)
    changed, attacked_label = painted, None
    if request.attack and request.steps:
        attacked_label = _predictions(classifier, painted)[0] if label is None else label
        check()
        changed = attacked(classifier, painted, attacked_label, request)
    check()
    pair = torch.cat([picture, changed])
    logits = logits_of_pair(classifier, pair)
    before, after = predicted(logits).tolist()
    target = max(before, 0) if request.target is None else request.target
    maps: dict[str, Maps] = {}
    found: Any = None
    if request.method:
        check()
        found = explain_maps(classifier, pair, torch.tensor([target, target]), request.method)
        maps = found if isinstance(found, dict) else {request.method: found}
    return View(
        pair=pair, painted=painted, logits=logits, predictions=(before, after), attacked_label=attacked_label,
        target=target, maps={name: one.detach() for name, one in maps.items()}, by_layer=isinstance(found, dict),
    )  # fmt: skip


def attacked(classifier: Classifier, images: Images, label: int, request: Request) -> Images:
    """The images as `ironglass.attack` gives them with seed 0, without the verdict, which takes far longer."""
    if classifier.without_gradient and not request.attack.startswith(("square", "noise")):
        raise InputError(f"{classifier.without_gradient}, which {request.attack} needs: choose square-200 or noise")
    (attack,) = requested_attacks(request.attack, request.eps, request.norm, {})
    labels = torch.full((len(images),), label, device=classifier.device)
    return attack(classifier, classifier.accept(images), labels, generator=torch.Generator().manual_seed(0))


def logits_of_pair(classifier: Classifier, pair: Images) -> Logits:
    """Logits (n, k) of a few images in one pass."""
    with frozen(classifier), torch.no_grad():
        return classifier(pair)


def smallest_steps(
    classifier: Classifier, picture: Images, label: int | None, request: Request, check: Check = lambda: None
) -> int | None:
    """The first of TRIED at which the attack changes the class of the painted picture; None where none does.

    Raises InputError where no attack is chosen.
    """
    if not request.attack:
        raise InputError("choose an attack first: the smallest change is that of an attack")
    painted = paint(picture.to(classifier.device), request.strokes)
    (before,) = _predictions(classifier, painted)
    for steps in TRIED:
        check()
        adversarial = attacked(classifier, painted, before if label is None else label, replace(request, steps=steps))
        if _predictions(classifier, adversarial)[0] != before:
            return steps
    return None


def worst_place(
    classifier: Classifier, picture: Images, request: Request, side: int, fill: str
) -> tuple[Rectangle, float]:
    """The place of a square patch that takes most from the probability of the explained class, and what is left of it.

    Every place in steps of a quarter of the side is tried, on the painted picture. Raises InputError for a side that
    does not fit, and a fill that there is not.
    """
    painted = paint(picture.to(classifier.device), request.strokes)
    size = (painted.shape[2], painted.shape[3])
    if not 1 <= side <= min(size):
        raise InputError(f"the patch is {side} pixels a side: give 1 to {min(size)}")
    target = _predictions(classifier, picture.to(classifier.device))[0] if request.target is None else request.target
    stride = max(1, side // 4)
    scores = occluded_scores(
        classifier, painted, torch.tensor([max(target, 0)], device=classifier.device), patch=side, stride=stride,
        fill=fill,
    )[0]  # fmt: skip
    worst = int(scores.argmin())
    top, left, bottom, right = positions(size, side, stride)[worst].tolist()
    return Rectangle(fill=fill, top=top, left=left, height=bottom - top, width=right - left), float(scores[worst])


def _predictions(classifier: Classifier, images: Images) -> list[int]:
    return predicted(logits_of_pair(classifier, classifier.accept(images))).tolist()
