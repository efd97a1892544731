"""A folder as `save_pretrained` of transformers writes it, read as data."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ironglass.errors import InputError
from ironglass.models.classifier import Classifier
from ironglass.models.loading.configuration import read_json
from ironglass.models.loading.transformers_folders.image_processor import Preparation, measured_preparation
from ironglass.models.loading.transformers_folders.network import LogitsOnly, quiet
from ironglass.models.loading.transformers_folders.settings import image_size, labels_of, sanitised
from ironglass.models.loading.transformers_folders.weights import load_model, read_weights
from ironglass.models.loading.wrap import wrap
from ironglass.models.normalisation import ASSUMED, CONFIGURED

if TYPE_CHECKING:
    from ironglass.models.request import ModelRequest

PREFIX = "transformers/"


def build_folder(request: ModelRequest, folder: Path, config: dict[str, Any]) -> Classifier:
    """The classifier in a folder with its weights, its labels in the order of `id2label`, and the size and
    normalisation that its `preprocessor_config.json` really leads to.

    No code of the folder runs, and nothing is fetched. Raises InputError, naming the file, for what cannot be followed.
    """
    path = folder / "config.json"
    state = read_weights(folder)
    labels = labels_of(config, path)
    settings = sanitised(config, path, len(state))
    order, preparation_remarks, size = None, [], request.size or image_size(settings)
    preparation = _preparation(folder, config["model_type"], settings)
    if preparation is not None:
        order, preparation_remarks, size = preparation.order, list(preparation.remarks), preparation.size or size
    size = size or (224, 224)
    options = {"configuration": settings} | ({"order": list(order)} if order else {})
    if request.options:
        raise InputError(f"{request.name} takes no options, as {next(iter(request.options))!r}: its folder says it all")
    model, remarks = load_model(settings, config["model_type"], state, folder, labels, request.classes or labels)
    channels = int(settings.get("num_channels", 3))
    mean, std = ([0.0] * channels, [1.0] * channels)
    if preparation is not None:
        mean, std = list(preparation.mean), list(preparation.std)
    renamed = replace(request, name=PREFIX + config["model_type"], options=options)
    network = LogitsOnly(model, order, size)
    classes, origin = request.classes or labels, ASSUMED if preparation is None else CONFIGURED
    classifier = wrap(network, renamed, mean=mean, std=std, classes=classes, size=size, origin=origin)
    classifier.remarks = (*preparation_remarks, *remarks)
    return classifier


def _preparation(folder: Path, kind: str, settings: dict[str, Any]) -> Preparation | None:
    """Preparation by the folder's image processor, found by trying; None where it has none."""
    path = folder / "preprocessor_config.json"
    if not path.is_file() or settings.get("num_channels", 3) != 3:
        return None
    with quiet(str(path)):
        return measured_preparation(read_json(path), path, kind)
