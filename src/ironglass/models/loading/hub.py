"""Networks of timm, torchvision and the Hugging Face hub, each with its own normalisation and size."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from torch import nn

from ironglass.choices import did_you_mean
from ironglass.errors import InputError
from ironglass.models.classifier import Classifier
from ironglass.models.loading.zoo_builder import need_classes, with_new_head, wrap

if TYPE_CHECKING:
    from ironglass.models.request import Wanted


SOURCES = ("timm/", "torchvision/", "transformers/")
"""How the names of networks begin that a saved folder may name."""


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


def build_timm(wanted: Wanted) -> Classifier:
    """`timm/NAME`, with timm's own mean, deviation and size; fetched only with `pretrained`."""
    import timm

    name = wanted.name.removeprefix("timm/")
    if not timm.is_model(name):
        raise InputError(f"timm has no model {name!r}{did_you_mean(name, timm.list_models())}: see timm.list_models()")
    classes = wanted.classes if wanted.weighted else need_classes(wanted)
    return _from_timm(name, wanted, classes)


def build_hf_hub(wanted: Wanted) -> Classifier:
    """`hf-hub:ID`: a timm model on the hub, fetched with its weights; saved, it is timm's network of that name."""
    classifier = _from_timm(wanted.name, replace(wanted, pretrained=True), wanted.classes)
    configuration: Any = classifier.network.pretrained_cfg
    classifier.source = f"timm/{configuration['architecture']}"
    return classifier


def _from_timm(name: str, wanted: Wanted, classes: tuple[str, ...] | None) -> Classifier:
    import timm
    from timm.data.config import resolve_model_data_config

    options: dict[str, Any] = {"in_chans": wanted.channels} | wanted.options
    if classes is not None:
        options["num_classes"] = len(classes)
    try:
        try:
            # transformers must be told their image size; convolutional networks do not take one
            network = timm.create_model(name, pretrained=wanted.pretrained, **options, **_image_size(wanted))
        except TypeError:
            network = timm.create_model(name, pretrained=wanted.pretrained, **options)
    except Exception as error:
        what = "fetch" if wanted.pretrained else "build"
        raise InputError(f"cannot {what} {wanted.name}: {type(error).__name__}: {error}") from error
    data = resolve_model_data_config(network)
    mean, std = (_for_channels(data[key], wanted.channels) for key in ("mean", "std"))
    size = wanted.size or tuple(data["input_size"][1:])
    return wrap(network, wanted, mean=mean, std=std, classes=classes or _timm_classes(network), size=size)


def _image_size(wanted: Wanted) -> dict[str, Any]:
    return {"img_size": wanted.size} if wanted.size else {}


def _for_channels(values: tuple[float, ...], channels: int) -> list[float]:
    """Per-channel numbers for grey images: the mean of the colours', as timm sums the first filters."""
    return list(values) if len(values) == channels else [sum(values) / len(values)] * channels


def _timm_classes(network: nn.Module) -> list[str]:
    from timm.data.imagenet_info import ImageNetInfo, infer_imagenet_subset

    config: Any = network.pretrained_cfg
    if config.get("label_names"):
        return unique(list(config["label_names"]))
    if subset := infer_imagenet_subset(network):
        info = ImageNetInfo(subset)
        return unique([info.index_to_description(i) for i in range(info.num_classes())])
    return [str(i) for i in range(config["num_classes"])]


def unique(names: list[str]) -> list[str]:
    """The names with repeated ones numbered: ImageNet has two cranes and two maillots."""
    seen: dict[str, int] = {}
    result = []
    for name in names:
        seen[name] = seen.get(name, 0) + 1
        result.append(name if seen[name] == 1 else f"{name} ({seen[name]})")
    return result


def build_torchvision(wanted: Wanted) -> Classifier:
    """`torchvision/NAME`, with the mean, deviation and size of its published weights."""
    from torchvision import models
    from torchvision.models import get_model, get_model_weights, list_models

    name = wanted.name.removeprefix("torchvision/")
    if name not in list_models(module=models):  # not those that find boxes, which fetch a backbone
        near = did_you_mean(name, list_models(module=models))
        raise InputError(
            f"torchvision has no classification model {name!r}{near}: see torchvision.models.list_models()"
        )
    if wanted.channels != 3:
        raise InputError(f"{wanted.name} takes colour images: load the data with 3 channels")
    published = getattr(get_model_weights(name), "DEFAULT", None)
    try:
        network = get_model(name, weights=published if wanted.pretrained else None, **wanted.options)
        preset: Any = published.transforms() if published else None
        mean, std, crop = preset.mean, preset.std, preset.crop_size[0]
        names = unique(list(published.meta["categories"]))  # type: ignore[union-attr]
    except AttributeError as error:
        raise InputError(f"{wanted.name} is not an image classifier: it has no published classes") from error
    except Exception as error:
        raise InputError(f"cannot build {wanted.name}: {type(error).__name__}: {error}") from error
    size = wanted.size or (crop, crop)
    classifier = wrap(network, wanted, mean=mean, std=std, classes=names, size=size)
    if wanted.classes is not None and list(wanted.classes) != names:
        classifier = with_new_head(classifier, wanted.classes)
    return classifier
