"""From the names in a plan to a data set and a classifier that fit each other."""

from __future__ import annotations

import json
import os
from pathlib import Path

import numpy as np
import torch

from ironglass.data.build import Reading
from ironglass.data.dataset import Dataset, Split
from ironglass.data.load import check_reading, load_dataset
from ironglass.data.match import match_classes
from ironglass.errors import InputError
from ironglass.models.classifier import Classifier
from ironglass.models.load import find_builder, load_classifier
from ironglass.models.native import knows_classes, native_size
from ironglass.studies.plan import Audit
from ironglass.types import Progress


def pick_device(name: str) -> torch.device:
    """`auto` takes an accelerator where there is one. Raises InputError for one that is not there."""
    if name == "auto":
        own = os.environ.get("LOCAL_RANK")  # of the processes of one launch, each takes an accelerator of its own
        return torch.device(("cuda" if own is None else f"cuda:{own}") if torch.cuda.is_available() else "cpu")
    try:
        device = torch.device(name)
        torch.zeros(1, device=device)
    except (RuntimeError, AssertionError) as error:
        raise InputError(f"there is no device {name!r} here: use --device cpu or auto") from error
    return device


def prepare(
    plan: Audit, device: torch.device, *, download: bool = False, progress: Progress | None = None
) -> tuple[Classifier, Dataset]:
    """The plan's classifier, on the device, and its data at the classifier's size, labels matched by class name."""
    if not plan.model or not plan.dataset:
        raise InputError("the recipe names no model or no data: fill in the fields model and dataset")
    find_builder(plan.model)  # a wrong name shall not wait for the images
    trains = "train" in plan.steps
    size = plan.size
    if size is None and (native := native_size(plan.model)):
        size = native[0]
    knows = knows_classes(plan.model, weighted=plan.pretrained or plan.weights is not None)
    if not knows and not trains and plan.weights is None and ".py:" not in plan.model:
        raise InputError(f"{plan.model} has no trained weights: train it first, or give --weights or --pretrained")
    own = None
    channels: int | None = 3 if plan.model.startswith("torchvision/") else plan.channels
    if knows and not trains:
        own = load_trained(plan, size, channels)
        channels = own.channels
    dataset = load_data(plan, size, channels, download=download, progress=progress)
    classifier = own or load_classifier(
        plan.model,
        classes=dataset.classes,
        size=dataset.size,
        channels=dataset.channels,
        pretrained=plan.pretrained,
        weights=plan.weights,
        seed=plan.seed,
        **plan.options,
    )
    if plan.start and trains:
        classifier = plan.start.into(classifier)
    return classifier.to(device), match_classes(dataset, classifier.classes)


def load_data(
    plan: Audit, size: int | None, channels: int | None, *, download: bool, progress: Progress | None = None
) -> Dataset:
    """The plan's data at this size. Their seed is not the plan's: runs of other seeds shall share their test images."""
    own = reading_of(plan.model)
    return load_dataset(
        plan.dataset,
        size=size,
        channels=channels,
        fit=plan.fit or own.fit,
        range=plan.range or own.range,
        image_column=plan.image_column,
        label_column=plan.label_column,
        splits=plan.splits,
        classes=plan.only or None,
        download=download,
        progress=progress,
    )


def reading_of(model: str) -> Reading:
    """How the images that the named run's network learnt from became pixels; the usual way for other names."""
    path = Path(model.removeprefix("local-dir:")) / "data.json"
    try:
        record = json.loads(path.read_text("utf-8"))["reading"]
        return check_reading(None, None, record["fit"], record["range"])
    except (OSError, ValueError, KeyError, TypeError, RecursionError):  # no run, or one from before
        return Reading()


def load_trained(plan: Audit, size: int | None, channels: int | None) -> Classifier:
    """The plan's model with its weights and its own classes."""
    return load_classifier(
        plan.model,
        size=size,
        channels=channels or 3,
        pretrained=plan.pretrained,
        weights=plan.weights,
        **plan.options,
    )


def measured_split(plan: Audit, dataset: Dataset) -> tuple[str, Split]:
    """The split that the plan measures on: what it names, or test, or else validation."""
    if plan.split != "auto":
        return plan.split, dataset[plan.split]
    name = next((name for name in ("test", "validation", "train") if name in dataset.splits), "test")
    return name, dataset[name]


def drawn(split: Split, count: int, seed: int) -> Split:
    """At most `count` images of the split, drawn by the seed, in their order."""
    return split if count >= len(split) else split.take(drawn_positions(len(split), count, seed))


def drawn_positions(n: int, count: int, seed: int) -> np.ndarray:
    """At most `count` of n positions, drawn by the seed, in their order."""
    return np.sort(np.random.default_rng(seed).permutation(n)[:count])


def spread_positions(n: int, count: int) -> np.ndarray:
    """At most `count` positions, spread evenly over n, the first and the last among them."""
    return np.linspace(0, n - 1, min(count, n)).round().astype(np.int64)


def measured_and_learning(plan: Audit, dataset: Dataset) -> tuple[Split, Split]:
    """The images that are explained and attacked, and other images for the linear probes to learn from.

    The latter are training images; where there are none, or they are what is measured, the measured split is halved,
    since a probe that is tested on what it has learnt says nothing.
    """
    name, split = measured_split(plan, dataset)
    if name != "train" and "train" in dataset.splits:
        return drawn(split, plan.samples, plan.seed), drawn(dataset.train, plan.probe_images, plan.seed)
    order = np.random.default_rng(plan.seed).permutation(len(split))
    count = max(1, min(plan.samples, len(split) // 2))
    measured, rest = np.sort(order[:count]), np.sort(order[count:][: plan.probe_images])
    return split.take(measured), split.take(rest if len(rest) else measured)
