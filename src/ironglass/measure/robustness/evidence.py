"""Evidence behind a robustness verdict: gradient and determinism checks, and reference attacks."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, fields, replace
from typing import Any, Literal, TypeAlias

import numpy as np
import torch

from ironglass.attacks import FGSM, L2, PGD, Attack, Linf, Noise, Threat, TransferFrom, climbed_gradient
from ironglass.attacks.parts.scores import LOGITS, Outputs, outputs_of
from ironglass.data.dataset import Split
from ironglass.errors import InputError
from ironglass.measure.robustness.repeated_passes import PASSES, Passes, pass_twice, rare_lots
from ironglass.measure.statistics import Rate, mcnemar, wilson
from ironglass.models.batch_dependence import differing_rows, tolerance
from ironglass.models.checks import check_labels
from ironglass.models.classifier import Classifier
from ironglass.models.frozen import frozen
from ironglass.models.predict import batches
from ironglass.types import Images, Labels, Logits, Progress

Kind: TypeAlias = Literal["gradient-free", "single-step", "noise", "transfer", "longer", "together", "search"]
POINTS = ((0, "clean"), (0.5, "half"), (1, "judged"), (2, "double"))
"""Runs at several eps, in units of the judged attack's."""
RIVALS: tuple[Kind, ...] = ("gradient-free", "single-step", "noise", "transfer", "longer")
"""Runs of other attacks, in the order in which they are listed."""


@dataclass(frozen=True, kw_only=True)
class Observations:
    """Counts of images by what one or more batches showed. They add up with `+`.

    n: images seen.
    non_finite: gradient or output not finite.
    zero_gradient: gradient zero.
    repeated: images passed twice.
    nondeterministic: of those, outputs differed.
    autograd: of those, the pass itself ran autograd.
    swayed: of those, outputs differed only where other images were in the batch.
    distributions: the outputs are in [0, 1] and sum to 1.
    tried, lots: further passes over one image, and those whose outputs differed from the first's.
    """

    n: int = 0
    non_finite: int = 0
    zero_gradient: int = 0
    repeated: int = 0
    nondeterministic: int = 0
    autograd: int = 0
    swayed: int = 0
    distributions: int = 0
    tried: int = 0
    lots: int = 0

    def __add__(self, other: Observations) -> Observations:
        return Observations(**{key: value + getattr(other, key) for key, value in vars(self).items()})


@dataclass(frozen=True, kw_only=True)
class ReferenceAttack:
    """Result of a reference attack, under the same threat, on the same images as the judged one.

    kind: the part it plays.
    name: of the attack.
    accuracy, judged: under this attack and under the judged one.
    p: McNemar's, of so uneven a split by chance.
    """

    kind: Kind
    name: str
    accuracy: Rate
    judged: Rate
    p: float


