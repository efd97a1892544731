"""From the names in a plan to a data set and a classifier that fit each other."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch

from ironglass.data.dataset import Dataset, Split
from ironglass.data.match import match_classes
from ironglass.errors import InputError
from ironglass.measure.class_order import compare_orders, order_warning
from ironglass.measure.normalisation import IMAGES, compare_normalisations, warning
from ironglass.models.classifier import Classifier
from ironglass.models.loading.class_errors import NeedsClasses
from ironglass.models.loading.configuration import configuration_beside
from ironglass.models.loading.fresh import assumed
from ironglass.models.loading.load import load_classifier, own_geometry
from ironglass.models.loading.native import check_name, is_code, is_exported, knows_classes, native_size
from ironglass.models.loading.weights import classes_beside
from ironglass.models.normalisation import ASSUMED, GIVEN
from ironglass.plans.audit import Audit
from ironglass.plans.parts import Layers
from ironglass.studies.common.plan_data import data_classes, load_data, reading_of
from ironglass.studies.common.plan_model import in_order_of_data, load_trained, normalised, with_own_classes
from ironglass.studies.common.positions import drawn
from ironglass.studies.common.single_image import PREDICTED, is_flat_folder, is_single_image, load_single
from ironglass.types import Progress

_ONE = "one image and has no label: give it to explain, attack or predict, with a trained model whose classes are named"


def pick_device(name: str) -> torch.device:
    """`auto` takes an accelerator where there is one. Raises InputError for one that is not there."""
    if name == "auto":
        # of the processes of one launch, each takes an accelerator of its own
        local_rank = os.environ.get("LOCAL_RANK")
        accelerator = "cuda" if local_rank is None else f"cuda:{local_rank}"
        return torch.device(accelerator if torch.cuda.is_available() else "cpu")
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
    check_name(plan.model)  # a wrong name shall not wait for the images
    trains = plan.training
    weighted = plan.pretrained or plan.weights is not None
    has_classes = knows_classes(plan.model, weighted=weighted)
    code = is_code(plan.model)
    if not has_classes and not trains and not weighted and not code:
        raise InputError(f"{plan.model} has no trained weights: train it first, or give --weights or --pretrained")
    trained, named = None, bool(plan.classes) or trains
    if unlabelled := _prepare_unlabelled(plan, has_classes=has_classes, download=download):
        return unlabelled[0].to(device), unlabelled[1]
    if has_classes and not trains:
        trained = with_own_classes(plan, download)
        size, channels, classes, named = trained.input_size, trained.channels, trained.classes, True
    else:
        size, channels, classes, names_outputs = _input_and_classes(
            plan, has_classes=has_classes, code=code, download=download
        )
        named = named or names_outputs
    dataset = load_data(plan, size, channels, download=download, progress=progress)
    classifier = trained or load_classifier(
        plan.model,
        classes=plan.classes or classes or dataset.classes,
        size=dataset.size,
        channels=dataset.channels,
        pretrained=plan.pretrained,
        weights=plan.weights,
        seed=plan.seed,
        **normalised(plan),
    )
    if plan.start and trains:
        classifier = plan.start.into(classifier)
    dataset = match_classes(dataset, classifier.classes, plan.class_map)
    if not named:
        classifier.remarks += (in_order_of_data(len(classifier.classes)),)
    fresh = code and not weighted and not trains and not is_exported(plan.model)
    _remark(plan, classifier, dataset, fresh=fresh, trains=trains)
    return classifier.to(device), dataset


def _prepare_unlabelled(plan: Audit, *, has_classes: bool, download: bool) -> tuple[Classifier, Dataset] | None:
    """`prepare` on one image file, or on a folder of images without labels, with a network whose classes are named;
    None for other data. Raises InputError for one image that cannot be looked at so."""
    single, trains = is_single_image(plan.dataset), plan.training
    inspects = (plan.explains or plan.attacks is not None) and not trains
    if not single and not (inspects and is_flat_folder(plan.dataset)):
        return None
    names = plan.classes or (() if has_classes or plan.weights is None else classes_beside(plan.weights))
    if not inspects or not (has_classes or names):
        if single:
            raise InputError(f"{plan.dataset} is {_ONE}")
        return None
    if has_classes:
        classifier = with_own_classes(plan, download)
    else:
        classifier = load_trained(plan, names)
        fresh = is_code(plan.model) and plan.weights is None and not is_exported(plan.model)
        classifier.remarks += tuple(assumed(plan.model, classifier, fresh=fresh))
    stored_reading = reading_of(plan.model)
    reading = replace(stored_reading, fit=plan.fit or stored_reading.fit, range=plan.range or stored_reading.range)
    return classifier, load_single(plan.dataset, classifier, reading)


def _input_and_classes(
    plan: Audit, *, has_classes: bool, code: bool, download: bool
) -> tuple[tuple[int, int] | int | None, int | None, tuple[str, ...], bool]:
    """Size and channels of the images, None for the data's own, the network's classes, () for the data's, and whether
    it names its outputs itself: of a network that is built when the data are there."""
    channels: int | None = 3 if plan.model.startswith("torchvision/") else plan.channels
    beside = None if plan.weights is None else configuration_beside(Path(plan.weights))
    if beside is not None and not plan.training:  # weights that a run of ours has written
        return plan.size or beside.size, beside.channels, beside.classes, True
    native = native_size(plan.model)
    if has_classes and native is None and plan.size is None:  # a folder of transformers, or a model on the hub
        trained = load_trained(plan)
        return trained.input_size, trained.channels, (), True
    named = False
    if code:
        try:
            geometry = own_geometry(plan.model, plan.classes or None, plan.options, plan.seed)
        except NeedsClasses:
            geometry = own_geometry(plan.model, data_classes(plan, download), plan.options, plan.seed)
        if geometry is not None:
            native, channels, named = *geometry, not is_exported(plan.model)
    classes = () if named or plan.weights is None or plan.training else classes_beside(plan.weights)
    return plan.size or native, channels, classes, named or bool(classes)


def _remark(plan: Audit, classifier: Classifier, dataset: Dataset, *, fresh: bool, trains: bool) -> None:
    """Adds to the classifier's remarks what was assumed of its weights and its normalisation, the latter tried out."""
    remarks = assumed(plan.model, classifier, fresh=fresh)
    unsure = classifier.normalisation == ASSUMED or (plan.weights is not None and classifier.normalisation != GIVEN)
    # those that nothing is reported on, as long as there are enough of them
    names = [name for name in ("validation", "train", measured_split(plan, dataset)[0]) if name in dataset.splits]
    name = next((name for name in names if len(dataset[name]) >= IMAGES), names[-1])
    if unsure and not trains and (words := warning(compare_normalisations(classifier, dataset[name]), name)):
        remarks.append(words)
    if in_order_of_data(len(classifier.classes)) in classifier.remarks and (
        words := order_warning(compare_orders(classifier, dataset[name]), classifier.classes, name)
    ):
        remarks.append(words)
    classifier.remarks += tuple(remarks)


