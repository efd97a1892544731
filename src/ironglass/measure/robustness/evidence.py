"""Evidence behind a robustness verdict: gradient and determinism checks, and reference attacks."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, fields, replace
from typing import Any, Literal, TypeAlias

import numpy as np
import torch

from ironglass.attacks import FGSM, L1, L2, PGD, Attack, Linf, Noise, Threat, TransferFrom, climbed_gradient
from ironglass.attacks.parts.scores import LOGITS, Outputs, outputs_of
from ironglass.data.dataset import Split
from ironglass.errors import InputError
from ironglass.measure.robustness.repeated_passes import PASSES, Passes, count_differing_reruns, pass_twice
from ironglass.measure.statistics import Rate, mcnemar, rate_of
from ironglass.models.batch_dependence import differing_rows, tolerance
from ironglass.models.checks import check_labels
from ironglass.models.classifier import Classifier
from ironglass.models.eval_without_grad import eval_without_grad
from ironglass.models.predict import batches
from ironglass.types import Images, Labels, Logits, Progress

Kind: TypeAlias = Literal["gradient-free", "single-step", "noise", "transfer", "longer", "together", "search"]
POINTS = ((0, "clean"), (0.5, "half"), (1, "evaluated"), (2, "double"))
"""Runs at several eps, in units of the evaluated attack's."""
REFERENCE_KINDS: tuple[Kind, ...] = ("gradient-free", "single-step", "noise", "transfer", "longer")
"""Kinds of reference attacks, in the order of listing."""


@dataclass(frozen=True, kw_only=True)
class Observations:
    """Counts of images with certain properties over one or more batches, which add up with `+`.

    n: all images.
    non_finite: gradient or output not finite.
    zero_gradient: gradient zero.
    repeated: images passed twice.
    nondeterministic: of those, outputs differed.
    autograd: of those, the pass itself ran autograd.
    batch_dependent: of those, outputs differed only when other images were in the batch.
    distributions: the outputs are in [0, 1] and sum to 1.
    reruns, differing_reruns: further passes over one image, and those whose outputs differed from the first's.
    """

    n: int = 0
    non_finite: int = 0
    zero_gradient: int = 0
    repeated: int = 0
    nondeterministic: int = 0
    autograd: int = 0
    batch_dependent: int = 0
    distributions: int = 0
    reruns: int = 0
    differing_reruns: int = 0

    def __add__(self, other: Observations) -> Observations:
        return Observations(**{key: value + getattr(other, key) for key, value in vars(self).items()})


@dataclass(frozen=True, kw_only=True)
class ReferenceAttack:
    """Result of a reference attack, under the same threat and on the same images as the evaluated one.

    kind: its role.
    name: of the attack.
    accuracy: under this attack.
    evaluated: accuracy under the evaluated attack.
    p: p-value of McNemar's test of their difference.
    """

    kind: Kind
    name: str
    accuracy: Rate
    evaluated: Rate
    p: float


@dataclass(frozen=True, kw_only=True)
class Evidence:
    """Evidence for a verdict.

    observations: counts of images with certain properties.
    steps: gradients of the attack per image.
    queries: forward passes per image of an attack without gradients.
    points: (eps, accuracy under attack).
    reference_attacks: results of other attacks.
    unbounded_eps_accuracy: accuracy at an eps at which every image may become plain grey.
    chance: 1 / the number of classes, to compare that with.
    outputs: the attacks' reading of the network's outputs.
    """

    observations: Observations
    steps: int
    points: tuple[tuple[float, Rate], ...]
    queries: int = 0
    reference_attacks: tuple[ReferenceAttack, ...] = ()
    unbounded_eps_accuracy: Rate | None = None
    chance: float = 0.0
    outputs: Outputs = LOGITS


def observe(
    logits: Logits,
    gradient: Images,
    second_logits: Logits | None = None,
    *,
    moved: Logits | None = None,
    autograd: bool = False,
    max_difference: float = 1e-3,
) -> Observations:
    """Observations from one batch.

    logits, gradient: outputs (n, k) and gradients (n, c, h, w).
    second_logits: outputs of a second, equal pass.
    moved: outputs of a pass with other images in the batch.
    autograd: whether the pass ran autograd.
    max_difference: see `differing_rows`.
    """
    finite = gradient.isfinite().flatten(1).all(1) & logits.isfinite().all(1)
    distribution = (logits >= 0).all(1) & (logits <= 1).all(1) & ((logits.sum(1) - 1).abs() < 1e-4)
    nondeterministic = 0 if second_logits is None else int(differing_rows(logits, second_logits, max_difference).sum())
    return Observations(
        n=len(logits),
        non_finite=int((~finite).sum()),
        zero_gradient=int((gradient == 0).flatten(1).all(1).sum()),
        repeated=0 if second_logits is None else len(second_logits),
        nondeterministic=nondeterministic,
        batch_dependent=0
        if nondeterministic or moved is None
        else int(differing_rows(logits, moved, max_difference).sum()),
        autograd=len(logits) if autograd else 0,
        distributions=int(distribution.sum()),
    )


