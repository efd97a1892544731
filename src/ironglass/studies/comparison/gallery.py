"""Gallery of a comparison: saliency, layers and activation maximisation of every arm, side by side."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from safetensors.numpy import save

from ironglass.attacks import PGD, THREATS
from ironglass.data.dataset import Dataset
from ironglass.explain import ActivationMaximisation, Saliency, feature_maps, tile
from ironglass.measure.accuracy import top
from ironglass.models.classifier import Classifier
from ironglass.models.eval_without_grad import eval_without_grad
from ironglass.models.predict import logits_of
from ironglass.plans.comparison import BASE, Comparison
from ironglass.run import Run
from ironglass.studies.common.draws import generator
from ironglass.studies.common.positions import spread_positions
from ironglass.studies.common.prepare import measured_split
from ironglass.studies.common.progress import Tell
from ironglass.types import Images, Labels

LAYERS = 3
"""Layers that are pictured, from the first to the last."""
CHANNELS = 16
"""Of each layer, spread evenly."""


def write_gallery(
    run: Run, plan: Comparison, classifiers: Mapping[str, Classifier], dataset: Dataset, progress: Tell
) -> None:
    """Writes `gallery.safetensors` and `gallery.json` (see docs/run-folder.md).

    The images are the first that the base names right in an order drawn by the seed, each of another class as far as
    there are classes; the same for every arm.
    """
    _, split = measured_split(plan.base, dataset)
    logits = logits_of(classifiers[BASE], split)
    positions = _pictured_positions(split.labels, logits.argmax(1).numpy(), plan.pictured, plan.base.seed)
    if not len(positions):
        run.write("gallery.json", {"images": [], "arms": []})
        return
    classes = spread_positions(len(dataset.classes), plan.maximised)
    tensors: dict[str, np.ndarray] = {"images": split.stored(positions)}
    arms, eps = [], max(plan.attacks.eps)
    for number, (name, classifier) in enumerate(classifiers.items()):
        progress("drawing what the arms see", number, len(classifiers), name)
        images, labels = (tensor.to(classifier.device) for tensor in split[positions])
        attack = PGD(threat=THREATS[plan.attacks.norm](eps))
        adversarial = attack(classifier, images, labels, generator=generator(plan.base.seed, 0, "gallery"))
        entry: dict[str, Any] = {"name": name, "clean": _answers(classifier, images)}
        entry["attacked"] = _answers(classifier, adversarial)
        tensors[f"saliency/{name}/clean"] = _saliency(classifier, images, labels)
        tensors[f"saliency/{name}/attacked"] = _saliency(classifier, adversarial, labels)
        tensors[f"adversarial/{name}"] = _last(adversarial)
        if len(classes):
            targets = torch.from_numpy(classes)
            best = ActivationMaximisation(seed=plan.base.seed)(classifier, targets)
            tensors[f"maximised/{name}"] = _last(best)
            entry["maximised"] = _answers(classifier, best, targets)
        convolutions = list(classifier.convolutions())
        entry["layers"] = [convolutions[i] for i in spread_positions(len(convolutions), LAYERS)] if convolutions else []
        for layer, maps in feature_maps(classifier, images[:1], entry["layers"]).items() if convolutions else ():
            sample = maps[0, spread_positions(maps.shape[1], CHANNELS)]
            tensors[f"layers/{name}/{layer}"] = tile(sample, columns=4).picture.numpy()
        arms.append(entry)
    facts = {
        "images": [{"name": split.names[i], "label": int(split.labels[i])} for i in positions],
        "eps": eps,
        "norm": plan.attacks.norm,
        "classes": classes.tolist(),
        "arms": arms,
    }
    with run.atomic(run.path / "gallery.safetensors") as path:
        path.write_bytes(save({name: np.ascontiguousarray(tensor) for name, tensor in tensors.items()}))
    run.write("gallery.json", facts)


def _pictured_positions(labels: np.ndarray, predictions: np.ndarray, count: int, seed: int) -> np.ndarray:
    order = np.random.default_rng(seed).permutation(len(labels))
    right = order[predictions[order] == labels[order]]
    _, first = np.unique(labels[right], return_index=True)
    apart = np.sort(first)
    return right[np.concatenate([apart, np.setdiff1d(np.arange(len(right)), apart)])][:count]


def _answers(classifier: Classifier, images: Images, targets: Labels | None = None) -> list[dict[str, Any]]:
    """The first guess for each image and its probability; of a class that is asked for, that class's own."""
    with eval_without_grad(classifier), torch.no_grad():
        logits = classifier(images.to(classifier.device)).float().cpu()
    classes, sure = top(classifier, logits, 1)
    rows = [
        {"prediction": int(one[0]), "confidence": float(share[0])} for one, share in zip(classes, sure, strict=True)
    ]
    if targets is None:
        return rows
    shares = classifier.as_logits(logits).softmax(1).gather(1, targets[:, None])[:, 0].tolist()
    return [
        row | {"asked": int(label), "share": share} for row, label, share in zip(rows, targets, shares, strict=True)
    ]


def _saliency(classifier: Classifier, images: Images, labels: Labels) -> np.ndarray:
    """The largest |∂ logit / ∂ pixel| over the channels, (n, h, w)."""
    return Saliency()(classifier, images, labels).abs().amax(1).cpu().numpy()


def _last(images: Images) -> np.ndarray:
    return images.permute(0, 2, 3, 1).cpu().numpy()
