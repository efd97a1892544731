"""Auto-PGD: projected gradient ascent with momentum that finds its own step size."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar, Literal

import torch
from torch import Tensor

from ironglass.attacks.parts.climb import climb
from ironglass.attacks.parts.losses import LOSSES, dlr_targeted
from ironglass.attacks.parts.scores import attack_call, cross_entropy_of
from ironglass.attacks.parts.sparse_climb import sparse_climb
from ironglass.attacks.parts.threat import L1, USUAL, Threat
from ironglass.attacks.parts.worst_case import Rows, logits_of, runners_up, side_by_side
from ironglass.errors import InputError
from ironglass.fields import settings
from ironglass.models.classifier import Classifier
from ironglass.types import Images, Labels

LOSS_LABELS = {"ce": "cross-entropy", "dlr": "the DLR loss", "margin": "the margin"}


@settings(frozen=True, kw_only=True)
class APGD:
    """PGD with momentum and steps that shrink where the loss stalls (Croce & Hein 2020, arXiv 2003.01690).

    z = project(x + η · step(gradient)),  x' = project(x + 0.75 · (z − x) + 0.25 · (x − previous x)),  η = 2 · eps

    Under L1 the steps are sparse and come from larger balls (Croce & Hein 2021, arXiv 2103.01208); rho is not used.

    At each of `checkpoints`, an image's η is halved and it goes back to its best point if its loss rose in fewer than
    rho of the steps since the last one, or if neither η nor the best loss changed since.

    steps: gradients an image and restart.
    restarts: tries, each from a random start, while an image still stands.
    loss: a name in LOSSES: "ce", "dlr" (needs 3 classes) or "margin". An image that is fooled is left as it is then.
    """

    family: ClassVar[str] = "iterative"
    norms: ClassVar[tuple[str, ...]] = ("linf", "l2", "l1")
    threat: Threat = USUAL
    steps: int = 100
    restarts: int = 1
    rho: float = 0.75
    loss: Literal["ce", "dlr", "margin"] = "ce"

    def __post_init__(self) -> None:
        _check(self)
        if self.loss not in LOSSES:
            raise InputError(f"APGD has no loss {self.loss!r}: choose from {', '.join(LOSSES)}")

    @property
    def label(self) -> str:
        """The name for people, with the loss."""
        return f"APGD on {LOSS_LABELS[self.loss]}"

    @attack_call
    def __call__(
        self, classifier: Classifier, images: Images, labels: Labels, *, generator: torch.Generator | None = None
    ) -> Images:
        """Adversarial images in [0, 1], within the threat. Without a generator the draws are those of seed 0."""
        generator = generator or torch.Generator().manual_seed(0)

        def attempt(images: Images, labels: Labels, try_index: Rows, owner: Rows) -> Images:
            loss = cross_entropy_of(classifier) if self.loss == "ce" else LOSSES[self.loss]
            return _climb(self, classifier, images, (labels,), loss, generator, owner)

        return side_by_side(classifier, images, labels, self.restarts, attempt)[0]


@settings(frozen=True, kw_only=True)
class APGDTargeted:
    """APGD on the targeted DLR loss, once for each of the likeliest classes (Croce & Hein 2020, arXiv 2003.01690).

    targets: how many classes to aim at, the likeliest first; all of them where there are fewer. Needs 4 classes. The
    other settings are those of APGD, a target.
    """

    label: ClassVar[str] = "Targeted APGD"
    family: ClassVar[str] = "iterative"
    norms: ClassVar[tuple[str, ...]] = ("linf", "l2", "l1")
    threat: Threat = USUAL
    steps: int = 100
    restarts: int = 1
    rho: float = 0.75
    targets: int = 9

    def __post_init__(self) -> None:
        _check(self)
        if self.targets < 1:
            raise InputError(f"APGDTargeted has {self.targets} targets: give at least 1")

    @attack_call
    def __call__(
        self, classifier: Classifier, images: Images, labels: Labels, *, generator: torch.Generator | None = None
    ) -> Images:
        """Adversarial images in [0, 1], within the threat. Without a generator the draws are those of seed 0."""
        generator = generator or torch.Generator().manual_seed(0)

        targets = min(self.targets, len(classifier.classes) - 1)

        def attempt(images: Images, labels: Labels, try_index: Rows, owner: Rows) -> Images:
            ranked = runners_up(logits_of(classifier, images), labels, targets)
            classes = labels, ranked.gather(1, try_index[:, None] // self.restarts)[:, 0]
            return _climb(self, classifier, images, classes, dlr_targeted, generator, owner)

        return side_by_side(classifier, images, labels, targets * self.restarts, attempt)[0]


def _climb(
    attack: APGD | APGDTargeted,
    classifier: Classifier,
    images: Images,
    classes: tuple[Labels, ...],
    loss: Callable[..., Tensor],
    generator: torch.Generator,
    owner: Rows,
) -> Images:
    """One run from a random start; under L1 with steps of its own."""
    options: dict[str, Any] = {"start": attack.threat.start(images, generator), "steps": attack.steps, "owner": owner}
    if isinstance(attack.threat, L1):
        return sparse_climb(classifier, images, classes, loss, attack.threat, **options)
    return climb(classifier, images, classes, loss, attack.threat, rho=attack.rho, **options)


def _check(attack: APGD | APGDTargeted) -> None:
    name = type(attack).__name__
    if attack.steps < 1 or attack.restarts < 1:
        raise InputError(f"{name} has {attack.steps} steps and {attack.restarts} restarts: give at least 1 of each")
    if not 0 <= attack.rho <= 1:
        raise InputError(f"{name}'s rho is {attack.rho}: give a share of the steps, from 0 to 1")