def observe_passes(classifier: Classifier, passes: Passes, gradient: Images) -> Observations:
    """Observations from several passes over a batch, and its gradients."""
    return observe(
        passes.logits,
        gradient.to(passes.logits.device),
        passes.again,
        moved=passes.moved,
        autograd=passes.autograd,
        max_difference=tolerance(classifier),
    )


def gather_evidence(
    classifier: Classifier,
    split: Split,
    attack: Attack | None = None,
    *,
    gradient_free: Attack | None = None,
    surrogate: Classifier | None = None,
    samples: int = 256,
    batch_size: int = 256,
    seed: int = 0,
    progress: Progress | None = None,
) -> Evidence:
    """Runs an attack and reference attacks on a sample of images, as evidence for how far its numbers can be trusted.

    attack: the attack to evaluate, `PGD()` by default, run at half, once and twice its eps, with twice its steps, and
        at an eps that allows plain grey; for PGD that is 121 gradients an image. Noise and FGSM are run besides.
    gradient_free: a further attack, such as Square. surrogate: a classifier whose adversarial images are transferred.
    samples: images, drawn from the split by `seed`. Raises InputError for an empty split.
    """
    if len(split) == 0:
        raise InputError("the split is empty: there is nothing to attack")
    evaluated: Any = attack or PGD()
    sample = split.take(np.sort(np.random.default_rng(seed).permutation(len(split))[:samples]))
    runs = _runs(evaluated, sample, gradient_free, surrogate)
    right: dict[str, list[np.ndarray]] = {name: [] for name in ("clean", *runs)}
    observations, done = Observations(), 0
    for number, (images, labels) in enumerate(batches(sample, batch_size, classifier.device)):
        check_labels(labels, len(images), len(classifier.classes))
        passes = pass_twice(classifier, images)
        observations += observe_passes(classifier, passes, climbed_gradient(classifier, images, labels))
        if not done:
            observations += Observations(reruns=PASSES, differing_reruns=count_differing_reruns(classifier, images))
        right["clean"].append((passes.logits.argmax(1) == labels).cpu().numpy())
        for name, run in runs.items():
            right[name].append(_right_under(run, classifier, images, labels, seed + number))
        done += len(images)
        if progress:
            progress(done, len(sample))
    joined = {name: np.concatenate(flags) for name, flags in right.items()}
    rates = {name: rate_of(flags) for name, flags in joined.items()}
    return Evidence(
        observations=observations,
        steps=evaluated.steps,
        queries=0 if evaluated.steps else getattr(evaluated, "queries", 0),
        points=tuple((factor * evaluated.threat.eps, rates[name]) for factor, name in POINTS if name in rates),
        reference_attacks=_reference_attacks(runs, joined, rates),
        unbounded_eps_accuracy=rates.get("unbounded_eps_accuracy"),
        chance=1 / len(classifier.classes),
        outputs=outputs_of(classifier, next(batches(sample, batch_size, classifier.device))[0]),
    )


def _right_under(run: Any, classifier: Classifier, images: Images, labels: Labels, seed: int) -> np.ndarray:
    """Flags of the images that are still right under the attack: bool (n,)."""
    adversarial = run(classifier, images, labels, generator=torch.Generator().manual_seed(seed))
    with eval_without_grad(classifier), torch.no_grad():
        return (classifier(adversarial).argmax(1) == labels).cpu().numpy()


def _reference_attacks(
    runs: dict[str, Any], right: dict[str, np.ndarray], rates: dict[str, Rate]
) -> tuple[ReferenceAttack, ...]:
    """Results of reference attacks. right: flags of the images still right under each, (n,)."""
    return tuple(
        ReferenceAttack(
            kind=kind,
            name=type(runs[kind]).__name__,
            accuracy=rates[kind],
            evaluated=rates["evaluated"],
            p=mcnemar(right["evaluated"], right[kind])["p"],
        )
        for kind in REFERENCE_KINDS
        if kind in runs
    )


def _runs(
    evaluated: Any, split: Split, gradient_free: Any, surrogate: Classifier | None
) -> dict[str, Callable[..., Images]]:
    """The attacks to run, by their role."""
    threat: Any = evaluated.threat
    runs = {"evaluated": evaluated, "noise": Noise(threat=threat)}
    if evaluated.steps != 1:
        runs["single-step"] = FGSM(threat=threat)
    if any(field.name == "steps" for field in fields(evaluated)):
        runs["longer"] = replace(evaluated, steps=2 * evaluated.steps)
    if gradient_free is not None:
        runs["gradient-free"] = replace(gradient_free, threat=threat)
    if surrogate is not None:
        runs["transfer"] = TransferFrom(surrogate, evaluated)
    if (grey := grey_eps(threat, split.pixels[0].size)) is not None:
        sizes = {"half": threat.eps / 2, "double": min(2 * threat.eps, grey), "unbounded_eps_accuracy": grey}
        runs |= {name: replace(evaluated, threat=replace(threat, eps=eps)) for name, eps in sizes.items()}
    return runs


def grey_eps(threat: Threat, values: int) -> float | None:
    """The eps at which every image of so many values may become plain grey; None where a threat has no such eps."""
    return {Linf: 0.5, L2: 0.5 * values**0.5, L1: 0.5 * values}.get(type(threat))
