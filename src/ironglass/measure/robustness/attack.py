"""Attacks on a batch with their verdicts, and FGSM over a range of eps."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any, overload

import numpy as np
import torch

from ironglass.attacks import Attack, Linf, climbed_gradient
from ironglass.attacks.fgsm import FGSM, step_each
from ironglass.attacks.parts.scores import Outputs, outputs_of, plain
from ironglass.data.dataset import Split
from ironglass.errors import InputError
from ironglass.fields import check_seed
from ironglass.measure.robustness.attack_result import AttackResult, AttackResults
from ironglass.measure.robustness.evidence import Evidence, Observations, observe, observe_passes
from ironglass.measure.robustness.probes import run_probes
from ironglass.measure.robustness.repeated_passes import observe_clean, pass_twice
from ironglass.measure.robustness.requested_attack import requested_attacks
from ironglass.measure.robustness.verdict import judge
from ironglass.measure.statistics import Rate, counted_rate, rate_of
from ironglass.models.checks import check_labels, checked_images
from ironglass.models.classifier import Classifier
from ironglass.models.eval_without_grad import eval_without_grad
from ironglass.models.predict import batches, predicted
from ironglass.types import Images, Labels, Logits, Progress


@dataclass(frozen=True)
class CurvePoint:
    """All images under one eps. logits: (n, k), on the CPU. linf: (n,), the largest change of any value."""

    eps: float
    logits: Logits
    linf: np.ndarray


@dataclass(frozen=True)
class FGSMCurve:
    """Accuracy under FGSM over a range of eps. numbers: the section `fgsm` of `results.json`. points: eps 0 first."""

    numbers: dict[str, Any]
    points: tuple[CurvePoint, ...]


@overload
def attack(
    classifier: Classifier,
    images: Images,
    labels: Labels,
    method: str | Attack = "pgd-20",
    *,
    eps: float | None = None,
    norm: str | None = None,
    seed: int = 0,
    **settings: Any,
) -> AttackResult: ...


@overload
def attack(
    classifier: Classifier,
    images: Images,
    labels: Labels,
    method: str | Attack = "pgd-20",
    *,
    eps: list[float] | tuple[float, ...],
    norm: str | None = None,
    seed: int = 0,
    **settings: Any,
) -> AttackResults: ...


def attack(
    classifier: Classifier,
    images: Images,
    labels: Labels,
    method: str | Attack = "pgd-20",
    *,
    eps: float | list[float] | tuple[float, ...] | None = None,
    norm: str | None = None,
    seed: int = 0,
    **settings: Any,
) -> AttackResult | AttackResults:
    """Attacks a batch of images and gives a verdict on how far the outcome can be trusted.

    An image whose logits are not numbers counts as fooled, and its prediction is -1. A result without objections is
    tested by two more probes, see `run_probes`.

    Args:
        classifier: the classifier to fool; the work is done on its device.
        images: float (n, c, h, w) in [0, 1]; they are converted to float32.
        labels: int64 (n,), the true classes.
        method: a name that `find_attack` knows, such as "pgd-20", or an attack object, such as
            `ironglass.attacks.PGD(steps=50)`.
        eps: allowed change in units of [0, 1]; several as a tuple. None: the object's, else 8/255, L2 0.5, L1 12.
        norm: "linf", "l2" or "l1"; None for "linf", or the object's own.
        seed: of all random draws. Each eps has the same draws, whichever others are requested.
        settings: replace settings of the attack, for instance `restarts=5`.

    Returns:
        An `AttackResult`; where eps is a tuple or list, an `AttackResults` with one of them for each eps, in order.

    Raises:
        InputError: for images, labels, a method, eps, norm or setting that is wrong.

    Example:
        >>> import torch, ironglass as ig
        >>> classifier = ig.load_classifier("logistic", classes=("dark", "bright"), size=4, channels=1)
        >>> images, labels = torch.rand(8, 1, 4, 4), torch.tensor([0, 1] * 4)
        >>> result = ig.attack(classifier, images, labels, "pgd-20", eps=8 / 255)
        >>> result.adversarial.shape
        torch.Size([8, 1, 4, 4])
        >>> several = ig.attack(classifier, images, labels, eps=(2 / 255, 8 / 255))
        >>> [round(255 * one.eps) for one in several]
        [2, 8]
    """
    images = checked_images(classifier, images)
    check_labels(labels, len(images), len(classifier.classes))
    attacks = requested_attacks(method, eps, norm, settings)
    name = method if isinstance(method, str) else type(method).__name__
    results = _with_verdicts(classifier, images, plain(labels.to(classifier.device)), attacks, name, seed)
    return AttackResults(results) if isinstance(eps, list | tuple) else results[0]


def _with_verdicts(
    classifier: Classifier, images: Images, labels: Labels, attacks: Sequence[Attack], name: str, seed: int
) -> tuple[AttackResult, ...]:
    """The result of each attack with its verdict; observations that the verdicts share are made once."""
    check_gradient(classifier, name, attacks[0])
    attacked = []
    for single in attacks:
        generator = torch.Generator().manual_seed(check_seed(seed))
        adversarial = single(classifier, images, labels, generator=generator)
        check_allowed(name, single, images, adversarial)
        attacked.append((single, adversarial, predicted(_logits(classifier, adversarial))))
    observed = observe_clean(classifier, images, labels)
    clean = predicted(observed.passes.logits).to(labels.device)
    observations = observe_passes(classifier, observed.passes, observed.gradient)
    points = tuple((single.threat.eps, rate_of(prediction == labels)) for single, _, prediction in attacked)
    shared: dict[str, Any] = {"observations": observations, "points": points, "outputs": observed.outputs}
    results = []
    for single, adversarial, predictions in attacked:
        queries = 0 if single.steps else getattr(single, "queries", 0)
        evidence = Evidence(**shared, steps=single.steps, queries=queries)
        verdict = judge(evidence)
        if verdict.word == "trusted":
            verdict = judge(run_probes(evidence, classifier, images, labels, single, predictions == labels))
        results.append(
            AttackResult(
                method=name, threat=single.threat, classes=classifier.classes, images=images, labels=labels,
                clean_predictions=clean, adversarial=adversarial, predictions=predictions,
                fooled=predictions != labels, verdict=verdict,
            )
        )  # fmt: skip
    return tuple(results)


def check_gradient(classifier: Classifier, name: str, attack: Any) -> None:
    """Raises InputError for a gradient attack on a network without gradients, which it could not change."""
    if classifier.without_gradient and attack.steps:
        raise InputError(f"{classifier.without_gradient}, which {name} needs: choose square, or noise")


def check_allowed(name: str, attack: Attack, images: Images, adversarial: Images) -> None:
    """Raises InputError for adversarial images that the attack's own threat does not allow."""
    if adversarial.shape != images.shape:
        raise InputError(f"{name} gave images of shape {tuple(adversarial.shape)} for {tuple(images.shape)}")
    if adversarial.isfinite().all() and not (allowed := attack.threat.allows(images, adversarial)).all():
        count = int((~allowed).sum())
        raise InputError(f"{name} changed {count} of {len(images)} images by more than {attack.threat} allows: mend it")


