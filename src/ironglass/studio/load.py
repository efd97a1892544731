"""A model and its data, as the studio opens them, and photographs that are not among the data."""

from __future__ import annotations

import dataclasses
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from ironglass.data.build import Reading
from ironglass.data.dataset import Dataset, Split
from ironglass.data.decoding.depth import Scale
from ironglass.data.decoding.scan import scan
from ironglass.data.pixels import to_images
from ironglass.errors import InputError, Notice
from ironglass.models.classifier import Classifier
from ironglass.models.loading.native import check_name, knows_classes
from ironglass.plans.audit import Audit, only_parts
from ironglass.studies.common.plan_data import reading_of
from ironglass.studies.common.plan_model import with_own_classes
from ironglass.studies.common.prepare import measured_split, pick_device, prepare
from ironglass.studio.run_data import contents_of_run, data_of_run
from ironglass.types import Images, Progress


@dataclass(frozen=True, kw_only=True)
class Opened:
    """A model of the studio.

    plan: what it was opened by.
    classifier: on its device.
    dataset: the data, at the classifier's size; None where there are none.
    reading: how photographs from elsewhere are brought to the classifier's size.
    """

    plan: Audit
    classifier: Classifier
    dataset: Dataset | None
    reading: Reading

    @property
    def split(self) -> tuple[str, Split] | None:
        """Name and images of the split that pictures are picked from: test, else validation, where none is named."""
        return None if self.dataset is None else measured_split(self.plan, self.dataset)


def load(
    model: str, data: str = "", *, device: str = "cpu", download: bool = False, progress: Progress | None = None,
    **fields: Any,
) -> Opened:  # fmt: skip
    """Opens a trained model, with data or without.

    Args:
        model: a name that `ironglass.load_classifier` takes, with weights.
        data: a name that `ironglass.load_dataset` takes; "" for none.
        device: "cpu", "cuda", "auto", ...
        download: whether "torchvision:" data may be fetched.
        progress: called as progress(done, of) while images are decoded.
        fields: other fields of `ironglass.Audit`, such as weights, size, classes, normalise, split, fit.

    Raises:
        InputError: for a model without weights, or, without data, without the names of its classes.
    """
    plan = Audit(name="studio", model=model, dataset=data, **only_parts(evaluation=True, **fields))
    native, target = reading_of(model), pick_device(device)
    reading = dataclasses.replace(native, fit=plan.fit or native.fit, range=plan.range or native.range)
    if data:
        classifier, dataset = prepare(plan, target, download=download, progress=progress)
        return Opened(plan=plan, classifier=classifier, dataset=dataset, reading=reading)
    check_name(model)
    if not knows_classes(model, weighted=plan.pretrained or plan.weights is not None):
        raise InputError(f"{model} does not name its classes, or has no weights: give --data, or a run folder as MODEL")
    return Opened(plan=plan, classifier=with_own_classes(plan, download).to(target), dataset=None, reading=reading)


def load_all(
    models: Sequence[str], data: str | None = "", *, device: str, download: bool, progress: Progress | None = None,
    **fields: Any,
) -> tuple[Opened, ...]:  # fmt: skip
    """Several models that look at the same pictures. Raises InputError where they cannot.

    data: None for those that the first model's run was measured on; where these cannot be opened, there are none, and
    a Notice says why. Otherwise as `load` takes it.
    """
    arguments: dict[str, Any] = {"device": device, "download": download, "progress": progress}
    if data is None:
        first, data, fields = _with_run_data(models[0], fields, arguments)
        opened = (first, *(load(name, data, **arguments, **fields) for name in models[1:]))
    else:
        opened = tuple(load(name, data, **arguments, **fields) for name in models)
    first = opened[0].classifier
    for one, name in zip(opened, models, strict=True):
        shape = (one.classifier.input_size, one.classifier.channels)
        if shape != (first.input_size, first.channels):
            raise InputError(f"{name} takes images of another size than {models[0]}: open them one at a time")
        if one.classifier.classes != first.classes:
            raise InputError(f"{name} has other classes than {models[0]}: open them one at a time")
    return opened


def _with_run_data(model: str, fields: dict[str, Any], arguments: dict[str, Any]) -> tuple[Opened, str, dict[str, Any]]:
    """A model with the data of its run, where it is a run and they can be opened; their name, and the plan's fields."""
    for_data = [key for key in ("split", "only") if key in fields]
    try:
        if (of_run := data_of_run(model)) is not None:
            name, plan = of_run
            opened = load(model, name, **arguments, **(plan | fields))
            if opened.dataset is not None and opened.dataset.contents != contents_of_run(model):
                opened.classifier.remarks += (
                    f"{name} is not as it was when {model} was made: its images have changed.",
                )
            return opened, name, plan | fields
    except InputError as error:
        if for_data:
            raise
        warnings.warn(Notice(f"opened without the data of the run: {error}; --data names others"), stacklevel=3)
    if for_data:
        raise InputError(
            f"{for_data[0]} is for data, and {model} names none: give --data, or leave --{for_data[0]} out"
        )
    return load(model, "", **arguments, **fields), "", fields


def read_photo(photo: bytes | str | Path, opened: Opened) -> Images:
    """One photograph as float32 (1, c, h, w) in [0, 1], brought to the classifier's size as its data were.

    photo: the bytes of an image file, or its path. Raises InputError for what cannot be decoded.
    """
    encoded = Path(photo) if isinstance(photo, str) else photo
    classifier, reading = opened.classifier, opened.reading
    scale = None if reading.range is None else Scale(*reading.range)
    shape: Any = {"size": classifier.input_size, "channels": classifier.channels}
    decoded = next(scan([encoded], **shape, fit=reading.fit, scale=scale))
    if isinstance(decoded, str):
        raise InputError(f"the picture cannot be read: {decoded}")
    return to_images(torch.from_numpy(decoded.pixels.copy()).permute(2, 0, 1)[None])
