"""The bracket of robust accuracy: from what is proved to what an attack leaves."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch

from ironglass.attacks import THREATS, AutoAttack, standard
from ironglass.attacks.parts.eight_bit import round_to_bytes
from ironglass.certify import Proof, Smoothing, prove, prove_smoothed, smoothed_classifier, smoothed_predictions
from ironglass.certify.smoothing import smoothed_proof
from ironglass.measure.robustness.certified import checked_graph
from ironglass.measure.robustness.requested_attack import requested_attacks
from ironglass.measure.statistics import rate_of
from ironglass.models.classifier import Classifier
from ironglass.models.eval_without_grad import eval_without_grad
from ironglass.models.predict import predicted
from ironglass.types import Images, Labels, Mask, Progress

ATTACKED_AT_ONCE = 64


@dataclass(frozen=True, kw_only=True)
class BracketSettings:
    """Settings of a bracket.

    norm: "linf" or "l2". eps: in units of [0, 1]. method: as `ironglass.certify` takes it. attack: a name, or None.
    smoothing: where the smoothed classifier is certified. seed: of the attack's draws.
    """

    norm: str
    eps: tuple[float, ...]
    method: str
    attack: str | None
    smoothing: Smoothing | None = None
    seed: int = 0


def bracket(
    classifier: Classifier, images: Images, labels: Labels, settings: BracketSettings, progress: Progress
) -> dict[str, Any]:
    """The section `certification` of `results.json`.

    Images are certified from the largest eps down, and attacked from the smallest up: a proof holds at every smaller
    eps, and an adversarial image at every larger one. Certified images are not attacked.
    """
    sizes, smoothing = sorted(set(settings.eps)), settings.smoothing
    if smoothing is None:
        proofs, predictions = _proofs(classifier, images, labels, sizes, settings, progress)
    else:
        proof, predictions = prove_smoothed(classifier, images, labels, smoothing, eps=0.0, progress=progress)
        assert proof.radius is not None
        proofs = [smoothed_proof(proof.radius, size, images[0].numel()) for size in sizes]
    right, points = predictions == labels, []
    unfooled = right.clone()
    for size, proof in zip(sizes, proofs, strict=True):
        left = unfooled & ~proof.certified
        if settings.attack is not None and size > 0:
            unfooled[left] &= ~_fooled(classifier, images[left], labels[left], size, settings)
        names = [name for name in proof.method if name]
        points.append({
            "eps": size,
            "certified": rate_of(proof.certified),
            "attacked": rate_of(unfooled) if settings.attack is not None else None,
            "unknown": int((unfooled & ~proof.certified).sum()),
            "methods": [{"method": name, "images": names.count(name)} for name in dict.fromkeys(names)],
        })  # fmt: skip
    noise = {name: None if smoothing is None else getattr(smoothing, name) for name in ("sigma", "draws", "alpha")}
    abstained = 0 if smoothing is None else int((predictions < 0).sum())
    return {
        "norm": settings.norm, "method": settings.method, "attack": settings.attack, "n": len(labels),
        "clean": rate_of(right), "abstained": abstained, **noise, "points": points,
    }  # fmt: skip


def _proofs(
    classifier: Classifier,
    images: Images,
    labels: Labels,
    sizes: Sequence[float],
    settings: BracketSettings,
    progress: Progress,
) -> tuple[list[Proof], Labels]:
    """A proof for each size, in ascending order, and the network's predictions."""
    with torch.inference_mode(False), torch.no_grad():
        graph, logits = checked_graph(classifier, images)
        predictions = predicted(logits)
        certified = torch.zeros_like(labels, dtype=torch.bool)
        method, proofs = [""] * len(labels), []
        for size in reversed(sizes):
            for part in torch.arange(len(labels), device=labels.device).split(ATTACKED_AT_ONCE):
                part = part[~certified[part] & (predictions[part] == labels[part])]
                if len(part):
                    proof = prove(
                        graph, images[part], labels[part], norm=settings.norm, eps=size, method=settings.method
                    )
                    certified[part] = proof.certified
                    for position, name in zip(part.tolist(), proof.method, strict=True):
                        method[position] = name
            proofs.append(Proof(certified.clone(), tuple(method)))
            progress(len(proofs), len(sizes))
    return proofs[::-1], predictions


def _fooled(classifier: Classifier, images: Images, labels: Labels, eps: float, settings: BracketSettings) -> Mask:
    """Flags of images that the attack makes misread: by a fresh pass; of the smoothed classifier by fresh draws of
    noise, where these leave no doubt."""
    fooled, smoothing = torch.zeros_like(labels, dtype=torch.bool), settings.smoothing
    victim = classifier if smoothing is None else smoothed_classifier(classifier, sigma=smoothing.sigma)
    assert settings.attack is not None
    (attack,) = requested_attacks(settings.attack, eps, settings.norm, {})
    if isinstance(attack, AutoAttack):
        attack = standard(victim, THREATS[settings.norm](eps), steps=attack.steps, queries=attack.queries)
    for number, part in enumerate(torch.arange(len(labels), device=labels.device).split(ATTACKED_AT_ONCE)):
        if not len(part):
            continue
        generator = torch.Generator().manual_seed(settings.seed * 2**20 + number)
        adversarial = attack(victim, images[part], labels[part], generator=generator)
        if smoothing is None:
            with eval_without_grad(classifier), torch.no_grad():
                fooled[part] = predicted(classifier(adversarial)).to(labels.device) != labels[part]
        else:
            levels = (images[part] * 255).round().byte().cpu().numpy()
            rounded = round_to_bytes(levels, adversarial.cpu().numpy(), attack.threat)
            answers = smoothed_predictions(classifier, torch.from_numpy(rounded).to(images) / 255, smoothing)
            fooled[part] = (answers >= 0) & (answers != labels[part])
    return fooled