def fgsm_curve(
    classifier: Classifier,
    split: Split,
    eps: Sequence[float],
    *,
    batch_size: int = 256,
    progress: Progress | None = None,
) -> FGSMCurve:
    """Accuracy under FGSM (Linf) at each eps, and at 0, from one gradient an image.

    At each point, `accuracy` is the share of all images still right and `fooled` the share of the originally right
    images that are now wrong (n is their number). Raises InputError for an empty split and a bad eps.
    """
    if len(split) == 0:
        raise InputError("the split is empty: there is nothing to attack")
    check_gradient(classifier, "fgsm", FGSM)
    threats = [Linf(size) for size in sorted({0.0, *eps})]
    logits: list[list[Logits]] = [[] for _ in threats]
    change: list[list[torch.Tensor]] = [[] for _ in threats]
    observations, done, outputs = Observations(), 0, Outputs()
    for images, labels in batches(split, batch_size, classifier.device):
        check_labels(labels, len(images), len(classifier.classes))
        gradient = climbed_gradient(classifier, images, labels)
        for i, adversarial in enumerate(step_each(images, gradient, threats)):
            logits[i].append(_logits(classifier, adversarial).float().cpu())
            change[i].append((adversarial - images).abs().flatten(1).amax(1).cpu())
        outputs = outputs if done else outputs_of(classifier, images)
        # one batch is enough to find a network that is not deterministic
        if done:
            observations += observe(logits[0][-1], gradient.cpu())
        else:
            observations += observe_passes(classifier, pass_twice(classifier, images), gradient)
        done += len(images)
        if progress:
            progress(done, len(split))
    points = tuple(
        CurvePoint(threat.eps, torch.cat(parts), torch.cat(changes).numpy())
        for threat, parts, changes in zip(threats, logits, change, strict=True)
    )
    return FGSMCurve(_numbers(points, split, observations, outputs), points)


def _numbers(
    points: tuple[CurvePoint, ...], split: Split, observations: Observations, outputs: Outputs
) -> dict[str, Any]:
    """The section `fgsm` of `results.json`."""
    right = [(predicted(point.logits).numpy() == split.labels) for point in points]
    rates = [(point.eps, rate_of(now)) for point, now in zip(points, right, strict=True)]
    numbers = {
        "norm": "linf",
        "n": len(split),
        "points": [
            {"eps": size, "accuracy": rate, "fooled": fooled_rate(right[0], now)}
            for (size, rate), now in zip(rates, right, strict=True)
        ],
        "verdict": asdict(
            judge(Evidence(observations=observations, steps=FGSM.steps, points=tuple(rates), outputs=outputs))
        ),
    }
    numbers["verdict"]["reasons"] = list(numbers["verdict"]["reasons"])
    return numbers


def fooled_rate(before: np.ndarray, now: np.ndarray) -> Rate:
    """Share of initially right images, bool (n,), that are now wrong; an interval from 0 to 1 where none was right."""
    if not before.any():
        return Rate(value=0.0, low=0.0, high=1.0, n=0)
    return counted_rate(int((before & ~now).sum()), int(before.sum()))


def _logits(classifier: Classifier, images: Images) -> Logits:
    with eval_without_grad(classifier), torch.no_grad():
        return classifier(images)
