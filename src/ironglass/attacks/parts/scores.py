"""Scores that attacks maximise: a network's logits, or the input of its last squashing or scaling operation."""

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
MIN_TOP_OVER_MEAN, MAX_TOP_OVER_SECOND = 1.0, 48.0
"""Score of the first class minus the mean, and minus the second: outside these bounds cross-entropy is flat."""
TARGET_TOP_OVER_MEAN = 8.0
"""First score minus the mean after scaling, rounded up to at most twice as much."""

P = ParamSpec("P")
R = TypeVar("R")
S = TypeVar("S")


@dataclass(frozen=True, kw_only=True)
class Outputs:
    """Reading of a network's outputs by an attack: as they are, by default.

    squash: name of the operation that made them, such as "softmax".
    watched: its input was recorded, and is maximised; else `undo` computes it from the outputs.
    lost: share of images where `undo` cannot.
    top_over_mean: score of the first class minus the mean score.
    factor: power of two by which cross-entropy multiplies the scores.
    """

    squash: str = ""
    watched: bool = False
    undo: Callable[[Tensor], Tensor] | None = field(default=None, compare=False, repr=False)
    lost: float = 0.0
    top_over_mean: float = 0.0
    factor: float = 1.0

    @classmethod
    def of(cls, outputs: Logits, watch: Watch) -> Outputs:
        """Reading of the outputs of one pass, (n, k), recorded by that watch."""
        with torch.no_grad():
            if outputs.ndim != 2 or outputs.shape[1] < 2 or not outputs.is_floating_point() or outputs.isnan().any():
                return cls()
            if squashed := watch.into(outputs):
                top_over_mean, factor = _scale(squashed.scores[:ROWS])
                return cls(squash=squashed.name, watched=True, top_over_mean=top_over_mean, factor=factor)
            if inverted := inverse(outputs):
                name, undo = inverted
                top_over_mean, factor = _scale(undo(outputs[:ROWS]))
                return cls(
                    squash=name,
                    undo=undo,
                    lost=float(lost(outputs).float().mean()),
                    top_over_mean=top_over_mean,
                    factor=factor,
                )
            top_over_mean, factor = _scale(outputs[:ROWS])
            return cls(top_over_mean=top_over_mean, factor=factor)


LOGITS = Outputs()
"""Read as they are."""


def _scale(scores: Tensor) -> tuple[float, float]:
    """First score minus the mean, and the power of two that keeps cross-entropy from being flat; 1 where it is not."""
    scores = scores.double()
    top = scores.topk(2, dim=1).values
    top_over_mean = float((top[:, 0] - scores.mean(1)).median())
    gap = float((top[:, 0] - top[:, 1]).amax())
    # of two classes there is but one other: the gradient has the same direction at any scale
    faint = top_over_mean < (MIN_TOP_OVER_MEAN if scores.shape[1] > 2 else 1e-6)
    if not (0 < top_over_mean < np.inf and gap < np.inf and (faint or gap > MAX_TOP_OVER_SECOND)):
        return top_over_mean, 1.0
    largest_exponent = np.floor(np.log2(MAX_TOP_OVER_SECOND / gap)) if gap > 0 else 100
    exponent = (
        min(np.ceil(np.log2(TARGET_TOP_OVER_MEAN / top_over_mean)), largest_exponent) if faint else largest_exponent
    )
    return top_over_mean, float(2.0 ** np.clip(exponent, -100, 100))


class Scores(Classifier):
    """A classifier of the same network whose outputs are its scores, as `Outputs` reads them from the first pass on.

    The first of an image's classes is that of the network's own outputs in every pass, ties of saturated ones included.
    A network's logits stay the bits that they are.
    """

    @classmethod
    def of(cls, classifier: Classifier) -> Scores:
        """The classifier as an attack sees it."""
        scores: Any = copy.copy(classifier)
        scores.__class__ = cls
        vars(scores).pop("forward", None)
        half = any(parameter.dtype == torch.float16 for parameter in classifier.network.parameters())
        vars(scores).update(_plain_forward=classifier.forward, _half=half, reading=None)
        return scores

    @property
    def factor(self) -> float:
        """Factor by which cross-entropy multiplies the scores; 1 before the first pass."""
        return reading.factor if (reading := vars(self)["reading"]) else 1.0

    def forward(self, images: Images) -> Logits:
        """Scores (n, k)."""
        plain_forward, reading = vars(self)["_plain_forward"], vars(self)["reading"]
        if reading is not None and not reading.squash and not vars(self)["_half"]:
            return plain_forward(images)
        lift = Lift() if vars(self)["_half"] and torch.is_grad_enabled() else None
        images = lift.lower(images) if lift else images
        if reading is None or reading.watched:
            with Watch(len(images) * len(self.classes)) as watch:
                outputs = plain_forward(images)
            if reading is None:
                vars(self)["reading"] = reading = Outputs.of(outputs, watch)
            squashed = watch.into(outputs) if reading.watched else None
            scores = squashed.scores if squashed else outputs
        else:
            outputs = scores = plain_forward(images)
        scores = reading.undo(outputs) if reading.undo else scores
        scores = lift.raise_(scores.float()) if lift else scores
        return _with_top_class(scores.float(), outputs.detach().argmax(1)) if reading.squash else scores


def outputs_of(classifier: Classifier, images: Images) -> Outputs:
    """Finds how an attack on these images reads the network's outputs, by one pass over a few of them."""
    with undisturbed(classifier.device), attackable(classifier) as target, torch.no_grad():
        target(plain(_spread(images)).to(classifier.device))
        return vars(target)["reading"]


def reads_logits(target: Classifier) -> bool:
    """Returns whether a classifier inside `attackable` has read its passes as logits, in full precision."""
    reading = vars(target).get("reading")
    return reading is not None and not reading.squash and not vars(target)["_half"]


def read_rows(logits: Logits) -> Outputs:
    """`outputs_of` from the logits (n, k) of a pass over all images, of a network that `reads_logits`."""
    return Outputs.of(_spread(logits), Watch(0))


def _spread(rows: Tensor) -> Tensor:
    """Up to 8 rows, evenly spaced."""
    return rows[:: max(1, len(rows) // ROWS)][:ROWS]


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
        state = draws.get_state() if isinstance(draws, torch.Generator) else None
        with torch.inference_mode(False), attackable(classifier) as target:

            def attempt() -> Any:
                if state is not None:  # a second attempt, after memory ran out, draws the same
                    draws.set_state(state)
                return method(self, target, images, labels, *args, **named)

            result: Any = in_room(classifier.network, len(images), attempt)
        return type(result)(*map(plain, result)) if hasattr(result, "_fields") else plain(result)

    return call


def plain(value: Any) -> Any:
    """A tensor without graph, out of inference mode, dense in memory, at least float32; other values unchanged."""
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


def _with_top_class(scores: Tensor, classes: Labels) -> Tensor:
    """The scores, with each image's given class raised to the top where it is not; gradients unchanged."""
    differs = scores.argmax(1) != classes
    if not differs.any():
        return scores
    top = scores.detach().amax(1)
    mask = torch.nn.functional.one_hot(classes, scores.shape[1]).bool() & differs[:, None]
    above = (top + 1e-6 * top.abs().clamp_min(1e-6))[:, None]
    return torch.where(mask, scores + (above - scores).detach(), scores)
