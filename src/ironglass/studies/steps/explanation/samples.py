"""The images whose maps the report shows, in every condition."""

from __future__ import annotations

from typing import Any

import numpy as np
from safetensors.numpy import save

from ironglass.measure.accuracy import top
from ironglass.measure.maps.attribution import deletion, image_maps, insertion, last_layer
from ironglass.measure.maps.quality import GRADIENTS
from ironglass.measure.maps.score_noise import score_noise
from ironglass.run import Run
from ironglass.studies.common.draws import generator
from ironglass.studies.steps.explanation.run import Explanations


def write_explained_samples(run: Run, explanations: Explanations) -> None:
    """Writes `explained.safetensors` and `explained.json` (see docs/run-folder.md). explanations: of the shown images.

    The control is left out: it is for numbers.
    """
    plan, classifier, split = explanations.plan, explanations.classifier, explanations.split
    images, labels = (tensor.to(classifier.device) for tensor in split[:])
    size = split.pixels.shape[1], split.pixels.shape[2]
    tensors: dict[str, np.ndarray] = {}
    facts: list[dict[str, Any]] = [{"name": name, "label": int(labels[i])} for i, name in enumerate(split.names)]
    conditions, layers = [], {}
    for explained in explanations.explain_conditions(
        images, labels, lambda name: generator(plan.seed, 0, f"shown {name}")
    ):
        condition = explained.condition
        if condition.kind == "clean":
            targets = explanations.targets(explained.logits, labels)
            noise = score_noise(classifier, images, targets, generator(plan.seed, 0, "score noise"))
            for entry, target, change in zip(facts, targets.tolist(), noise, strict=True):
                entry |= {"target": target, "score_noise": change}
            for name, maps in explained.maps.items():
                absolute = isinstance(explanations.methods[name], GRADIENTS)
                flat = image_maps(maps, size, absolute=absolute)
                areas = {area.__name__: area(classifier, images, targets, flat) for area in (insertion, deletion)}
                for i, entry in enumerate(facts):
                    worth = {area: float(values[i]) for area, values in areas.items()}
                    entry.setdefault("quality", {})[name] = worth
            layers = {name: last_layer(maps) for name, maps in explained.maps.items() if isinstance(maps, dict)}
        if condition.kind == "control":
            continue
        conditions.append({"name": condition.name, "label": condition.label, "kind": condition.kind, **condition.facts})
        tensors[f"{condition.name}/images"] = explained.images.permute(0, 2, 3, 1).cpu().numpy()
        if explained.hidden is not None:
            tensors[f"{condition.name}/hidden"] = explained.hidden.to("cpu").numpy().astype(np.uint8)
        for name, maps in explained.maps.items():
            part = maps[layers[name]] if isinstance(maps, dict) else maps
            tensors[f"{condition.name}/maps/{name}"] = image_maps(part, size).float().cpu().numpy()
        ranks, confidence = top(classifier, explained.logits.cpu())
        for i, entry in enumerate(facts):
            best = [[int(rank), float(share)] for rank, share in zip(ranks[i], confidence[i], strict=True)]
            entry.setdefault("top", {})[condition.name] = best
    with run.atomic(run.path / "explained.safetensors") as path:
        path.write_bytes(save({name: np.ascontiguousarray(tensor) for name, tensor in tensors.items()}))
    methods = list(explanations.methods)
    run.write("explained.json", {"methods": methods, "layers": layers, "conditions": conditions, "images": facts})
