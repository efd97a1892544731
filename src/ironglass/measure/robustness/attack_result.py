"""The result of attacking a batch of images."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import torch

from ironglass.attacks import THREATS, Threat
from ironglass.errors import InputError
from ironglass.measure.robustness.verdict import Verdict
from ironglass.measure.statistics import Rate, rate_of
from ironglass.report.kit.words import eps_text
from ironglass.types import Images, Labels, Mask

if TYPE_CHECKING:
    from matplotlib.figure import Figure

NORMS = {kind: norm for norm, kind in THREATS.items()}


@dataclass(frozen=True, kw_only=True, repr=False, eq=False)
class AttackResult:
    """Result of an attack on a batch of n images, with a verdict on how far it can be trusted.

    method: the attack's name.
    threat: the allowed change, with its eps.
    classes: names of the classes.
    images: the unattacked images, float32 (n, c, h, w) in [0, 1].
    labels: true classes, int64 (n,).
    clean_predictions: of the images, int64 (n,); -1 where the logits are not numbers, here and below.
    adversarial: the adversarial images, (n, c, h, w) in [0, 1].
    predictions: of the adversarial images, int64 (n,).
    fooled: bool (n,), whether a fresh pass does not predict the label; true also of images misread before the attack.
    verdict: how far the accuracy can be trusted, with reasons.
    """

    method: str
    threat: Threat
    classes: tuple[str, ...]
    images: Images
    labels: Labels
    clean_predictions: Labels
    adversarial: Images
    predictions: Labels
    fooled: Mask
    verdict: Verdict

    @property
    def eps(self) -> float:
        """Size of the allowed change, in units of [0, 1]."""
        return self.threat.eps

    @property
    def accuracy(self) -> Rate:
        """Accuracy under attack, with its 95 % interval and n."""
        return rate_of(~self.fooled)

    @property
    def clean_accuracy(self) -> Rate:
        """Accuracy on the unattacked images."""
        return rate_of(self.clean_predictions == self.labels)

    def __len__(self) -> int:
        return len(self.labels)

    def __repr__(self) -> str:
        return f"AttackResult({self._title}: accuracy {_percent(self.accuracy)}, {self._summary})"

    @property
    def _title(self) -> str:
        return f"{self.method}, {_size(self.threat)}, {len(self)} image{'s' * (len(self) != 1)}"

    @property
    def _summary(self) -> str:
        reasons = f": {self.verdict.reasons[0]}" if self.verdict.reasons else ""
        return f"without attack {100 * self.clean_accuracy['value']:.1f} %; {self.verdict.word}{reasons}"

    def _repr_html_(self) -> str:
        from ironglass.report.kit.notebook import html_of

        return html_of(repr(self), self.show(3))

    def show(self, images: int = 4) -> Figure:
        """A matplotlib Figure: original, perturbation and adversarial image with predictions, an image a row.

        Args:
            images: number of images; those that the attack fooled come first.

        Returns:
            A Figure, which a notebook draws; elsewhere `figure.savefig("attack.png")` writes it.
        """
        from ironglass.report.kit.notebook import AttackedImage, attack_figure

        if isinstance(images, bool) or not isinstance(images, int) or images < 1:
            raise InputError(f"images is {images!r}: give how many to show, at least 1")
        newly_fooled = self.fooled & (self.clean_predictions == self.labels)
        rows_shown = torch.argsort((~newly_fooled).int(), stable=True)[:images].tolist()
        before, after = (_arrays(part[rows_shown]) for part in (self.images, self.adversarial))
        rows = [
            AttackedImage(
                image=before[row],
                adversarial=after[row],
                label=self.classes[int(self.labels[i])],
                before=self._name(int(self.clean_predictions[i])),
                after=self._name(int(self.predictions[i])),
            )
            for row, i in enumerate(rows_shown)
        ]
        return attack_figure(rows, self._title)

    def _name(self, index: int) -> str:
        return self.classes[index] if index >= 0 else "no class"

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON: all but the images themselves."""
        return {
            "method": self.method,
            "threat": type(self.threat).__name__,
            "eps": self.eps,
            "n": len(self),
            "accuracy": dict(self.accuracy),
            "clean_accuracy": dict(self.clean_accuracy),
            "verdict": asdict(self.verdict) | {"reasons": list(self.verdict.reasons)},
            "labels": self.labels.tolist(),
            "clean_predictions": self.clean_predictions.tolist(),
            "predictions": self.predictions.tolist(),
            "fooled": self.fooled.tolist(),
        }


@dataclass(frozen=True, repr=False)
class AttackResults:
    """One `AttackResult` for each eps, in the requested order; a sequence.

    results: the single results, all of the same images.
    """

    results: tuple[AttackResult, ...]

    def __len__(self) -> int:
        return len(self.results)

    def __iter__(self) -> Iterator[AttackResult]:
        return iter(self.results)

    def __getitem__(self, index: int) -> AttackResult:
        return self.results[index]

    def __repr__(self) -> str:
        first = self.results[0]
        head = f"AttackResults({first.method}, {len(first)} images: without attack {_percent(first.clean_accuracy)}"
        lines = [
            f"  {_size(result.threat)}: accuracy {_percent(result.accuracy)}; {result.verdict.word}"
            for result in self.results
        ]
        return "\n".join([head, *lines]) + ")"

    def _repr_html_(self) -> str:
        from ironglass.report.kit.notebook import html_of

        return html_of(repr(self), self.show())

    def show(self) -> Figure:
        """A matplotlib Figure: accuracy against eps, with 95 % intervals. `results[0].show()` draws images."""
        from ironglass.report.kit.notebook import accuracy_figure

        first = self.results[0]
        points = [
            (0.0, first.clean_accuracy),
            *((result.eps, result.accuracy) for result in self.results if result.eps),
        ]
        sizes, rates = zip(*points, strict=True)
        title = f"{first.method}, {len(first)} images"
        return accuracy_figure(sizes, rates, title, f"{type(first.threat).__name__}, images in [0, 1]")

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON: all but the images themselves."""
        return {"results": [result.to_dict() for result in self.results]}


def _size(threat: Threat) -> str:
    """The threat as "Linf, eps 8/255"."""
    kind = type(threat)
    if kind not in NORMS:
        return repr(threat)
    return f"{kind.__name__}, eps {eps_text(threat.eps, NORMS[kind])}"


def _percent(rate: Rate) -> str:
    return f"{100 * rate['value']:.1f} % ({100 * rate['low']:.1f} to {100 * rate['high']:.1f})"


def _arrays(images: Images) -> Any:
    """Images as numpy arrays (n, h, w, c)."""
    return images.detach().cpu().float().permute(0, 2, 3, 1).numpy()
