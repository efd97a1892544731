"""A transformers configuration, checked: class names, the architecture's settings, image size."""

from __future__ import annotations

import inspect
from pathlib import Path
from typing import Any

from ironglass.errors import InputError, brief
from ironglass.models.loading.class_names import unique
from ironglass.models.loading.configuration import MAX_CLASSES, check_options, check_value

# What of a configuration would fetch, run or name something, or is of no account here.
_DROPPED = {
    "auto_map", "custom_pipelines", "_name_or_path", "name_or_path", "transformers_version", "dtype", "torch_dtype",
    "attn_implementation", "_attn_implementation", "_attn_implementation_internal", "experts_implementation",
    "_experts_implementation", "id2label", "label2id", "num_labels", "model_type", "problem_type", "return_dict",
    "output_attentions", "output_hidden_states", "use_pretrained_backbone",
}  # fmt: skip


def is_transformers(config: dict[str, Any]) -> bool:
    """Returns whether a folder's `config.json` is one of transformers."""
    return "model_type" in config and "ironglass" not in config


def need_transformers() -> Any:
    """The library. Raises InputError, naming the extra, where it is not installed."""
    try:
        import transformers
    except ImportError as error:
        raise InputError("models of transformers need it: pip install 'ironglass[transformers]'") from error
    return transformers


def labels_of(config: dict[str, Any], path: Path) -> tuple[str, ...]:
    """The names in `id2label` in the order of their numbers, which are words in the file."""
    names = config.get("id2label")
    if names is None:
        count = config.get("num_labels", 2)
        if not isinstance(count, int) or isinstance(count, bool) or not 2 <= count <= MAX_CLASSES:
            raise InputError(f"{path}: num_labels is {brief(count)}: it must be from 2 to {MAX_CLASSES:,}")
        return tuple(f"LABEL_{i}" for i in range(count))
    if not isinstance(names, dict) or not 2 <= len(names) <= MAX_CLASSES:
        raise InputError(f"{path}: id2label is {brief(names)}: it must name at least 2 classes")
    if not all(isinstance(name, str) for name in names.values()):
        raise InputError(f"{path}: id2label must give a name for each number")
    if names.keys() != {str(i) for i in range(len(names))}:
        raise InputError(f"{path}: id2label numbers its {len(names)} classes {brief(list(names))}, not from 0 on")
    return tuple(unique([names[str(i)] for i in range(len(names))]))


def sanitised(config: dict[str, Any], path: Path, tensors: int) -> dict[str, Any]:
    """The settings that the architecture itself has a field for, checked to be plain numbers and words."""
    need_transformers()
    from transformers.models.auto.configuration_auto import CONFIG_MAPPING
    from transformers.models.auto.modeling_auto import (
        MODEL_FOR_IMAGE_CLASSIFICATION_MAPPING_NAMES as CLASSIFIER_NAMES,
    )

    kind = config.get("model_type")
    if not isinstance(kind, str) or kind not in CLASSIFIER_NAMES:
        raise InputError(f"{path}: model_type is {brief(kind)}, which is no image classifier of transformers")
    if config.get("quantization_config"):
        raise InputError(f"{path}: the weights are quantised (quantization_config): give those of the float network")
    fields = inspect.signature(CONFIG_MAPPING[kind]).parameters.keys() | {"architectures"}
    allowed = {key: value for key, value in config.items() if key in fields and key not in _DROPPED}
    try:
        for key, value in allowed.items():
            check_value(key, value)
        check_options(allowed.get("model_args") or {})  # of timm's wrapper
    except (InputError, AttributeError) as error:
        raise InputError(f"{path}: {error}") from error
    for key, value in allowed.items():
        for depth in value if isinstance(value, list) else [value]:
            if ("layers" in key or "depth" in key) and isinstance(depth, int) and depth > tensors:
                raise InputError(f"{path}: {key} is {brief(value)}, and there are {tensors} tensors of weights")
    return allowed


def image_size(settings: dict[str, Any]) -> tuple[int, int] | None:
    """The images' height and width as the network's own settings name them."""
    side = settings.get("image_size")
    sides = [side, side] if isinstance(side, int) else side
    if (
        isinstance(sides, list)
        and len(sides) == 2
        and all(isinstance(pixels, int) and 1 <= pixels <= 4096 for pixels in sides)
    ):
        return sides[0], sides[1]
    return None
