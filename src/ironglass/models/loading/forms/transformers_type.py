"""`transformers/TYPE`: a network that `save_classifier` wrote of a folder of transformers."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import torch

from ironglass.errors import InputError, brief
from ironglass.models.classifier import Classifier
from ironglass.models.loading.forms.form import NameForm
from ironglass.models.loading.transformers_folders.folder import PREFIX
from ironglass.models.loading.transformers_folders.network import LogitsOnly, configuration_for, model_class, quiet
from ironglass.models.loading.transformers_folders.settings import image_size, sanitised
from ironglass.models.loading.wrap import wrap
from ironglass.models.normalisation import CONFIGURED

if TYPE_CHECKING:
    from ironglass.models.request import ModelRequest


class TransformersType(NameForm):
    """`transformers/TYPE`, as `save_classifier` names the source of its folder."""

    def matches(self, name: str) -> bool:
        """Returns whether it begins with `transformers/`."""
        return name.startswith(PREFIX)

    def build(self, request: ModelRequest) -> Classifier:
        """The network of a classifier of transformers that `save_classifier` wrote, its weights still to be loaded."""
        options = dict(request.options)
        settings, order = options.pop("configuration", None), options.pop("order", None)
        if not isinstance(settings, dict) or request.classes is None or options:
            raise InputError(f"{request.name} is no name of its own: give local-dir:FOLDER of a model, or hf-hub:ID")
        if order is not None and (not isinstance(order, list) or sorted(map(str, order)) != ["0", "1", "2"]):
            raise InputError(f"the order of channels is {brief(order)}: it must be 0, 1 and 2 in some order")
        kind = request.name.removeprefix(PREFIX)
        settings = sanitised({**settings, "model_type": kind}, Path("its configuration"), 1 << 14)
        with quiet(request.name):
            model_config = configuration_for(settings, kind, len(request.classes))
            model = model_class(model_config)._from_config(model_config, dtype=torch.float32)
        size = request.size or image_size(settings) or (224, 224)
        channels = [0.0] * request.channels
        trained_size = image_size(settings) or size
        network = LogitsOnly(model, None if order is None else tuple(order), trained_size)
        classes, std = request.classes, [1.0] * request.channels
        return wrap(network, request, mean=channels, std=std, classes=classes, size=size, origin=CONFIGURED)
