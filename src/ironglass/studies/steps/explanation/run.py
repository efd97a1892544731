"""The explanation step: every condition and method on every batch, each batch kept as soon as it is done."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass, fields, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import torch
from safetensors import safe_open
from safetensors.torch import save
from torch import Tensor

from ironglass.data.dataset import Split
from ironglass.data.positions import spread_positions
from ironglass.errors import Notice
from ironglass.explain import EXPLAINERS, explain
from ironglass.measure.maps.attribution import last_layer
from ironglass.models.checks import check_labels
from ironglass.models.classifier import Classifier
from ironglass.models.eval_without_grad import eval_without_grad
from ironglass.models.predict import batches
from ironglass.plans.audit import Audit
from ironglass.plans.explanation import ExplanationPlan
from ironglass.run import Run
from ironglass.studies.common.draws import generator
from ironglass.studies.common.progress import Tell
from ironglass.studies.common.stored import stored
from ironglass.studies.steps.explanation.conditions import Condition, MapsByMethod, conditions
from ironglass.studies.steps.explanation.images import chosen_positions, target_class
from ironglass.types import Images, Labels, Logits

FEWEST_REFERENCES, MOST_REFERENCES = 10, 128
"""Number of images between which a method that compares with others has enough of them."""


@dataclass(frozen=True)
class ExplainedImages:
    """Images in one condition: what the network says of them and why. hidden: bool (n, h, w), where some pixels are."""

    condition: Condition
    images: Images
    logits: Logits
    maps: MapsByMethod
    hidden: Tensor | None


@dataclass(frozen=True)
class Explanations:
    """The plan's explanation by named methods, of these images.

    patch, stride: pixels.
    references: other images, for methods that compare with them.
    """

    plan: Audit
    classifier: Classifier
    split: Split
    patch: int
    stride: int
    references: Split | None = None

    @property
    def settings(self) -> ExplanationPlan:
        """The explanation part of the plan."""
        return self.plan.explanation or ExplanationPlan()

    @cached_property
    def methods(self) -> dict[str, Any]:
        """The explainers by name, with the plan's patch, stride and budget, and references, where they have such."""
        fitted: dict[str, Any] = {"patch": self.patch, "stride": self.stride}
        if self.settings.budget is not None:
            fitted["budget"] = self.settings.budget
        if self.references is not None and len(self.references) >= FEWEST_REFERENCES:
            fitted["references"] = self.references[spread_positions(len(self.references), MOST_REFERENCES)][0]
        methods = {}
        for name in dict.fromkeys(self.settings.methods):
            settings = {field.name for field in fields(EXPLAINERS[name])}
            methods[name] = replace(EXPLAINERS[name], **{key: fitted[key] for key in fitted if key in settings})
        return methods

    @cached_property
    def conditions(self) -> list[Condition]:
        """Treatments of the images, the unchanged ones first."""
        height, width = self.split.pixels.shape[1:3]
        return conditions(self.plan, (height, width), self.patch)

    @property
    def count(self) -> int:
        """Number of batches."""
        return -(-len(self.split) // self.settings.batch)

    def targets(self, logits: Logits, labels: Labels) -> Labels:
        """The classes that are explained, by what the network says of the unchanged images."""
        class_index = target_class(self.settings.target, self.classifier.classes)
        if class_index is not None:
            return torch.full_like(labels, class_index)
        return labels.clone() if self.settings.target == "true" else logits.argmax(1)

    def explain_conditions(
        self, images: Images, labels: Labels, draws: Callable[[str], torch.Generator]
    ) -> Iterator[ExplainedImages]:
        """The images in each condition, explained for the same targets. draws: a condition's generator by its name."""
        clean_maps: MapsByMethod = {}
        targets = labels
        for condition in self.conditions:
            changed, hidden = condition(self.classifier, images, labels, clean_maps, draws(condition.name))
            with eval_without_grad(self.classifier), torch.no_grad():
                logits = self.classifier(changed).float()
            if condition.kind == "clean":
                targets = self.targets(logits, labels)
            maps = {
                name: explain(self.classifier, changed, targets, explainer) for name, explainer in self.methods.items()
            }
            if condition.kind == "clean":
                clean_maps = maps
            yield ExplainedImages(condition, changed, logits, maps, hidden)


def check_explained(plan: Audit, classifier: Classifier, split: Split, patch: int) -> None:
    """Raises InputError, before any work, for images, a target, a mask or a method that there is no use for here."""
    settings = plan.explanation
    if settings is None or not settings.methods:
        return
    target_class(settings.target, classifier.classes)
    conditions(plan, (split.pixels.shape[1], split.pixels.shape[2]), patch)
    if settings.chosen:
        chosen_positions(plan, split, classifier.classes)
    grey = torch.full((1, classifier.channels, *classifier.input_size), 0.5, device=classifier.device)
    for name in settings.methods:
        explainer = EXPLAINERS[name]
        if hasattr(explainer, "check"):
            explainer.check(classifier, grey)
        elif not getattr(explainer, "black_box", False):  # which takes every network
            quick = {field.name: 1 for field in fields(explainer) if field.name in ("steps", "samples")}
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", Notice)  # said again when it is really called
                explain(classifier, grey, torch.zeros(1, dtype=torch.int64), replace(explainer, **quick))


def batch_file(run: Run, condition: str, number: int) -> Path:
    """Path of a batch of a condition."""
    return run.path / "explanations" / condition / f"batch-{number:05}.safetensors"


def run_explanations(run: Run, explanations: Explanations, progress: Tell) -> None:
    """Makes and writes what is missing of every batch; see docs/run-folder.md for the tensors.

    The unchanged images' file is written last of a batch's: where it is, all of the batch is.
    """
    plan, classifier = explanations.plan, explanations.classifier
    size, count = explanations.settings.batch, explanations.count
    for number in range(count):
        progress("explaining", number, count, f"by {', '.join(explanations.methods)}")
        if batch_file(run, "clean", number).is_file():
            continue
        part = explanations.split.take(slice(number * size, (number + 1) * size))
        images, labels = next(batches(part, len(part), classifier.device))
        check_labels(labels, len(images), len(classifier.classes))

        def draws(name: str, number: int = number) -> torch.Generator:
            return generator(plan.seed, number, f"explained {name}")

        explained = list(explanations.explain_conditions(images, labels, draws))
        targets = explanations.targets(explained[0].logits, labels)
        for one in reversed(explained):
            write_explained(run, batch_file(run, one.condition.name, number), one, labels, targets)
    progress("explaining", count, count, "")


def write_explained(run: Run, path: Path, explained: ExplainedImages, labels: Labels, targets: Labels) -> None:
    """Writes one batch in one condition, in one step. The file's metadata names each method's last layer."""
    tensors = {
        "labels": labels,
        "targets": targets,
        "logits": explained.logits,
        "predictions": explained.logits.argmax(1),
        **{f"maps/{name}": maps for name, maps in flat(explained.maps).items()},
    }
    if explained.condition.kind == "attack":
        tensors["images"] = explained.images
    if explained.hidden is not None:
        tensors["hidden"] = explained.hidden.to(torch.uint8)
    plain = {name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()}
    last = {name: last_layer(maps) for name, maps in explained.maps.items() if isinstance(maps, dict)}
    with run.atomic(path) as temporary:
        temporary.write_bytes(save(plain, metadata=last))


def flat(by_method: MapsByMethod) -> dict[str, Tensor]:
    """Maps by "method", or "method/layer" where a method gives one a layer."""
    tensors: dict[str, Tensor] = {}
    for name, maps in by_method.items():
        tensors |= {f"{name}/{layer}": part for layer, part in maps.items()} if isinstance(maps, dict) else {name: maps}
    return tensors


def read_explained(
    path: Path, methods: list[str], *, extra: tuple[str, ...] = ()
) -> tuple[dict[str, Tensor], MapsByMethod]:
    """Reads what `write_explained` wrote: tensors but the maps, and each method's maps, of several the last layer's.

    extra: tensors beside labels, targets, logits and predictions, as far as they are there.
    """
    with stored(path), safe_open(path, "pt") as file:
        keys = list(file.keys())
        plain = [key for key in ("labels", "targets", "logits", "predictions", *extra) if key in keys]
        tensors = {key: file.get_tensor(key) for key in plain}
        metadata = file.metadata() or {}
        maps = {}
        for name in methods:
            key = f"maps/{name}"
            maps[name] = file.get_tensor(key if key in keys else f"{key}/{metadata[name]}")
    return tensors, maps
