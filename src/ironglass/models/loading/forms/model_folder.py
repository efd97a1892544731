"""`local-dir:PATH`, or a run folder: what `save_classifier`, timm or transformers wrote."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from ironglass.errors import InputError
from ironglass.models.classifier import Classifier
from ironglass.models.loading.checkpoints.checkpoint import read_checkpoint
from ironglass.models.loading.configuration import read_configuration, read_json
from ironglass.models.loading.forms.code import is_code
from ironglass.models.loading.forms.form import NameForm
from ironglass.models.loading.forms.timm_network import TimmNetwork
from ironglass.models.loading.forms.torchvision_network import TorchvisionNetwork
from ironglass.models.loading.forms.transformers_type import TransformersType
from ironglass.models.loading.forms.zoo_network import ZooNetwork
from ironglass.models.loading.new_head import with_new_head
from ironglass.models.loading.transformers_folders.folder import build_folder
from ironglass.models.loading.transformers_folders.settings import is_transformers
from ironglass.models.loading.weights import load_checkpoint
from ironglass.models.loading.wrap import wrap

if TYPE_CHECKING:
    from ironglass.models.request import ModelRequest

SOURCES: tuple[NameForm, ...] = (ZooNetwork(), TimmNetwork(), TorchvisionNetwork(), TransformersType())
"""The forms of names that a folder may give as its network's source."""


class ModelFolder(NameForm):
    """`local-dir:PATH`, or the path of a folder that holds a `config.json`."""

    def matches(self, name: str) -> bool:
        """Returns whether it begins with `local-dir:` or is such a folder."""
        return name.startswith("local-dir:") or (Path(name) / "config.json").is_file()

    def build(self, request: ModelRequest) -> Classifier:
        """A folder that `save_classifier`, timm or transformers wrote."""
        folder = Path(request.name.removeprefix("local-dir:"))
        if is_transformers(config := read_json(folder / "config.json")):
            return build_folder(request, folder, config)
        config_data = read_configuration(folder)
        files = [folder / file for file in ("model.safetensors", "pytorch_model.bin") if (folder / file).is_file()]
        if not files:
            raise InputError(f"{folder} holds no model.safetensors: its training has not finished its first epoch")
        form = _form_of_source(config_data.source, folder, files[0])
        checkpoint = read_checkpoint(files[0])
        count = len(config_data.classes)
        rows = {tensor.shape[0] for state in checkpoint.states.values() for tensor in state.values() if tensor.ndim}
        if count > 2 and count not in rows:  # before a network of that many outputs is built
            raise InputError(
                f"{folder / 'config.json'} names {count:,} classes, and no tensor of {files[0]} has as many"
            )
        fresh = replace(
            request,
            name=config_data.source,
            classes=config_data.classes,
            size=config_data.size,
            channels=config_data.channels,
            pretrained=False,
            weighted=True,
            options=config_data.options | request.options,
        )
        try:
            classifier = form.build(fresh)
        except InputError as error:
            raise InputError(f"{folder / 'config.json'}: {error}") from error
        remarks = load_checkpoint(classifier.network, checkpoint)
        classifier = wrap(
            classifier.network,
            fresh,
            mean=config_data.mean,
            std=config_data.std,
            classes=config_data.classes,
            size=config_data.size,
            origin=config_data.origin,
        )
        classifier.remarks = remarks
        if request.classes is not None and request.classes != classifier.classes:
            return with_new_head(classifier, request.classes)
        return classifier

    def native_size(self, name: str) -> tuple[int, int] | None:
        """As its `config.json` says; None where that cannot be read."""
        config = Path(name.removeprefix("local-dir:")) / "config.json"
        try:
            return read_configuration(config.parent).size if config.is_file() else None
        except InputError:
            return None  # loading will say what is wrong


def _form_of_source(source: str, folder: Path, weights: Path) -> NameForm:
    """The form of the name that a folder gives as its network's source. Raises InputError where it chooses code."""
    if not source or is_code(source):
        network_name = source or "a module of your own"
        raise InputError(
            f"{folder} holds the weights of {network_name}, and a folder may not choose code to run: name"
            f" file.py:function yourself, with --weights {weights}"
        )
    form = next((form for form in SOURCES if form.matches(source)), None)
    if form is None:
        raise InputError(
            f"{folder / 'config.json'} names the model {source!r}, which a folder may not choose: only a network of"
            " ours or of timm's, torchvision's or transformers'"
        )
    return form
