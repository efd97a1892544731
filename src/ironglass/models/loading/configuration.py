"""Reading a model folder's `config.json`, which is data: it names an architecture and numbers, never code or places."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ironglass.errors import InputError, brief, with_article
from ironglass.models.normalisation import ASSUMED, CONFIGURED, check_statistics
from ironglass.run import Run

MAX_CLASSES = 1 << 18
_MAX_FILE_BYTES = 64 << 20
_MAX_NUMBER = 1 << 20
# What builders of timm and torchvision would fetch, read from a path, or hand to other code.
_FORBIDDEN = re.compile(
    r"pretrained|checkpoint|weights|^url|^file$|path$|dir$|hub|cache|custom|source|device|scriptable|exportable|no_jit"
    r"|features_only|trust|^_",
)


@dataclass(frozen=True)
class Configuration:
    """The configuration that a model folder contains.

    source: the name of its network, "" for a module of the user's own. options: for the network's builder. classes,
    mean, std: as of a `Classifier`. size: height and width, pixels. origin: of mean and std.
    """

    source: str
    options: dict[str, Any]
    classes: tuple[str, ...]
    mean: tuple[float, ...]
    std: tuple[float, ...]
    size: tuple[int, int]
    origin: str

    @property
    def channels(self) -> int:
        """Channels of an image."""
        return len(self.mean)


def read_json(path: Path) -> dict[str, Any]:
    """The JSON object in a file of a model folder. Raises InputError, naming the file, for anything else."""
    try:
        if not path.is_file():
            raise InputError(f"cannot read {path}: there is no such file")
        if path.stat().st_size > _MAX_FILE_BYTES:
            raise InputError(f"{path} has {path.stat().st_size:,} bytes: it is not a model's configuration")
        value = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise InputError(f"cannot read {path}: {error.strerror}") from error
    except (ValueError, RecursionError) as error:
        if isinstance(error, InputError):
            raise
        raise InputError(f"{path} is not a model's configuration: {error}") from error
    if not isinstance(value, dict):
        raise InputError(
            f"{path} is not a model's configuration: it holds {with_article(type(value).__name__)}, not an object"
        )
    return value


def read_configuration(folder: Path) -> Configuration:
    """Reads the `config.json` of `save_classifier` or timm.

    Raises InputError, naming the field that is wrong, and for one in a run's folder that is not as it was written.
    """
    path = folder / "config.json"
    config = read_json(path)
    try:
        configuration = _parsed(config)
    except InputError as error:
        raise InputError(f"{path} is not a model's configuration: {error}") from error
    Run(folder).check([path.name])  # of a run folder; only now, since a reason that the file itself shows says more
    return configuration


def configuration_beside(weights: Path) -> Configuration | None:
    """Reads what `save_classifier` wrote beside its own weights; None where the file is no such one."""
    path = weights.parent / "config.json"
    if not weights.name.startswith("model") or not path.is_file() or "ironglass" not in read_json(path):
        return None
    return read_configuration(weights.parent)


def _parsed(config: dict[str, Any]) -> Configuration:
    pretrained_cfg = _field(config, "pretrained_cfg", dict)
    extension = _field(config, "ironglass", dict, {})
    architecture = _field(config, "architecture", str, "")
    source = _field(extension, "model", str, f"timm/{architecture}" if architecture else None)
    options = _field(extension, "options", dict, None if "ironglass" not in config else {})
    if options is None:  # timm's own folder
        options = {name: value for name, value in _field(config, "model_args", dict, {}).items() if name != "in_chans"}
    if not source.startswith("transformers/"):  # whose builder reads its own
        check_options(options)
    shape = _field(pretrained_cfg, "input_size", list)
    if len(shape) != 3 or not all(isinstance(side, int) and 1 <= side <= 4096 for side in shape) or shape[0] > 4:
        raise InputError(f"input_size is {brief(shape)}: it must be channels, height and width")
    mean, std = (tuple(_field(pretrained_cfg, name, list)) for name in ("mean", "std"))
    check_statistics(mean, std)
    channels = shape[0]
    if len(mean) == 3 and channels == 1 and "ironglass" not in config:  # timm keeps the colours' numbers
        mean, std = (sum(mean) / 3,), (sum(std) / 3,)
    if len(mean) != channels:
        raise InputError(f"mean has {len(mean)} numbers and input_size {channels} channels")
    origin = ASSUMED if _field(extension, "normalisation", str, "") == ASSUMED else CONFIGURED
    return Configuration(source, options, _classes(config, pretrained_cfg), mean, std, (shape[1], shape[2]), origin)


def _classes(config: dict[str, Any], pretrained_cfg: dict[str, Any]) -> tuple[str, ...]:
    names = _field(config, "label_names", list | dict, None) or _field(pretrained_cfg, "label_names", list | dict, None)
    if isinstance(names, dict):
        names = None  # timm's dict is of descriptions by name, in no order
    count = _field(config, "num_classes", int, _field(pretrained_cfg, "num_classes", int, None))
    if names is None:
        if count is None or not 2 <= count <= MAX_CLASSES:
            raise InputError(f"num_classes is {brief(count)}: it must be from 2 to {MAX_CLASSES:,}")
        return tuple(str(i) for i in range(count))
    if not all(isinstance(name, str) for name in names) or not 2 <= len(names) <= MAX_CLASSES:
        raise InputError(f"label_names are {brief(names)}: they must be the names of at least 2 classes")
    if count is not None and count != len(names):
        raise InputError(f"num_classes is {brief(count)} and there are {len(names)} label_names")
    return tuple(names)


_ABSENT: Any = object()


def _field(values: dict[str, Any], name: str, kind: Any, default: Any = _ABSENT) -> Any:
    """The field, of this kind. Raises InputError where it is of another, or absent without a default."""
    if name not in values and default is not _ABSENT:
        return default
    value = values.get(name)
    if value is None and default is None:
        return None
    if not isinstance(value, kind) or (isinstance(value, bool) and kind is int):
        type_name = getattr(kind, "__name__", str(kind))
        fault = f"is {brief(value)}" if name in values else "is absent"
        raise InputError(f"{name} {fault}: it must be {with_article(type_name)}")
    return value


def check_fetched(config: dict[str, Any], path: Path) -> None:
    """Raises InputError where a configuration that timm is going to follow chooses more than plain arguments."""
    try:
        check_options(_field(config, "model_args", dict, {}))
    except InputError as error:
        raise InputError(f"{path} is refused: {error}") from error


def check_options(options: dict[str, Any]) -> None:
    """Raises InputError for an option that a folder may not choose: what is fetched, read from a path, or is no plain
    number, word or list of them."""
    for name, value in options.items():
        if _FORBIDDEN.search(name):
            raise InputError(f"it sets the option {brief(name)}, which a model folder may not choose")
        check_value(name, value, 0)


def check_value(name: str, value: Any, depth: int = 0) -> None:
    """Raises InputError unless the option's value is a plain number, word or list of them, of usual size."""
    if isinstance(value, dict | list) and depth < 4 and len(value) <= 1000:
        if isinstance(value, dict):
            check_options(value) if depth == 0 else None
        for item in value.values() if isinstance(value, dict) else value:
            check_value(name, item, depth + 1)
    elif isinstance(value, str):
        if len(value) > 200 or re.search(r"[/\\:]", value):
            raise InputError(f"the option {brief(name)} is {brief(value)}, which a model folder may not choose")
    elif not (value is None or isinstance(value, bool | int | float)) or (
        isinstance(value, int | float) and not abs(value) <= _MAX_NUMBER
    ):
        raise InputError(f"the option {brief(name)} is {brief(value)}: it must be a plain value of usual size")
