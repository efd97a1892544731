"""A model folder's `config.json` is data: whatever stands in it ends in a classifier or in one line."""

import json
import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from ironglass.errors import InputError
from ironglass.models import Classifier, load_classifier, save_classifier
from ironglass.models.loading.configuration import MAX_CLASSES

NETWORKS = ("simple-cnn", "timm/resnet10t", "torchvision/squeezenet1_1")
DEEP: Any = []
for _ in range(600):
    DEEP = [DEEP]
WRONG: dict[str, Any] = {
    "null": None, "true": True, "word": "banana", "no word": "", "number": 5, "negative": -3, "fraction": 0.5,
    "huge": 10**12, "beyond a float": 10**400, "nan": math.nan, "infinity": math.inf, "list": [1], "empty": [],
    "words": ["a", "b", "c"], "nulls": [None, None, None], "nans": [math.nan] * 3, "255s": [123.7, 116.3, 103.5],
    "huge list": [10**9] * 3, "object": {"a": 1}, "no object": {}, "nested": DEEP, "itself": ".", "path": "/etc/passwd",
    "hub": "hf-hub:timm/resnet18", "file": "net.py:net", "folder": "local-dir:.",
    "of timm": "timm/hf-hub:evil/resnet18",
}  # fmt: skip


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    made = {}
    for name in NETWORKS:
        made[name] = tmp_path_factory.mktemp("model")
        save_classifier(load_classifier(name, classes=("a", "b", "c"), size=32), made[name])
    return made


def places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Every field of the object, and every entry of its lists."""
    if path:
        yield path
    for key, inner in value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ():
        yield from places(inner, (*path, key))


def put(config: dict, path: tuple[Any, ...], value: Any) -> dict:
    changed = json.loads(json.dumps(config))
    inner = changed
    for key in path[:-1]:
        inner = inner[key]
    if value is places:
        del inner[path[-1]]
    else:
        inner[path[-1]] = value
    return changed


def outcome(folder: Path) -> tuple[Classifier | None, str]:
    try:
        return load_classifier(str(folder)), ""
    except InputError as error:
        return None, str(error)


@pytest.mark.parametrize("wrong", [*WRONG, "absent"])
def test_any_field_may_hold_anything(wrong: str, folders: dict[str, Path], tmp_path: Path) -> None:
    """Each in turn: a classifier of the same network, or one line; nothing runs, and nothing hangs."""
    for name, source in folders.items():
        config = json.loads((source / "config.json").read_text())
        (tmp_path / "model.safetensors").unlink(missing_ok=True)
        (tmp_path / "model.safetensors").symlink_to(source / "model.safetensors")
        (tmp_path / "net.py").write_text("raise SystemExit('code of the folder ran')")
        for path in places(config):
            if name != "simple-cnn" and path[0] != "ironglass" and path[-1] != "architecture":
                continue  # read before the network is known
            changed = put(config, path, places if wrong == "absent" else WRONG[wrong])
            (tmp_path / "config.json").write_text(json.dumps(changed))
            loaded, said = outcome(tmp_path)
            assert "\n" not in said
            assert len(said) < 600
            if loaded is not None:
                assert loaded.source in NETWORKS
                assert len(loaded.classes) == 3
                assert all(0 <= value <= 1 for value in (*loaded.mean.flatten(), *loaded.std.flatten()))


@pytest.mark.parametrize(
    "text",
    ["", "{", "[]", "null", "3", '"a"', "\x00", "{}", '{"a": NaN}', "[" * 100_000, '{"a":' * 100_000, "\ufeff{}"],
)
def test_text_that_is_no_configuration(text: str, folders: dict[str, Path], tmp_path: Path) -> None:
    (tmp_path / "model.safetensors").symlink_to(folders["simple-cnn"] / "model.safetensors")
    (tmp_path / "config.json").write_text(text)
    with pytest.raises(InputError, match=r"config\.json is not a model's configuration") as raised:
        load_classifier(str(tmp_path))
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize("count", [10**9, 10**12, 10**400, MAX_CLASSES, 1000, 1, 0, -1])
def test_a_number_of_classes_that_the_weights_do_not_have(count: int, folders: dict[str, Path], tmp_path: Path) -> None:
    (tmp_path / "model.safetensors").symlink_to(folders["simple-cnn"] / "model.safetensors")
    config = json.loads((folders["simple-cnn"] / "config.json").read_text())
    del config["label_names"], config["pretrained_cfg"]["label_names"]
    (tmp_path / "config.json").write_text(json.dumps(config | {"num_classes": count}))
    with pytest.raises(InputError, match=r"num_classes|names .* classes, and no tensor"):
        load_classifier(str(tmp_path))


@pytest.mark.parametrize(
    "options",
    [
        {"checkpoint_path": "/etc/passwd"},
        {"pretrained": True},
        {"pretrained_cfg": {"file": "/etc/passwd"}},
        {"pretrained_cfg_overlay": {"url": "https://example.com"}},
        {"weights": "DEFAULT"},
        {"weights_backbone": "DEFAULT"},
        {"cache_dir": "elsewhere"},
        {"norm_layer": "../../x"},
        {"width": 10**9},
        {"width": math.nan},
    ],
)
@pytest.mark.parametrize("name", NETWORKS)
@pytest.mark.parametrize("timms", [False, True])
def test_no_option_of_a_folder_fetches_or_reads(
    options: dict, name: str, timms: bool, folders: dict[str, Path], tmp_path: Path
) -> None:
    (tmp_path / "model.safetensors").symlink_to(folders[name] / "model.safetensors")
    config = json.loads((folders[name] / "config.json").read_text())
    config["ironglass"]["options"] = options
    if timms:
        del config["ironglass"]
        config |= {"model_args": options, "architecture": "resnet10t"}
    (tmp_path / "config.json").write_text(json.dumps(config))
    with pytest.raises(InputError, match=r"option|plain value"):
        load_classifier(str(tmp_path))


def test_timm_s_arguments_are_followed(tmp_path: Path) -> None:
    import timm
    import torch
    from safetensors.torch import save_file

    network = timm.create_model("resnet10t", num_classes=3, stem_width=16, act_layer="silu").eval()
    save_file(network.state_dict(), tmp_path / "model.safetensors")
    known = {"input_size": [3, 32, 32], "mean": [0.5] * 3, "std": [0.5] * 3}
    config = {"architecture": "resnet10t", "num_classes": 3, "pretrained_cfg": known}
    config["model_args"] = {"stem_width": 16, "act_layer": "silu"}
    (tmp_path / "config.json").write_text(json.dumps(config))
    images = torch.rand(2, 3, 32, 32)
    torch.testing.assert_close(load_classifier(f"local-dir:{tmp_path}")(images), network((images - 0.5) / 0.5))
