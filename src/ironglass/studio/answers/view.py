"""Views of one picture: rotated, painted on, attacked; classified and explained by one model or two."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch

from ironglass.errors import InputError
from ironglass.explain import explain as explain_maps
from ironglass.measure.robustness.requested_attack import requested_attacks
from ironglass.models.classifier import Classifier
from ironglass.models.eval_without_grad import eval_without_grad
from ironglass.models.predict import predicted
from ironglass.studio.answers.request import Request
from ironglass.studio.edit.rotation import rotate
from ironglass.studio.edit.strokes import paint
from ironglass.studio.superseded import Check, unchecked
from ironglass.types import Images, Logits, Maps


@dataclass(frozen=True, kw_only=True)
class Output:
    """A model's output for the picture before and after.

    logits: of the pair, (2, k).
    predictions: classes of the pair; -1 where the logits are no numbers.
    maps: signed, of the pair, (2, 1 or c, h', w') by layer, or under the method's name where it has one map.
    by_layer: whether the maps are of layers.
    """

    logits: Logits
    predictions: tuple[int, int]
    maps: dict[str, Maps]
    by_layer: bool


@dataclass(frozen=True, kw_only=True)
class View(Output):
    """A picture before and after, and the output of the model that the attack is made on.

    pair: the picture as it was, and as it was changed: (2, c, h, w) in [0, 1].
    painted: the picture as it was rotated and painted on, (1, c, h, w).
    attacked_label: the class that the attack leads away from; None where there was no attack.
    target: the explained class.
    second: the output of the other model for the same pair; None where there is none.
    """

    pair: Images
    painted: Images
    attacked_label: int | None
    target: int
    second: Output | None = None


def view(
    classifier: Classifier, picture: Images, label: int | None, request: Request, check: Check = unchecked,
    *, donors: Sequence[Images] = (), second: Classifier | None = None,
) -> View:  # fmt: skip
    """Changes the picture, and then classifies and explains it beside the picture as it was.

    picture: float32 (1, c, h, w) in [0, 1].
    label: its true class, which an attack leads away from; None where nobody knows, and then it leads away from the
        class that is predicted for the painted picture.
    check: called between the parts, may raise `Superseded`.
    donors: pictures that strokes may take their pixels from, as large as the picture.
    second: another model, of the same classes, that is shown the same pair.

    Raises InputError where the method or the attack does not fit a network.
    """
    picture = picture.to(classifier.device)
    painted = edited(picture, request, donors)
    changed, attacked_label = painted, None
    if request.is_attacked:
        attacked_label = predictions(classifier, painted)[0] if label is None else label
        check()
        changed = attacked(classifier, painted, attacked_label, request)
    check()
    pair = torch.cat([picture, changed])
    logits = logits_of_pair(classifier, pair)
    target = max(int(predicted(logits)[0]), 0) if request.target is None else request.target
    first = _output(classifier, pair, logits, target, request.method, check)
    other = None
    if second is not None:
        check()
        other = _output(second, pair, logits_of_pair(second, pair), target, request.method, check)
    return View(
        **vars(first), pair=pair, painted=painted, attacked_label=attacked_label, target=target, second=other
    )  # fmt: skip


def _output(classifier: Classifier, pair: Images, logits: Logits, target: int, method: str, check: Check) -> Output:
    maps: dict[str, Maps] = {}
    computed: Any = None
    if method:
        check()
        computed = explain_maps(classifier, pair, torch.tensor([target, target]), method)
        maps = computed if isinstance(computed, dict) else {method: computed}
    before, after = predicted(logits).tolist()
    detached = {name: values.detach() for name, values in maps.items()}
    return Output(logits=logits, predictions=(before, after), maps=detached, by_layer=isinstance(computed, dict))


def edited(picture: Images, request: Request, donors: Sequence[Images] = ()) -> Images:
    """The picture rotated and painted on, before any attack."""
    return paint(rotate(picture, request.degrees), request.strokes, donors)


def attacked(classifier: Classifier, images: Images, label: int, request: Request) -> Images:
    """The images as `ironglass.attack` gives them with seed 0, without the verdict, which takes far longer."""
    if classifier.without_gradient and not request.attack.startswith(("square", "noise")):
        raise InputError(f"{classifier.without_gradient}, which {request.attack} needs: choose square-200 or noise")
    (attack,) = requested_attacks(request.attack, request.eps, request.norm, {})
    labels = torch.full((len(images),), label, device=classifier.device)
    return attack(classifier, classifier.accept(images), labels, generator=torch.Generator().manual_seed(0))


def logits_of_pair(classifier: Classifier, pair: Images) -> Logits:
    """Logits (n, k) of a few images in one pass."""
    with eval_without_grad(classifier), torch.no_grad():
        return classifier(pair)


def predictions(classifier: Classifier, images: Images) -> list[int]:
    """The predicted class of each of a few images; -1 where its logits are no numbers."""
    return predicted(logits_of_pair(classifier, classifier.accept(images))).tolist()
