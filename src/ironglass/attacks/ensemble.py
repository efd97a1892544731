"""Several attacks as one: per image the worst case."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import KW_ONLY, dataclass, replace
from typing import Any, ClassVar, NamedTuple

import torch

from ironglass.attacks.apgd import APGD, APGDTargeted
from ironglass.attacks.fab import FAB
from ironglass.attacks.parts.scores import attack_call
from ironglass.attacks.parts.threat import L1, USUAL, Threat
from ironglass.attacks.parts.worst_case import Try, worst_case
from ironglass.attacks.square import Square
from ironglass.errors import InputError
from ironglass.fields import settings
from ironglass.models.classifier import Classifier
from ironglass.types import Images, Labels


class WorstCase(NamedTuple):
    """Result of an ensemble on a batch.

    adversarial: (n, c, h, w).
    fooled_by: (n,), the name of the attack that fooled each image, "clean" where it is misread without any, "" where it
        stands.
    """

    adversarial: Images
    fooled_by: tuple[str, ...]


@dataclass(frozen=True)
class Ensemble:
    """Attacks in turn, each only on the images that the ones before did not fool (Croce & Hein 2020, arXiv 2003.01690).

    attacks: by name, in order.
    threat: given to every one of them; None for the one they share.
    label: which variant this is, for the report.

    After each attack a fresh pass decides which images are fooled; of attacks that do not fool an image, it keeps the
    one that came closest.
    """

    attacks: Mapping[str, Any]
    _: KW_ONLY
    threat: Threat = None  # pyright: ignore[reportAssignmentType]  # replaced by the shared one below
    label: str = ""

    def __post_init__(self) -> None:
        if not self.attacks:
            raise InputError("the ensemble has no attacks: give at least one, by name")
        threat = self.threat or next(iter(self.attacks.values())).threat
        if self.threat is None and any(attack.threat != threat for attack in self.attacks.values()):
            raise InputError("the ensemble's attacks have different threats: give one threat for all")
        object.__setattr__(self, "threat", threat)
        object.__setattr__(
            self, "attacks", {name: replace(attack, threat=threat) for name, attack in self.attacks.items()}
        )

    @property
    def steps(self) -> int:
        """Gradients an image, of all attacks together."""
        return sum(attack.steps for attack in self.attacks.values())

    def __call__(
        self, classifier: Classifier, images: Images, labels: Labels, *, generator: torch.Generator | None = None
    ) -> Images:
        """Adversarial images in [0, 1], within the threat. Without a generator the draws are those of seed 0."""
        return self.run(classifier, images, labels, generator=generator).adversarial

    @attack_call
    def run(
        self, classifier: Classifier, images: Images, labels: Labels, *, generator: torch.Generator | None = None
    ) -> WorstCase:
        """The same, and which attack fooled each image."""
        generator = generator or torch.Generator().manual_seed(0)

        def turn(attack: Any) -> Try:
            return lambda images, labels: attack(classifier, images, labels, generator=generator)

        tries = [turn(attack) for attack in self.attacks.values()]
        adversarial, fooled_by = worst_case(classifier, images, labels, tries)
        names = ("clean", *self.attacks, "")  # −1, for none, is the last
        return WorstCase(adversarial, tuple(names[number] for number in fooled_by.tolist()))


def standard(classifier: Classifier, threat: Threat, *, steps: int = 100, queries: int = 5000) -> Ensemble:
    """AutoAttack's standard ensemble, or with fewer than 4 classes, where it is not defined, the margin-loss variant.

    The standard one: APGD on cross-entropy, targeted APGD and targeted FAB with up to 9 targets, and Square (Croce &
    Hein 2020, arXiv 2003.01690); under L1 with 5 restarts of the first and 5 targets (arXiv 2103.01208). The variant:
    APGD on cross-entropy, APGD on the margin with 10 restarts, untargeted FAB with 5, and Square. `label` says which it
    is.

    steps: of APGD and FAB, a restart and target.
    queries: of Square.
    """
    classes = len(classifier.classes)
    if classes < 4:
        attacks = {
            "apgd-ce": APGD(steps=steps),
            "apgd-margin": APGD(steps=steps, loss="margin", restarts=10),
            "fab": FAB(steps=steps, restarts=5),
            "square": Square(queries=queries),
        }
        label = f"margin-loss variant of AutoAttack ({classes} classes; its targeted DLR loss needs 4)"
    else:
        # those of AutoAttack's own version for each norm
        most, restarts = (5, 5) if isinstance(threat, L1) else (9, 1)
        targets = min(most, classes - 1)
        attacks = {
            "apgd-ce": APGD(steps=steps, restarts=restarts),
            "apgd-t": APGDTargeted(steps=steps, targets=targets),
            "fab-t": FAB(steps=steps, targets=targets),
            "square": Square(queries=queries),
        }
        label = f"AutoAttack standard ({targets} targets)"
    if (steps, queries) != (100, 5000):
        label += f", with {steps} steps and {queries} queries in place of 100 and 5000"
    return Ensemble(attacks, threat=threat, label=label)


@settings(frozen=True, kw_only=True)
class AutoAttack:
    """The `standard` ensemble for whatever classifier it is called on.

    steps: of APGD and FAB, a restart and target.
    queries: of Square.
    """

    label: ClassVar[str] = "AutoAttack"
    family: ClassVar[str] = "ensemble"
    norms: ClassVar[tuple[str, ...]] = ("linf", "l2", "l1")
    threat: Threat = USUAL
    steps: int = 100
    queries: int = 5000

    def __call__(
        self, classifier: Classifier, images: Images, labels: Labels, *, generator: torch.Generator | None = None
    ) -> Images:
        """Adversarial images in [0, 1], within the threat. Without a generator the draws are those of seed 0."""
        return self.run(classifier, images, labels, generator=generator).adversarial

    def run(
        self, classifier: Classifier, images: Images, labels: Labels, *, generator: torch.Generator | None = None
    ) -> WorstCase:
        """The same, and which attack fooled each image."""
        ensemble = standard(classifier, self.threat, steps=self.steps, queries=self.queries)
        return ensemble.run(classifier, images, labels, generator=generator)


ENSEMBLE = {"standard": AutoAttack()}
