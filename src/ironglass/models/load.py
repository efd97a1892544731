"""Classifiers by name."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch

from ironglass.choices import did_you_mean
from ironglass.errors import InputError
from ironglass.fields import check_seed
from ironglass.models import hub, own
from ironglass.models.classifier import Classifier
from ironglass.models.weights import load_state, read_state

FORMS = (
    f"{', '.join(own.NETWORKS)}, timm/NAME, torchvision/NAME, hf-hub:ID, local-dir:PATH, file.py:function, or a run "
    "folder"
)


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """What a builder is asked for. `classes` is None where the weights' own are meant."""

    name: str
    classes: tuple[str, ...] | None
    size: tuple[int, int] | None
    channels: int
    pretrained: bool
    weighted: bool
    """Whether weights will be there, and with them perhaps classes."""
    options: dict[str, Any]


def load_classifier(
    name: str,
    *,
    classes: Sequence[str] | None = None,
    size: int | tuple[int, int] | None = None,
    channels: int = 3,
    pretrained: bool = False,
    weights: str | Path | None = None,
    seed: int = 0,
    **options: Any,
) -> Classifier:
    """A classifier by name: one of `own.NETWORKS`, timm/NAME, torchvision/NAME, hf-hub:ID, local-dir:PATH,
    file.py:function, or a run folder.

    classes: the class names of a fresh head; where weights are loaded and this is left out, the weights' own.
    size: height and width of the images in pixels; else the source's own. pretrained: load the source's published
    weights (the one case in which timm and torchvision names fetch from the network). weights: a local checkpoint
    for the network. seed: of fresh weights; the caller's random state is left as it is. options: for the network's
    builder.

    Raises InputError for an unknown name, a wrong option, or weights that do not fit.
    """
    wanted = Wanted(
        name=name,
        classes=None if classes is None else tuple(classes),
        size=(size, size) if isinstance(size, int) else size,
        channels=channels,
        pretrained=pretrained,
        weighted=pretrained or weights is not None,
        options=options,
    )
    with torch.random.fork_rng():
        torch.manual_seed(check_seed(seed))
        classifier = find_builder(name)(wanted) if weights is None else _with_weights(wanted, Path(weights))
    return classifier.to(memory_format=torch.channels_last).eval()


def _with_weights(wanted: Wanted, path: Path) -> Classifier:
    """The network with a local checkpoint, whose head may be for the classes wanted or for the source's own."""
    state = read_state(path)
    try:
        classifier = find_builder(wanted.name)(wanted)
        load_state(classifier.network, state, path)
    except InputError:
        if wanted.classes is None or wanted.name in own.NETWORKS:
            raise
        classifier = find_builder(wanted.name)(replace(wanted, classes=None))
        load_state(classifier.network, state, path)
        classifier = own.with_new_head(classifier, wanted.classes)
    return classifier


def find_builder(name: str) -> Callable[[Wanted], Classifier]:
    """What builds the named model. Raises InputError for a name of no known form; nothing is built or fetched yet."""
    if name in own.NETWORKS:
        return own.build
    if name.startswith("timm/"):
        return hub.build_timm
    if name.startswith("torchvision/"):
        return hub.build_torchvision
    if name.startswith("hf-hub:"):
        return hub.build_hf_hub
    if name.startswith("local-dir:") or (Path(name) / "config.json").is_file():
        return _from_folder
    if Path(name).is_dir():
        raise InputError(f"{name} holds no config.json, so it is not a run or model folder")
    if ".py:" in name or name.endswith(".py"):
        return own.build_from_file
    raise InputError(f"unknown model {name!r}{did_you_mean(name, _names(name))}: give {FORMS}")


def _names(name: str) -> list[str]:
    """Whatever could have been meant by a name without a prefix: our networks, torchvision's and timm's."""
    import timm
    from torchvision import models

    if not name or len(name) > 60:
        return []
    theirs = [f"torchvision/{one}" for one in models.list_models(module=models)]
    return [*own.NETWORKS, *theirs, *(f"timm/{one}" for one in timm.list_models())]


def _from_folder(wanted: Wanted) -> Classifier:
    """A folder that `save_classifier` or timm wrote."""
    folder = Path(wanted.name.removeprefix("local-dir:"))
    try:
        config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
        source = config.get("ironglass", {}).get("model", f"timm/{config['architecture']}")
        known = config["pretrained_cfg"]
        channels, height, width = known["input_size"]
    except OSError as error:
        raise InputError(f"cannot read {folder / 'config.json'}: {error.strerror}") from error
    except (ValueError, KeyError, TypeError) as error:
        raise InputError(f"{folder / 'config.json'} is not a model's configuration: {error!r}") from error
    files = [folder / file for file in ("model.safetensors", "pytorch_model.bin") if (folder / file).is_file()]
    if not files:
        raise InputError(f"{folder} holds no model.safetensors: its training has not finished its first epoch")
    if not source:
        raise InputError(
            f"{folder} holds the weights of a module of your own: name file.py:function with --weights {files[0]}"
        )
    names = config.get("label_names") or known.get("label_names") or [str(i) for i in range(config["num_classes"])]
    options = config.get("ironglass", {}).get("options", {}) | wanted.options
    fresh = replace(
        wanted,
        name=source,
        classes=tuple(names),
        size=(height, width),
        channels=channels,
        pretrained=False,
        weighted=True,
        options=options,
    )
    classifier = find_builder(source)(fresh)
    load_state(classifier.network, read_state(files[0]), files[0])
    classifier = own.wrap(
        classifier.network, fresh, mean=known["mean"], std=known["std"], classes=names, size=(height, width)
    )
    if wanted.classes is not None and wanted.classes != classifier.classes:
        return own.with_new_head(classifier, wanted.classes)
    return classifier
