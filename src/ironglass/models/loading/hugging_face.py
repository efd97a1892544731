"""Image classifiers of Hugging Face's transformers: a folder as `save_pretrained` writes it, read as data."""

from __future__ import annotations

import inspect
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from ironglass.errors import InputError, brief
from ironglass.models.loading.checkpoint import read_checkpoint
from ironglass.models.loading.configuration import MOST_CLASSES, check_options, check_value, read_json
from ironglass.models.loading.hub import unique
from ironglass.models.loading.image_processor import Preparation, measured_preparation
from ironglass.models.loading.weights import check_values, few
from ironglass.models.loading.zoo_builder import wrap
from ironglass.models.normalisation import ASSUMED, CONFIGURED

if TYPE_CHECKING:
    from ironglass.models.classifier import Classifier
    from ironglass.models.request import Wanted

PREFIX = "transformers/"
WEIGHTS = ("model.safetensors", "pytorch_model.bin")
# What of a configuration would fetch, run or name something, or is of no account here.
_DROPPED = {
    "auto_map", "custom_pipelines", "_name_or_path", "name_or_path", "transformers_version", "dtype", "torch_dtype",
    "attn_implementation", "_attn_implementation", "_attn_implementation_internal", "experts_implementation",
    "_experts_implementation", "id2label", "label2id", "num_labels", "model_type", "problem_type", "return_dict",
    "output_attentions", "output_hidden_states", "use_pretrained_backbone",
}  # fmt: skip


class LogitsAlone(nn.Module):
    """A model of transformers that takes images and gives logits (n, k).

    order: the channels in the order in which the model takes them. size: the images it was made for, height and width
    in pixels; it is asked to interpolate its positions for others, where it can.
    """

    def __init__(self, model: nn.Module, order: tuple[int, ...] | None, size: tuple[int, int]) -> None:
        super().__init__()
        self.model, self.order, self.size = model, order, size
        self.interpolates = "interpolate_pos_encoding" in inspect.signature(model.forward).parameters

    def forward(self, images: Tensor) -> Tensor:
        """The logits alone, of images as `Classifier` normalises them."""
        if self.order is not None:
            images = images[:, list(self.order)]
        other = {"interpolate_pos_encoding": True} if self.interpolates and images.shape[-2:] != self.size else {}
        return self.model(pixel_values=images, **other).logits


def is_transformers(config: dict[str, Any]) -> bool:
    """Whether a folder's `config.json` is one of transformers."""
    return "model_type" in config and "ironglass" not in config


def build_folder(wanted: Wanted, folder: Path, config: dict[str, Any]) -> Classifier:
    """The classifier in a folder with its weights, its labels in the order of `id2label`, and the size and
    normalisation that its `preprocessor_config.json` really leads to.

    No code of the folder runs, and nothing is fetched. Raises InputError, naming the file, for what cannot be followed.
    """
    path = folder / "config.json"
    state = _read_weights(folder)
    labels = _labels(config, path)
    settings = _sanitised(config, path, len(state))
    order, said, size = None, [], wanted.size or _size(settings)
    preparation = _preparation(folder, config["model_type"], settings)
    if preparation is not None:
        order, said, size = preparation.order, list(preparation.remarks), preparation.size or size
    size = size or (224, 224)
    options = {"configuration": settings} | ({"order": list(order)} if order else {})
    if wanted.options:
        raise InputError(f"{wanted.name} takes no options, as {next(iter(wanted.options))!r}: its folder says it all")
    model, remarks = _load(settings, config["model_type"], state, folder, labels, wanted.classes or labels)
    channels = int(settings.get("num_channels", 3))
    mean, std = ([0.0] * channels, [1.0] * channels)
    if preparation is not None:
        mean, std = list(preparation.mean), list(preparation.std)
    named = replace(wanted, name=PREFIX + config["model_type"], options=options)
    network = LogitsAlone(model, order, size)
    classifier = wrap(network, named, mean=mean, std=std, classes=wanted.classes or labels, size=size)
    classifier.normalisation = ASSUMED if preparation is None else CONFIGURED
    classifier.remarks = (*said, *remarks)
    return classifier


