"""The images that the report shows: drawn by the seed, half right and half wrong, never picked."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any

import numpy as np
import torch
from safetensors.numpy import save

from ironglass.attacks import fgsm_sweep, find_attack
from ironglass.attacks.sizes import at_each_eps
from ironglass.data.dataset import Split
from ironglass.explain.methods.grad_cam import GradCAM
from ironglass.explain.methods.occlusion import Occlusion
from ironglass.measure.accuracy import top
from ironglass.measure.maps.score_noise import score_noise
from ironglass.models.classifier import Classifier
from ironglass.models.eval_without_grad import eval_without_grad
from ironglass.plans.attacks import Attacks
from ironglass.plans.audit import Audit
from ironglass.run import Run
from ironglass.studies.common.draws import generator
from ironglass.studies.steps.context import AuditContext
from ironglass.studies.steps.step import Step
from ironglass.types import Images, Labels, Logits


def draw_samples(labels: np.ndarray, predictions: np.ndarray, count: int, seed: int) -> np.ndarray:
    """Positions of `count` images: half from the right, half from the wrong, the rest from where there are more."""
    order = np.random.default_rng(seed).permutation(len(labels))
    right, wrong = (order[(predictions == labels)[order] == correct] for correct in (True, False))
    of_wrong = min(len(wrong), max(count // 2, count - len(right)))
    of_right = min(len(right), count - of_wrong)
    return np.concatenate([right[:of_right], wrong[:of_wrong]])


def write_samples(
    run: Run,
    classifier: Classifier,
    split: Split,
    logits: Logits,
    plan: Audit,
    *,
    mean: tuple[float, ...],
    patch: int,
    stride: int,
) -> None:
    """Writes `samples.safetensors` and `samples.json` (see docs/run-folder.md), as far as the plan's steps go."""
    positions = draw_samples(split.labels, logits.argmax(1).numpy(), plan.sampling.report_images, plan.seed)
    if not len(positions):
        return
    images, labels = (tensor.to(classifier.device) for tensor in split[positions])
    predicted = logits[positions].argmax(1).to(classifier.device)
    tensors: dict[str, np.ndarray] = {"images": split.stored(positions)}
    facts: dict[str, Any] = {"eps": [], "masks": [], "layers": []}
    masks = () if plan.occlusion is None else plan.occlusion.masks
    occlusions = {mask: Occlusion(patch=patch, stride=max(1, stride // 2), fill=mask, mean=mean) for mask in masks}
    maps = _maps(classifier, images, predicted, occlusions, layers=plan.layers is not None)
    tensors |= maps
    facts["layers"] = [name.removeprefix("grad_cam/") for name in maps if name.startswith("grad_cam/")]
    facts["masks"] = list(masks)
    noise = score_noise(classifier, images, predicted, generator(plan.seed, 0, "score noise")) if masks else []
    attacked: list[tuple[np.ndarray, np.ndarray]] = []
    if plan.attacks is not None and not plan.attacks.methods:
        facts["eps"] = sorted({0.0, *plan.attacks.eps})
        for i, adversarial in enumerate(fgsm_sweep(classifier, images, labels, facts["eps"])):
            tensors[f"fgsm/{i}"] = np.ascontiguousarray(adversarial.permute(0, 2, 3, 1).cpu().numpy())
            with eval_without_grad(classifier), torch.inference_mode():
                attacked.append(top(classifier, classifier(adversarial).cpu(), 1))
    if plan.attacks is not None and plan.attacks.methods:
        attack_images, facts["attacks"] = _attacked(classifier, images, labels, plan.attacks, plan.seed)
        tensors |= attack_images
    facts["images"] = [
        _describe(i, position, split, classifier, logits, attacked, facts["eps"])
        for i, position in enumerate(positions)
    ]
    for entry, change in zip(facts["images"], noise, strict=False):
        entry["score_noise"] = change
    with run.atomic(run.path / "samples.safetensors") as path:
        path.write_bytes(save({name: np.ascontiguousarray(tensor) for name, tensor in tensors.items()}))
    run.write("samples.json", facts)


def _maps(
    classifier: Classifier, images: Images, predicted: Labels, occlusions: dict[str, Occlusion], *, layers: bool
) -> dict[str, np.ndarray]:
    """Grad-CAM of every layer and the occlusions, of the predicted classes, under their names in the file."""
    maps = GradCAM()(classifier, images, predicted) if layers and classifier.convolutions() else {}
    tensors = {f"grad_cam/{name}": layer_maps[:, 0].cpu().numpy() for name, layer_maps in maps.items()}
    for mask, explainer in occlusions.items():
        tensors[f"occlusion/{mask}"] = explainer(classifier, images, predicted)[:, 0].cpu().numpy()
    return tensors


def _attacked(
    classifier: Classifier, images: Images, labels: Labels, attacks: Attacks, seed: int
) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
    """The images under each of the plan's attacks at every eps, and what they are then taken for."""
    sizes = sorted({eps for eps in attacks.eps if eps > 0})
    names = list(dict.fromkeys(attacks.methods))
    tensors: dict[str, np.ndarray] = {}
    outcomes: list[dict[str, Any]] = [{} for _ in range(len(images))]
    for name in names:
        draws = partial(generator, seed, 0, f"shown {name}")
        adversarial = at_each_eps(find_attack(name), classifier, images, labels, sizes, norm=attacks.norm, draws=draws)
        at: list[list[dict[str, Any]]] = [[] for _ in outcomes]
        for eps, attacked in zip(sizes, adversarial, strict=True):
            key = f"attack/{name}" if eps == sizes[-1] else f"attack/{name}/{len(at[0])}"
            tensors[key] = attacked.permute(0, 2, 3, 1).cpu().numpy()
            with eval_without_grad(classifier), torch.no_grad():
                predicted, sure = top(classifier, classifier(attacked).float().cpu(), 1)
            for row, prediction, confidence in zip(at, predicted[:, 0], sure[:, 0], strict=True):
                row.append({"eps": eps, "prediction": int(prediction), "confidence": float(confidence)})
        for entry, row in zip(outcomes, at, strict=True):
            entry[name] = {"prediction": row[-1]["prediction"], "confidence": row[-1]["confidence"], "at": row}
    return tensors, {"eps": sizes[-1], "norm": attacks.norm, "names": names, "images": outcomes}


def _describe(
    i: int,
    position: int,
    split: Split,
    classifier: Classifier,
    logits: Logits,
    attacked: list[tuple[np.ndarray, np.ndarray]],
    eps: Sequence[float],
) -> dict[str, Any]:
    ranks, confidence = top(classifier, logits[position : position + 1])
    label, prediction = int(split.labels[position]), int(ranks[0, 0])
    return {
        "name": split.names[position],
        "kind": "right" if prediction == label else "wrong",
        "label": label,
        "prediction": prediction,
        "confidence": float(confidence[0, 0]),
        "top": [[classifier.classes[rank], float(share)] for rank, share in zip(ranks[0], confidence[0], strict=True)],
        "fgsm": [
            {"eps": size, "prediction": int(predicted[i, 0]), "confidence": float(sure[i, 0])}
            for size, (predicted, sure) in zip(eps, attacked, strict=True)
        ],
    }


def mean_colour(split: Split, images: int = 2000) -> tuple[float, ...]:
    """The mean of each channel over the first images, in [0, 1]."""
    pixels, _ = split.batch(slice(0, images))
    mean = pixels.permute(0, 2, 3, 1).double().mean((0, 1, 2))
    return tuple((mean / 255 if pixels.dtype == torch.uint8 else mean).tolist())


def _applies(context: AuditContext) -> bool:
    plan = context.plan
    return any(part is not None for part in (plan.attacks, plan.layers, plan.occlusion))


def _run(context: AuditContext) -> None:
    context.progress("drawing samples", 0, 1, "")
    write_samples(
        context.run,
        context.classifier,
        context.split,
        context.logits(),
        context.plan,
        mean=mean_colour(context.dataset.splits.get("train", context.split)),
        patch=context.patch,
        stride=context.stride,
    )
    context.run.record("samples", {"images": context.plan.sampling.report_images, "seed": context.plan.seed})


SAMPLES = Step(key="samples", wanted=_applies, run=_run)