def measured_split(plan: Audit, dataset: Dataset) -> tuple[str, Split]:
    """The split that the plan measures on: what it names, or test, or else validation."""
    if plan.split != "auto":
        return plan.split, dataset[plan.split]
    name = next((name for name in ("test", "validation", "train") if name in dataset.splits), "test")
    return name, dataset[name]


def measured_and_learning(plan: Audit, dataset: Dataset) -> tuple[Split, Split]:
    """The images that are explained and attacked, and other images for the linear probes to learn from.

    The latter are training images; where there are none, or they are what is measured, the measured split is halved,
    since a probe that is tested on what it has learnt says nothing.
    """
    name, split = measured_split(plan, dataset)
    probes = (plan.layers or plan.omitted.layers or Layers()).probe_images
    if dataset.reading.get("labels") == PREDICTED:  # images without labels, of which no probe learns
        return drawn(split, plan.sampling.images, plan.draw), split
    if name != "train" and "train" in dataset.splits:
        return drawn(split, plan.sampling.images, plan.draw), drawn(dataset.train, probes, plan.draw)
    order = np.random.default_rng(plan.draw).permutation(len(split))
    count = max(1, min(plan.sampling.images, len(split) // 2))
    measured, rest = np.sort(order[:count]), np.sort(order[count:][:probes])
    return split.take(measured), split.take(rest if len(rest) else measured)