def build_saved(wanted: Wanted) -> Classifier:
    """The network of a classifier of transformers that `save_classifier` wrote, its weights still to be loaded."""
    options = dict(wanted.options)
    settings, order = options.pop("configuration", None), options.pop("order", None)
    if not isinstance(settings, dict) or wanted.classes is None or options:
        raise InputError(f"{wanted.name} is no name of its own: give local-dir:FOLDER of a model, or hf-hub:ID")
    if order is not None and (not isinstance(order, list) or sorted(map(str, order)) != ["0", "1", "2"]):
        raise InputError(f"the order of channels is {brief(order)}: it must be 0, 1 and 2 in some order")
    kind = wanted.name.removeprefix(PREFIX)
    settings = _sanitised({**settings, "model_type": kind}, Path("its configuration"), 1 << 14)
    with _quiet(wanted.name):
        configured = _configured(settings, kind, len(wanted.classes))
        model = _model_class(configured)._from_config(configured, dtype=torch.float32)
    size = wanted.size or _size(settings) or (224, 224)
    channels = [0.0] * wanted.channels
    made_for = _size(settings) or size
    network = LogitsAlone(model, None if order is None else tuple(order), made_for)
    return wrap(network, wanted, mean=channels, std=[1.0] * wanted.channels, classes=wanted.classes, size=size)


def need_transformers() -> Any:
    """The library. Raises InputError, naming the extra, where it is not installed."""
    try:
        import transformers
    except ImportError as error:
        raise InputError("models of transformers need it: pip install 'ironglass[transformers]'") from error
    return transformers


def _model_class(config: Any) -> Any:
    """The library's own class for the configuration, by `architectures` where there are several."""
    from transformers.models.auto.auto_factory import _get_model_class
    from transformers.models.auto.modeling_auto import MODEL_FOR_IMAGE_CLASSIFICATION_MAPPING

    return _get_model_class(config, MODEL_FOR_IMAGE_CLASSIFICATION_MAPPING)


def _labels(config: dict[str, Any], path: Path) -> tuple[str, ...]:
    """The names in `id2label` in the order of their numbers, which are words in the file."""
    names = config.get("id2label")
    if names is None:
        count = config.get("num_labels", 2)
        if not isinstance(count, int) or isinstance(count, bool) or not 2 <= count <= MOST_CLASSES:
            raise InputError(f"{path}: num_labels is {brief(count)}: it must be from 2 to {MOST_CLASSES:,}")
        return tuple(f"LABEL_{i}" for i in range(count))
    if not isinstance(names, dict) or not 2 <= len(names) <= MOST_CLASSES:
        raise InputError(f"{path}: id2label is {brief(names)}: it must name at least 2 classes")
    if not all(isinstance(name, str) for name in names.values()):
        raise InputError(f"{path}: id2label must give a name for each number")
    if names.keys() != {str(i) for i in range(len(names))}:
        raise InputError(f"{path}: id2label numbers its {len(names)} classes {brief(list(names))}, not from 0 on")
    return tuple(unique([names[str(i)] for i in range(len(names))]))


def _sanitised(config: dict[str, Any], path: Path, tensors: int) -> dict[str, Any]:
    """The settings that the architecture itself has a field for, checked to be plain numbers and words."""
    need_transformers()
    from transformers.models.auto.configuration_auto import CONFIG_MAPPING
    from transformers.models.auto.modeling_auto import MODEL_FOR_IMAGE_CLASSIFICATION_MAPPING_NAMES as KNOWN

    kind = config.get("model_type")
    if not isinstance(kind, str) or kind not in KNOWN:
        raise InputError(f"{path}: model_type is {brief(kind)}, which is no image classifier of transformers")
    if config.get("quantization_config"):
        raise InputError(f"{path}: the weights are quantised (quantization_config): give those of the float network")
    fields = inspect.signature(CONFIG_MAPPING[kind]).parameters.keys() | {"architectures"}
    kept = {key: value for key, value in config.items() if key in fields and key not in _DROPPED}
    try:
        for key, value in kept.items():
            check_value(key, value)
        check_options(kept.get("model_args") or {})  # of timm's wrapper
    except (InputError, AttributeError) as error:
        raise InputError(f"{path}: {error}") from error
    for key, value in kept.items():
        for depth in value if isinstance(value, list) else [value]:
            if ("layers" in key or "depth" in key) and isinstance(depth, int) and depth > tensors:
                raise InputError(f"{path}: {key} is {brief(value)}, and there are {tensors} tensors of weights")
    return kept


def _configured(settings: dict[str, Any], kind: str, classes: int) -> Any:
    from transformers import AutoConfig

    return AutoConfig.for_model(kind, **settings, num_labels=classes)


def _size(settings: dict[str, Any]) -> tuple[int, int] | None:
    """The images' height and width as the network's own settings name them."""
    side = settings.get("image_size")
    both = [side, side] if isinstance(side, int) else side
    if isinstance(both, list) and len(both) == 2 and all(isinstance(one, int) and 1 <= one <= 4096 for one in both):
        return both[0], both[1]
    return None


