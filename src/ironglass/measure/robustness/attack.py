"""What an attack does to a classifier: on a batch, and over a range of sizes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields, replace
from typing import Any

import numpy as np
import torch

from ironglass.attacks import THREATS, Linf, climbed_gradient, find_attack
from ironglass.attacks.fgsm import FGSM, step_each
from ironglass.attacks.parts.scores import Outputs, outputs_of, plain
from ironglass.choices import did_you_mean, unknown
from ironglass.data.dataset import Split
from ironglass.errors import InputError
from ironglass.fields import check_seed
from ironglass.measure.robustness.evidence import Evidence, Observations, observe, observe_passes
from ironglass.measure.robustness.probes import look_again
from ironglass.measure.robustness.repeated_passes import pass_twice
from ironglass.measure.robustness.verdict import Verdict, judge
from ironglass.measure.statistics import Rate, wilson
from ironglass.models.classifier import Classifier, check_labels, frozen
from ironglass.models.predict import batches, predicted
from ironglass.types import Images, Labels, Logits, Mask, Progress


@dataclass(frozen=True)
class AttackResult:
    """What an attack did to a batch.

    adversarial: (n, c, h, w) in [0, 1]. fooled: whether a fresh pass over it does not predict the label; an image that
    was misread before the attack counts, too. predictions: of the adversarial images. verdict: how far the share of
    fooled images can be trusted.
    """

    adversarial: Images
    fooled: Mask
    predictions: Labels
    verdict: Verdict


@dataclass(frozen=True)
class CurvePoint:
    """Every image under one eps. logits: (n, k), on the CPU. linf: (n,), the largest change of any value."""

    eps: float
    logits: Logits
    linf: np.ndarray


@dataclass(frozen=True)
class FGSMCurve:
    """numbers: what stands in `results.json` under `fgsm`. points: what each image did, eps 0 first."""

    numbers: dict[str, Any]
    points: tuple[CurvePoint, ...]


def attack(
    classifier: Classifier,
    images: Images,
    labels: Labels,
    method: str = "fgsm",
    *,
    eps: float = 8 / 255,
    norm: str = "linf",
    seed: int = 0,
    **settings: Any,
) -> AttackResult:
    """Attacks a batch and judges the outcome, on the classifier's device.

    images: float (n, c, h, w) in [0, 1], of which float32 is made. labels: int64 (n,), true classes. method: a name
    that `find_attack` knows; settings replace its own, for instance `restarts=5`. eps: in units of [0, 1]. norm: "linf"
    or "l2". An image whose logits are no numbers counts as fooled, its prediction is -1. A number that nothing else
    speaks against has two more probes to pass, see `look_again`. Raises InputError.
    """
    images = classifier.accept(images)
    check_labels(labels, len(images), len(classifier.classes))
    named = find_attack(method)
    if norm not in THREATS:
        raise unknown("norm", norm, THREATS)
    known = [field.name for field in fields(named) if field.name != "threat"]
    if wrong := sorted(settings.keys() - set(known)):
        known += ["eps", "norm", "seed"]
        near = did_you_mean(wrong[0], known)
        raise InputError(f"{method} has no setting {wrong[0]!r}{near}: it has {', '.join(known)}")
    chosen = replace(named, threat=THREATS[norm](eps), **settings)
    labels = plain(labels.to(classifier.device))
    check_gradient(classifier, method, chosen)
    adversarial = chosen(classifier, images, labels, generator=torch.Generator().manual_seed(check_seed(seed)))
    predictions = predicted(_logits(classifier, adversarial))
    fooled = predictions != labels
    passes = pass_twice(classifier, images)
    seen = observe_passes(classifier, passes, climbed_gradient(classifier, images, labels))
    accuracy = wilson(int((~fooled).sum()), len(fooled))
    queries = 0 if chosen.steps else getattr(chosen, "queries", 0)
    outputs = outputs_of(classifier, images)
    evidence = Evidence(seen=seen, steps=chosen.steps, queries=queries, points=((eps, accuracy),), outputs=outputs)
    verdict = judge(evidence)
    if verdict.word == "trusted":
        verdict = judge(look_again(evidence, classifier, images, labels, chosen, ~fooled))
    return AttackResult(adversarial, fooled, predictions, verdict)


def check_gradient(classifier: Classifier, name: str, attack: Any) -> None:
    """Raises InputError for an attack by gradients on a black box, which it would leave unharmed."""
    if classifier.without_gradient and attack.steps:
        raise InputError(f"{classifier.without_gradient}, which {name} needs: choose square, or noise")


def fgsm_curve(
    classifier: Classifier,
    split: Split,
    eps: Sequence[float],
    *,
    batch_size: int = 256,
    progress: Progress | None = None,
) -> FGSMCurve:
    """Accuracy under FGSM (Linf) at each eps, and at 0, from one gradient an image.

    Of each point, `accuracy` is the share of all images still right and `fooled` the share of the originally right
    ones that are now wrong (n is their number). Raises InputError for an empty split and a bad eps.
    """
    if len(split) == 0:
        raise InputError("the split is empty: there is nothing to attack")
    check_gradient(classifier, "fgsm", FGSM)
    threats = [Linf(size) for size in sorted({0.0, *eps})]
    logits: list[list[Logits]] = [[] for _ in threats]
    change: list[list[torch.Tensor]] = [[] for _ in threats]
    seen, done, outputs = Observations(), 0, Outputs()
    for images, labels in batches(split, batch_size, classifier.device):
        check_labels(labels, len(images), len(classifier.classes))
        gradient = climbed_gradient(classifier, images, labels)
        for i, adversarial in enumerate(step_each(images, gradient, threats)):
            logits[i].append(_logits(classifier, adversarial).float().cpu())
            change[i].append((adversarial - images).abs().flatten(1).amax(1).cpu())
        outputs = outputs if done else outputs_of(classifier, images)
        # one batch is enough to find a network that draws lots
        if done:
            seen += observe(logits[0][-1], gradient.cpu())
        else:
            seen += observe_passes(classifier, pass_twice(classifier, images), gradient)
        done += len(images)
        if progress:
            progress(done, len(split))
    points = tuple(
        CurvePoint(threat.eps, torch.cat(found), torch.cat(moved).numpy())
        for threat, found, moved in zip(threats, logits, change, strict=True)
    )
    right = [(predicted(point.logits).numpy() == split.labels) for point in points]
    rates = [(point.eps, wilson(int(now.sum()), len(now))) for point, now in zip(points, right, strict=True)]
    numbers = {
        "norm": "linf",
        "n": len(split),
        "points": [
            {"eps": size, "accuracy": rate, "fooled": fooled_rate(right[0], now)}
            for (size, rate), now in zip(rates, right, strict=True)
        ],
        "verdict": asdict(judge(Evidence(seen=seen, steps=FGSM.steps, points=tuple(rates), outputs=outputs))),
    }
    numbers["verdict"]["reasons"] = list(numbers["verdict"]["reasons"])
    return FGSMCurve(numbers, points)


def fooled_rate(before: np.ndarray, now: np.ndarray) -> Rate:
    """The share of the images that were right, bool (n,), that are no longer; from 0 to 1 where none was."""
    if not before.any():
        return Rate(value=0.0, low=0.0, high=1.0, n=0)
    return wilson(int((before & ~now).sum()), int(before.sum()))


def _logits(classifier: Classifier, images: Images) -> Logits:
    with frozen(classifier), torch.no_grad():
        return classifier(images)