@dataclass(frozen=True, kw_only=True)
class Evidence:
    """All that a verdict rests on.

    steps: gradients of the attack an image.
    queries: outputs it asks for where it takes no gradient.
    points: (eps, accuracy under attack).
    reference_attacks: other attacks.
    unbounded_eps_accuracy: accuracy at an eps at which every image may become plain grey.
    chance: 1 / the number of classes, to compare that with.
    outputs: how attacks read the network's.
    """

    seen: Observations
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
    again: Logits | None = None,
    *,
    moved: Logits | None = None,
    autograd: bool = False,
    most: float = 1e-3,
) -> Observations:
    """Observations from a batch: its outputs, its gradients (n, c, h, w), and, if any, the outputs of a second, equal
    pass, and of one in other company, and whether the pass ran autograd. most: see `differing_rows`."""
    finite = gradient.isfinite().flatten(1).all(1) & logits.isfinite().all(1)
    distribution = (logits >= 0).all(1) & (logits <= 1).all(1) & ((logits.sum(1) - 1).abs() < 1e-4)
    nondeterministic = 0 if again is None else int(differing_rows(logits, again, most).sum())
    return Observations(
        n=len(logits),
        non_finite=int((~finite).sum()),
        zero_gradient=int((gradient == 0).flatten(1).all(1).sum()),
        repeated=0 if again is None else len(again),
        nondeterministic=nondeterministic,
        swayed=0 if nondeterministic or moved is None else int(differing_rows(logits, moved, most).sum()),
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
        most=tolerance(classifier),
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
    """Attacks some images in several ways, to learn how far the numbers of one attack can be trusted.

    attack: the one to be judged, `PGD()` by default, at half, once and twice its eps, with twice its steps, and at an
    eps that allows plain grey; beside it noise, FGSM, and, where given, `gradient_free` (Square, say) under the same
    threat and the same attack made on `surrogate`. samples: images, drawn from the split by `seed`. Of PGD that is
    121 gradients an image. Raises InputError for an empty split.
    """
    if len(split) == 0:
        raise InputError("the split is empty: there is nothing to attack")
    judged: Any = attack or PGD()
    some = split.take(np.sort(np.random.default_rng(seed).permutation(len(split))[:samples]))
    runs = _runs(judged, some, gradient_free, surrogate)
    right: dict[str, list[np.ndarray]] = {name: [] for name in ("clean", *runs)}
    seen, done = Observations(), 0
    for number, (images, labels) in enumerate(batches(some, batch_size, classifier.device)):
        check_labels(labels, len(images), len(classifier.classes))
        passes = pass_twice(classifier, images)
        seen += observe_passes(classifier, passes, climbed_gradient(classifier, images, labels))
        if not done:
            seen += Observations(tried=PASSES, lots=rare_lots(classifier, images))
        right["clean"].append((passes.logits.argmax(1) == labels).cpu().numpy())
        for name, run in runs.items():
            right[name].append(_standing(run, classifier, images, labels, seed + number))
        done += len(images)
        if progress:
            progress(done, len(some))
    stood = {name: np.concatenate(flags) for name, flags in right.items()}
    rates = {name: wilson(int(flags.sum()), len(flags)) for name, flags in stood.items()}
    return Evidence(
        seen=seen,
        steps=judged.steps,
        queries=0 if judged.steps else getattr(judged, "queries", 0),
        points=tuple((factor * judged.threat.eps, rates[name]) for factor, name in POINTS if name in rates),
        reference_attacks=_reference_attacks(runs, stood, rates),
        unbounded_eps_accuracy=rates.get("unbounded_eps_accuracy"),
        chance=1 / len(classifier.classes),
        outputs=outputs_of(classifier, next(batches(some, batch_size, classifier.device))[0]),
    )


def _standing(run: Any, classifier: Classifier, images: Images, labels: Labels, seed: int) -> np.ndarray:
    """Flags of the images that are still right under the attack: bool (n,)."""
    adversarial = run(classifier, images, labels, generator=torch.Generator().manual_seed(seed))
    with frozen(classifier), torch.no_grad():
        return (classifier(adversarial).argmax(1) == labels).cpu().numpy()


def _reference_attacks(
    runs: dict[str, Any], stood: dict[str, np.ndarray], rates: dict[str, Rate]
) -> tuple[ReferenceAttack, ...]:
    """Results of reference attacks. stood: which images were still right under each, (n,)."""
    return tuple(
        ReferenceAttack(
            kind=kind,
            name=type(runs[kind]).__name__,
            accuracy=rates[kind],
            judged=rates["judged"],
            p=mcnemar(stood["judged"], stood[kind])["p"],
        )
        for kind in RIVALS
        if kind in runs
    )


def _runs(
    judged: Any, split: Split, gradient_free: Any, surrogate: Classifier | None
) -> dict[str, Callable[..., Images]]:
    """The attacks to run, by the part they play."""
    threat: Any = judged.threat
    runs = {"judged": judged, "noise": Noise(threat=threat)}
    if judged.steps != 1:
        runs["single-step"] = FGSM(threat=threat)
    if any(field.name == "steps" for field in fields(judged)):
        runs["longer"] = replace(judged, steps=2 * judged.steps)
    if gradient_free is not None:
        runs["gradient-free"] = replace(gradient_free, threat=threat)
    if surrogate is not None:
        runs["transfer"] = TransferFrom(surrogate, judged)
    if (grey := grey_eps(threat, split.pixels[0].size)) is not None:
        sizes = {"half": threat.eps / 2, "double": min(2 * threat.eps, grey), "unbounded_eps_accuracy": grey}
        runs |= {name: replace(judged, threat=replace(threat, eps=eps)) for name, eps in sizes.items()}
    return runs


def grey_eps(threat: Threat, values: int) -> float | None:
    """The eps at which every image of so many values may become plain grey; None where a threat has no such eps."""
    return {Linf: 0.5, L2: 0.5 * values**0.5}.get(type(threat))