def _read_weights(folder: Path) -> dict[str, Tensor]:
    """All named tensors of the folder, of several files too. Raises InputError for a file outside the folder."""
    for name in WEIGHTS:
        index = folder / f"{name}.index.json"
        if (folder / name).is_file():
            names = [name]
        elif index.is_file():
            shards = read_json(index).get("weight_map")
            if not isinstance(shards, dict) or not all(isinstance(one, str) for one in shards.values()):
                raise InputError(f"{index} has no weight_map from tensors to files")
            names = sorted(set(shards.values()))
            if bad := [one for one in names if Path(one).name != one or not one.endswith((".safetensors", ".bin"))]:
                raise InputError(f"{index} names the file {brief(bad[0])}: only files of weights beside it may be read")
        else:
            continue
        state: dict[str, Tensor] = {}
        for one in names:
            state |= next(iter(read_checkpoint(folder / one).states.values()))
        for key, tensor in state.items():
            check_values(folder / names[0], key, tensor)
        return {key: one.float() if one.is_floating_point() else one for key, one in state.items()}
    raise InputError(f"{folder} holds neither model.safetensors nor pytorch_model.bin")


def _load(
    settings: dict[str, Any],
    kind: str,
    state: dict[str, Tensor],
    folder: Path,
    labels: tuple[str, ...],
    wanted: tuple[str, ...],
) -> tuple[nn.Module, tuple[str, ...]]:
    """The model filled with the tensors, its last layer fresh where other classes than the folder's labels are wanted,
    and what was left out."""
    fresh = wanted != labels
    with _quiet(f"{folder}"):
        configured = _configured(settings, kind, len(wanted))
        model, info = _model_class(configured).from_pretrained(
            None,
            config=configured,
            state_dict=state,
            dtype=torch.float32,
            output_loading_info=True,
            ignore_mismatched_sizes=True,
            local_files_only=True,
        )
    last = {
        name: layer
        for name, layer in model.named_modules()
        if isinstance(layer, nn.Linear | nn.Conv2d) and layer.weight.shape[0] == len(wanted)
    }
    heads = {f"{name}.{part}" for name in last for part in ("weight", "bias")}
    for name, theirs, ours in sorted(info["mismatched_keys"]):
        if name in heads and theirs[0] != len(labels):
            raise InputError(
                f"{folder}: config.json names {len(labels)} classes and the last layer has {theirs[0]} outputs"
            )
        if name not in heads or not fresh:
            theirs, ours = tuple(theirs), tuple(ours)
            raise InputError(f"{folder}: the tensor {name!r} has shape {theirs} where config.json leads to {ours}")
    missing, extra = sorted(info["missing_keys"]), sorted(info["unexpected_keys"])
    if missing and not (fresh and heads.issuperset(missing)):
        head = ": it is a network without its last layer, to be trained first" if heads.issuperset(missing) else ""
        raise InputError(f"{folder}: the weights lack {few(missing)}{head}")
    for layer in last.values() if fresh else ():
        layer.reset_parameters()  # also where it is for as many classes, which are others
    remarks = [f"{folder}: the last layer is fresh, for {len(wanted)} classes"] if fresh else []
    if extra:
        remarks.append(f"{folder}: {len(extra)} tensors that the network has no place for are left out: {few(extra)}")
    return model.eval(), tuple(remarks)


def _preparation(folder: Path, kind: str, settings: dict[str, Any]) -> Preparation | None:
    """How the folder's image processor treats images, found by trying; None where it has none."""
    path = folder / "preprocessor_config.json"
    if not path.is_file() or settings.get("num_channels", 3) != 3:
        return None
    with _quiet(str(path)):
        return measured_preparation(read_json(path), path, kind)


@contextmanager
def _quiet(what: str) -> Iterator[None]:
    """Without the library's bars and lines; whatever it raises on a stranger's settings becomes an InputError."""
    from transformers.utils import logging

    level, bars = logging.get_verbosity(), logging.is_progress_bar_enabled()
    logging.set_verbosity(50)  # critical alone
    logging.disable_progress_bar()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    except InputError:
        raise
    except Exception as error:
        raise InputError(
            f"{what}: transformers cannot follow it ({type(error).__name__}: {brief(str(error))})"
        ) from error
    finally:
        logging.set_verbosity(level)
        if bars:
            logging.enable_progress_bar()
