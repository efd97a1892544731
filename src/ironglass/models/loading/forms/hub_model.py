"""`hf-hub:ID`: models of timm or transformers on the Hugging Face Hub, fetched with their weights."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ironglass.errors import InputError
from ironglass.models.classifier import Classifier
from ironglass.models.loading.configuration import check_fetched, read_json
from ironglass.models.loading.forms.form import NameForm
from ironglass.models.loading.forms.timm_network import from_timm
from ironglass.models.loading.transformers_folders.folder import build_folder
from ironglass.models.loading.transformers_folders.settings import is_transformers

if TYPE_CHECKING:
    from ironglass.models.request import ModelRequest


class HubModel(NameForm):
    """`hf-hub:ID`, fetched where the cache lacks it."""

    def matches(self, name: str) -> bool:
        """Returns whether it begins with `hf-hub:`."""
        return name.startswith("hf-hub:")

    def build(self, request: ModelRequest) -> Classifier:
        """`hf-hub:ID`: a model of timm's or transformers' on the hub, fetched with its weights."""
        folder = fetch(request.name, ("config.json",))
        config = read_json(folder / "config.json")
        if not is_transformers(config):
            check_fetched(config, folder / "config.json")
            return build_from_timm(request)
        patterns = ("config.json", "preprocessor_config.json", "*.safetensors", "*.safetensors.index.json")
        folder = fetch(request.name, patterns)
        if not any(folder.glob("*.safetensors")):
            folder = fetch(request.name, (*patterns, "pytorch_model*.bin", "pytorch_model.bin.index.json"))
        return build_folder(request, folder, config)


def fetch(name: str, files: tuple[str, ...]) -> Path:
    """The folder of `hf-hub:ID`'s files that match these patterns, fetched where the cache lacks them."""
    from huggingface_hub import snapshot_download

    repository, _, revision = name.removeprefix("hf-hub:").partition("@")
    try:
        folder = Path(snapshot_download(repository, revision=revision or None, allow_patterns=list(files)))
    except Exception as error:  # of the network, the hub and the cache, of many libraries
        raise InputError(f"cannot fetch {name}: {type(error).__name__}: {error}") from error
    if not (folder / "config.json").is_file():
        raise InputError(f"cannot fetch {name}: it holds no config.json, so it is no model of timm or transformers")
    return folder


def build_from_timm(request: ModelRequest) -> Classifier:
    """`hf-hub:ID`: a timm model on the hub, fetched with its weights; saved, it is timm's network of that name."""
    classifier = from_timm(request.name, replace(request, pretrained=True), request.classes)
    configuration: Any = classifier.network.pretrained_cfg
    classifier.source = f"timm/{configuration['architecture']}"
    return classifier
