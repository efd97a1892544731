"""The scores that an attack climbs: a network's logits, or, where it squashes or scales them, what lies behind."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import wraps
from typing import Any, Concatenate, ParamSpec, TypeVar

import numpy as np
import torch
from torch import Tensor

from ironglass.attacks.parts.lift import Lift
from ironglass.attacks.parts.losses import cross_entropy
from ironglass.attacks.parts.squash import Watch, inverse, lost
from ironglass.engine.folding.fold import folded
from ironglass.models.batch_dependence import undisturbed
from ironglass.models.checks import check_classifier, check_images, check_labels
from ironglass.models.classifier import Classifier
from ironglass.models.memory import in_room
from ironglass.types import Images, Labels, Logits

ROWS = 8
"""Images of a pass by which the scale of its scores is measured."""
FAINT, LOUD = 1.0, 48.0
"""Lead of the first class over the average one, and over the second, outside of which cross-entropy is flat."""
AIM = 8.0
"""What a lead over the average class is brought to, or at most to twice as much."""

P = ParamSpec("P")
R = TypeVar("R")
S = TypeVar("S")


@dataclass(frozen=True, kw_only=True)
class Outputs:
    """Reading of a network's outputs by an attack: as they are, by default.

    squash: name of the operation that they came out of, such as "softmax".
    watched: its input was seen, and is what is climbed; else `undo` gives it from the numbers, and lost is the share of
        images where it cannot.
    lead: the first class's score over the average one's.
    factor: power of two by which cross-entropy multiplies the scores.
    """

    squash: str = ""
    watched: bool = False
    undo: Callable[[Tensor], Tensor] | None = field(default=None, compare=False, repr=False)
    lost: float = 0.0
    lead: float = 0.0
    factor: float = 1.0

    @classmethod
    def of(cls, outputs: Logits, watch: Watch) -> Outputs:
        """As found on the outputs of one pass, (n, k), under that watch."""
        with torch.no_grad():
            if outputs.ndim != 2 or outputs.shape[1] < 2 or not outputs.is_floating_point() or outputs.isnan().any():
                return cls()
            if squashed := watch.into(outputs):
                lead, factor = _scale(squashed.scores[:ROWS])
                return cls(squash=squashed.name, watched=True, lead=lead, factor=factor)
            if found := inverse(outputs):
                name, undo = found
                lead, factor = _scale(undo(outputs[:ROWS]))
                return cls(squash=name, undo=undo, lost=float(lost(outputs).float().mean()), lead=lead, factor=factor)
            lead, factor = _scale(outputs[:ROWS])
            return cls(lead=lead, factor=factor)


LOGITS = Outputs()
"""Read as they are."""


def _scale(scores: Tensor) -> tuple[float, float]:
    """The lead, and the power of two by which cross-entropy tells classes apart: 1 where it does already."""
    scores = scores.double()
    top = scores.topk(2, dim=1).values
    lead = float((top[:, 0] - scores.mean(1)).median())
    gap = float((top[:, 0] - top[:, 1]).amax())
    # of two classes there is but one other: the gradient has the same direction at any scale
    faint = lead < (FAINT if scores.shape[1] > 2 else 1e-6)
    if not (0 < lead < np.inf and gap < np.inf and (faint or gap > LOUD)):
        return lead, 1.0
    most = np.floor(np.log2(LOUD / gap)) if gap > 0 else 100
    exponent = min(np.ceil(np.log2(AIM / lead)), most) if faint else most
    return lead, float(2.0 ** np.clip(exponent, -100, 100))


class Scores(Classifier):
    """A classifier of the same network whose outputs are its scores, as `Outputs` reads them from the first pass on.

    The first of an image's classes is that of the network's own outputs in every pass, ties of saturated ones included.
    A network's logits stay the bits that they are.
    """

    @classmethod
    def of(cls, classifier: Classifier) -> Scores:
        """The classifier as an attack sees it."""
        found: Any = copy.copy(classifier)
        found.__class__ = cls
        vars(found).pop("forward", None)
        half = any(parameter.dtype == torch.float16 for parameter in classifier.network.parameters())
        vars(found).update(_own=classifier.forward, _half=half, how=None)
        return found

    @property
    def factor(self) -> float:
        """By what cross-entropy multiplies the scores; 1 before the first pass."""
        return how.factor if (how := vars(self)["how"]) else 1.0

    def forward(self, images: Images) -> Logits:
        """Scores (n, k)."""
        own, how = vars(self)["_own"], vars(self)["how"]
        if how is not None and not how.squash and not vars(self)["_half"]:
            return own(images)
        lift = Lift() if vars(self)["_half"] and torch.is_grad_enabled() else None
        images = lift.lower(images) if lift else images
        if how is None or how.watched:
            with Watch(len(images) * len(self.classes)) as watch:
                outputs = own(images)
            if how is None:
                vars(self)["how"] = how = Outputs.of(outputs, watch)
            squashed = watch.into(outputs) if how.watched else None
            scores = squashed.scores if squashed else outputs
        else:
            outputs = scores = own(images)
        scores = how.undo(outputs) if how.undo else scores
        scores = lift.raise_(scores.float()) if lift else scores
        return _led_by(scores.float(), outputs.detach().argmax(1)) if how.squash else scores


def outputs_of(classifier: Classifier, images: Images) -> Outputs:
    """Finds how an attack on these images reads the network's outputs, by one pass over a few of them."""
    with undisturbed(classifier.device), attackable(classifier) as target, torch.no_grad():
        target(plain(images[:: max(1, len(images) // ROWS)][:ROWS]).to(classifier.device))
        return vars(target)["how"]


@contextmanager
def attackable(classifier: Classifier) -> Iterator[Classifier]:
    """Inside: the network `folded`, and the classifier that gives its `Scores`."""
    with folded(classifier):
        yield classifier if isinstance(classifier, Scores) else Scores.of(classifier)


def cross_entropy_of(classifier: Classifier) -> Callable[[Logits, Labels], Tensor]:
    """`cross_entropy` of what the classifier gives inside `attackable`, brought to where it tells classes apart."""

    def loss(scores: Logits, labels: Labels) -> Tensor:
        factor = classifier.factor if isinstance(classifier, Scores) else 1.0
        return cross_entropy(scores if factor == 1 else scores * factor, labels)

    return loss


def attack_call(
    method: Callable[Concatenate[S, Classifier, Images, Labels, P], R],
) -> Callable[Concatenate[S, Classifier, Images, Labels, P], R]:
    """Decorator for an attack's `__call__(self, classifier, images, labels, *, generator=None)`.

    Raises InputError for wrong images and labels. Inside, the network is in evaluation mode and its parameters take no
    gradient; on leaving, also by an exception, it is as it was. Where memory runs out, the attack begins anew with the
    same draws. Images hang on no graph and are no inference tensors, neither those that come in nor those that go out;
    float16 and bfloat16, whose own values lie too far apart for an eps, become float32.
    """

    @wraps(method)
    def call(self: S, classifier: Classifier, images: Images, labels: Labels, *args: P.args, **named: P.kwargs) -> R:
        if not isinstance(classifier, Scores):  # else an attack within an attack, whose images were checked
            check_classifier(classifier)
            check_images(images, classifier.channels)
            check_labels(labels, len(images), len(classifier.classes))
        images, labels = plain(images), plain(labels)
        draws: Any = named.get("generator")
        before = draws.get_state() if isinstance(draws, torch.Generator) else None
        with torch.inference_mode(False), attackable(classifier) as target:

            def attempt() -> Any:
                if before is not None:  # a second attempt, after memory ran out, draws the same
                    draws.set_state(before)
                return method(self, target, images, labels, *args, **named)

            found: Any = in_room(classifier.network, len(images), attempt)
        return type(found)(*map(plain, found)) if hasattr(found, "_fields") else plain(found)

    return call


def plain(value: Any) -> Any:
    """A tensor without graph, out of inference mode, each value in a place of its own, at least float32; others as they
    are."""
    if not isinstance(value, Tensor):
        return value
    with torch.inference_mode(False), torch.no_grad():
        value = value.detach()
        if value.is_inference():
            value = value.clone()
        if value.dtype in (torch.float16, torch.bfloat16):
            value = value.float()
        dense = value.ndim != 4 or value.is_contiguous(memory_format=torch.channels_last)
        return value if dense or value.is_contiguous() else value.contiguous()


def _led_by(scores: Tensor, classes: Labels) -> Tensor:
    """The scores, that of an image's class raised above all others where it is not the first; gradients as before."""
    off = scores.argmax(1) != classes
    if not off.any():
        return scores
    top = scores.detach().amax(1)
    place = torch.nn.functional.one_hot(classes, scores.shape[1]).bool() & off[:, None]
    above = (top + 1e-6 * top.abs().clamp_min(1e-6))[:, None]
    return torch.where(place, scores + (above - scores).detach(), scores)
