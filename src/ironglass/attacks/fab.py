"""Fast adaptive boundary: the nearest adversarial image, along the linearised decision boundary."""

from __future__ import annotations

from typing import ClassVar

import torch
from torch import Tensor

from ironglass.attacks.parts.geometry.boundary import Boundary, boundary_to_target, nearest_boundary
from ironglass.attacks.parts.geometry.hyperplane import is_linf, length, to_hyperplane
from ironglass.attacks.parts.hair import beyond
from ironglass.attacks.parts.losses import margin
from ironglass.attacks.parts.scores import attack_call, plain
from ironglass.attacks.parts.threat import USUAL, Threat, bounded
from ironglass.attacks.parts.worst_case import Rows, logits_of, runners_up, same_image, side_by_side, worst_case
from ironglass.errors import InputError
from ironglass.fields import settings
from ironglass.models.classifier import Classifier
from ironglass.types import Images, Labels


@settings(frozen=True, kw_only=True)
class FAB:
    """Looks for the nearest adversarial image (Croce & Hein 2020, arXiv 1907.02044).

    x' = clip((1 − α) · (x + η · δ(x)) + α · (image + η · δ(image)))
    α = min(‖δ(x)‖ / (‖δ(x)‖ + ‖δ(image)‖), alpha_max)

    δ leads onto the nearest boundary, linearised at x, by the smallest change within [0, 1]. From an adversarial x' it
    goes back towards the image, to image + beta · (x' − image).

    steps: gradients an image, restart and target.
    targets: None to go for the nearest class each time, which takes a gradient for every class; a number to go for each
        of as many likeliest classes in turn.
    restarts: the first from the image, the others from a random point of the threat's half.

    Departs from the paper in its final search (`shorten`), and in that an image which is fooled within eps is left as
    it is then.
    """

    family: ClassVar[str] = "iterative"
    norms: ClassVar[tuple[str, ...]] = ("linf", "l2", "l1")
    threat: Threat = USUAL
    steps: int = 100
    restarts: int = 1
    targets: int | None = None
    alpha_max: float = 0.1
    eta: float = 1.05
    beta: float = 0.9

    def __post_init__(self) -> None:
        is_linf(self.threat)
        if self.steps < 1 or self.restarts < 1 or (self.targets is not None and self.targets < 1):
            values = f"{self.steps} steps, {self.restarts} restarts and {self.targets} targets"
            raise InputError(f"FAB has {values}: give at least 1 of each, or targets=None")
        if not (0 <= self.alpha_max <= 1 and self.eta >= 1 and 0 < self.beta < 1):
            values = f"alpha_max {self.alpha_max}, eta {self.eta} and beta {self.beta}"
            raise InputError(f"FAB has {values}: alpha_max is in [0, 1], eta at least 1, beta between 0 and 1")

    @property
    def label(self) -> str:
        """The name for people."""
        return "FAB" if self.targets is None else "Targeted FAB"

    @attack_call
    def __call__(
        self, classifier: Classifier, images: Images, labels: Labels, *, generator: torch.Generator | None = None
    ) -> Images:
        """Adversarial images in [0, 1], within the threat; without a generator the draws are those of seed 0.

        Where the nearest one found is farther than eps, it is brought back into the threat.
        """
        generator = generator or torch.Generator().manual_seed(0)

        def attempt(images: Images, labels: Labels, try_index: Rows, owner: Rows) -> Images:
            nearest, _ = self._run(classifier, images, labels, try_index, owner, generator, leave=True)
            return bounded(self.threat, images, nearest)

        return side_by_side(classifier, images, labels, self._runs(classifier), attempt)[0]

    def nearest(
        self, classifier: Classifier, images: Images, labels: Labels, *, generator: torch.Generator | None = None
    ) -> tuple[Images, Tensor]:
        """The nearest adversarial images found, however far, and their distances by the threat's norm.

        0 where an image is misread as it is; ∞, and the image itself, where none was found. A plain pass over what is
        given back misreads every image whose distance is finite.
        """
        images, labels = plain(images), plain(labels).to(classifier.device)
        nearest = self._nearest(classifier, images, labels, generator=generator or torch.Generator().manual_seed(0))
        adversarial, misread = beyond(classifier, images, labels, nearest)
        distance = length((adversarial - images).flatten(1), self.threat)
        return torch.where(misread[:, None, None, None], adversarial, images), torch.where(misread, distance, torch.inf)

    @attack_call
    def _nearest(self, classifier: Classifier, images: Images, labels: Labels, *, generator: torch.Generator) -> Images:
        """The nearest adversarial images by the folded network, or the images themselves."""

        def run(images: Images, labels: Labels) -> Images:
            nearest, nearest_distance = images.clone(), torch.full((len(images),), torch.inf, device=images.device)
            owner = torch.arange(len(images), device=images.device)
            for number in range(self._runs(classifier)):
                try_index = torch.full_like(owner, number)
                candidates, distances = self._run(classifier, images, labels, try_index, owner, generator, leave=False)
                nearest = torch.where((distances < nearest_distance)[:, None, None, None], candidates, nearest)
                nearest_distance = torch.minimum(distances, nearest_distance)
            return nearest

        return worst_case(classifier, images, labels, [run])[0]

    def _targets(self, classifier: Classifier) -> int:
        return min(self.targets or 1, len(classifier.classes) - 1)

    def _runs(self, classifier: Classifier) -> int:
        return self._targets(classifier) * self.restarts

    def _run(
        self,
        classifier: Classifier,
        images: Images,
        labels: Labels,
        try_index: Rows,
        owner: Rows,
        generator: torch.Generator,
        *,
        leave: bool,
    ) -> tuple[Images, Tensor]:
        """`approach`, of each row with the target and restart that its try stands for."""
        if self.targets is None:
            classes, boundary = (labels,), nearest_boundary(classifier, self.threat)
        else:
            ranked = runners_up(logits_of(classifier, images), labels, self._targets(classifier))
            target = ranked.gather(1, try_index[:, None] // self.restarts)[:, 0]
            classes, boundary = (labels, target), boundary_to_target(classifier)
        start, restarted = images, try_index % self.restarts > 0
        if restarted.any():
            halfway = images + (self.threat.start(images, generator) - images) / 2
            start = torch.where(restarted[:, None, None, None], halfway, images)
        return approach(self, classifier, boundary, images, classes, start=start, owner=owner, leave=leave)


def approach(
    fab: FAB,
    classifier: Classifier,
    boundary: Boundary,
    images: Images,
    classes: tuple[Labels, ...],
    *,
    start: Images,
    leave: bool,
    owner: Tensor | None = None,
) -> tuple[Images, Tensor]:
    """One run of FAB: the nearest adversarial images found, or the images, and their distances, ∞ where none was found.

    leave: an image takes part in no further pass once an adversarial one is found within the threat.
    owner: which rows are of one image, (n,): they leave together.
    """
    owner = torch.arange(len(images), device=images.device) if owner is None else owner
    nearest, distance = images.clone(), torch.full((len(images),), torch.inf, device=images.device)
    index, labels, x = torch.arange(len(images), device=images.device), classes[0], start
    for _ in range(fab.steps):
        origin = images[index]
        n = len(origin)
        normal, offset = boundary(x, classes)
        image_offset = offset - (normal * (origin - x).flatten(1)).sum(1)
        change = to_hyperplane(
            torch.cat((x, origin)).flatten(1), normal.repeat(2, 1), torch.cat((offset, image_offset)), fab.threat
        )
        size = length(change, fab.threat).clamp_min(1e-8)
        share = (size[:n] / (size[:n] + size[n:])).clamp_max(fab.alpha_max)[:, None, None, None]
        ahead, over = (fab.eta * change).view(2, *x.shape)
        x = ((1 - share) * (x + ahead) + share * (origin + over)).clamp(0, 1)
        crossed = logits_of(classifier, x).argmax(1) != classes[0]
        gap = length((x - origin).flatten(1), fab.threat)
        nearer = crossed & (gap < distance[index])
        nearest[index[nearer]], distance[index[nearer]] = x[nearer], gap[nearer]
        done = nearer & fab.threat.allows(origin, x) if leave else torch.zeros_like(nearer)
        x = torch.where(crossed[:, None, None, None], origin + fab.beta * (x - origin), x)
        if done.any():
            remaining = ~same_image(owner[index], done)
            index, x, classes = index[remaining], x[remaining], tuple(column[remaining] for column in classes)
            if not len(index):
                break
    reached = index[distance[index].isfinite()]
    if len(reached):
        nearest[reached] = shorten(classifier, images[reached], nearest[reached], labels[reached])
        distance[reached] = length((nearest[reached] - images[reached]).flatten(1), fab.threat)
    return nearest, distance


def shorten(classifier: Classifier, images: Images, adversarial: Images, labels: Labels, *, steps: int = 3) -> Images:
    """Moves adversarial images straight back towards the images while they still fool: FAB's final search.

    Each of the steps tries where the margin would cross 0 were it linear between the last point that did not fool and
    the last that did, and a twentieth of what is left towards the latter, since the crossing itself does not fool.
    """
    low, high = torch.zeros_like(adversarial[:, :1, :1, :1]), torch.ones_like(adversarial[:, :1, :1, :1])
    below = margin(logits_of(classifier, images), labels).view_as(low)
    above = margin(logits_of(classifier, adversarial), labels).view_as(low)
    for _ in range(steps):
        crossing = low + (high - low) * (below / (below - above)).nan_to_num(1.0).clamp(0, 1)
        middle = crossing + (high - crossing) / 20
        logits = logits_of(classifier, (images + middle * (adversarial - images)).clamp(0, 1))
        margins = margin(logits, labels).view_as(low)
        fooled = (logits.argmax(1) != labels).view_as(low)
        low, below = torch.where(fooled, low, middle), torch.where(fooled, below, margins)
        high, above = torch.where(fooled, middle, high), torch.where(fooled, margins, above)
    return torch.where(high < 1, (images + high * (adversarial - images)).clamp(0, 1), adversarial)
