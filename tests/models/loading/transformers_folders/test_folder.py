"""Folders of transformers: the logits are those of transformers' own pipeline on the same pixels."""

import json
import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from ironglass.errors import InputError
from ironglass.models import load_classifier, save_classifier

transformers = pytest.importorskip("transformers")
NAMES = ("zebra", "ant", "LABEL_7", "yak", "bee")
LABELS = {"id2label": dict(enumerate(NAMES)), "label2id": {"wrong": 0}}
SMALL: dict[str, Any] = {"hidden_size": 16, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 32,
                         "image_size": 32, "patch_size": 8}  # fmt: skip
KINDS: dict[str, tuple[str, str, dict[str, Any], str, dict[str, Any]]] = {
    "vit": ("ViTConfig", "ViTForImageClassification", SMALL, "ViTImageProcessor",
            {"size": {"height": 32, "width": 32}}),
    "deit": ("DeiTConfig", "DeiTForImageClassificationWithTeacher", SMALL, "DeiTImageProcessor",
             {"size": {"height": 40, "width": 40}, "crop_size": {"height": 32, "width": 32}}),
    "swin": ("SwinConfig", "SwinForImageClassification",
             {"image_size": 32, "patch_size": 2, "embed_dim": 8, "depths": [1, 1], "num_heads": [2, 2],
              "window_size": 4}, "ViTImageProcessor",
             {"size": {"height": 32, "width": 32}, "image_mean": [0.485, 0.456, 0.406],
              "image_std": [0.229, 0.224, 0.225], "resample": 3}),
    "convnext": ("ConvNextConfig", "ConvNextForImageClassification",
                 {"hidden_sizes": [8, 16], "depths": [1, 1], "num_stages": 2}, "ConvNextImageProcessor",
                 {"size": {"shortest_edge": 64}, "crop_pct": 0.875}),
    "resnet": ("ResNetConfig", "ResNetForImageClassification",
               {"embedding_size": 8, "hidden_sizes": [8, 16], "depths": [1, 1]}, "ConvNextImageProcessor",
               {"size": {"shortest_edge": 48}}),
    "mobilenet_v2": ("MobileNetV2Config", "MobileNetV2ForImageClassification",
                     {"image_size": 64, "depth_multiplier": 0.35}, "MobileNetV2ImageProcessor",
                     {"size": {"shortest_edge": 72}, "crop_size": {"height": 64, "width": 64}}),
    "efficientnet": ("EfficientNetConfig", "EfficientNetForImageClassification",
                     {"image_size": 32, "width_coefficient": 0.1, "depth_coefficient": 0.1, "hidden_dim": 128},
                     "EfficientNetImageProcessor", {"size": {"height": 32, "width": 32}}),
    "mobilevit": ("MobileViTConfig", "MobileViTForImageClassification",
                  {"image_size": 64, "hidden_sizes": [8, 12, 16], "neck_hidden_sizes": [4, 8, 8, 12, 12, 16, 32],
                   "num_attention_heads": 2}, "MobileViTImageProcessor",
                  {"size": {"shortest_edge": 64}, "crop_size": {"height": 64, "width": 64}}),
}  # fmt: skip


@pytest.fixture(scope="module", params=KINDS)
def kind(request: pytest.FixtureRequest) -> str:
    return request.param


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Path]]:
    """A folder of each kind, written by transformers itself."""
    level, folders = transformers.logging.get_verbosity(), {}
    transformers.logging.set_verbosity_error()
    transformers.logging.disable_progress_bar()
    for name, (config, model, settings, processor, sizes) in KINDS.items():
        torch.manual_seed(0)
        folders[name] = tmp_path_factory.mktemp(name)
        network = getattr(transformers, model)(getattr(transformers, config)(**settings, **LABELS)).eval()
        for module in network.modules():
            if isinstance(module, torch.nn.BatchNorm2d):
                torch.nn.init.uniform_(module.running_var, 0.5, 2)
        for parameter in network.parameters():
            torch.nn.init.normal_(parameter, std=0.2)
        network.save_pretrained(folders[name])
        getattr(transformers, processor)(**sizes).save_pretrained(folders[name])
    yield folders
    transformers.logging.set_verbosity(level)


def theirs(folder: Path, pixels: np.ndarray) -> torch.Tensor:
    """Their own pipeline's logits of uint8 images (n, h, w, 3) that have the model's size already."""
    processor = transformers.AutoImageProcessor.from_pretrained(folder, backend="pil")
    model = transformers.AutoModelForImageClassification.from_pretrained(folder)
    images = [Image.fromarray(one) for one in pixels]
    given = processor(images, return_tensors="pt", do_resize=False, do_center_crop=False)
    with torch.no_grad():
        return model(given["pixel_values"]).logits


def test_gives_the_logits_of_transformers(kind: str, made: dict[str, Path]) -> None:
    classifier = load_classifier(f"local-dir:{made[kind]}")
    pixels = np.random.default_rng(0).integers(0, 256, (3, *classifier.input_size, 3), dtype=np.uint8)
    ours = classifier(torch.from_numpy(pixels).permute(0, 3, 1, 2).float() / 255)
    expected = theirs(made[kind], pixels)
    torch.testing.assert_close(ours, expected, atol=1e-4 * float(expected.abs().max()), rtol=0)
    assert expected.std() > 1e-3  # or nothing would be compared
    assert classifier.classes == NAMES
    assert classifier.normalisation == "model's configuration"


def test_the_size_is_what_its_own_preparation_gives(kind: str, made: dict[str, Path]) -> None:
    processor = transformers.AutoImageProcessor.from_pretrained(made[kind], backend="pil")
    shape = processor(Image.new("RGB", (90, 70)), return_tensors="pt")["pixel_values"].shape[2:]
    assert load_classifier(f"local-dir:{made[kind]}").input_size == shape


@pytest.mark.parametrize(
    ("kind", "says"),
    [("vit", "stretches images"), ("deit", "middle 80 %"), ("convnext", "middle 88 %"),
     ("mobilenet_v2", "middle 89 %"), ("swin", "bicubic"), ("mobilevit", "")],
)  # fmt: skip
def test_what_of_its_preparation_is_not_followed_is_said(kind: str, says: str, made: dict[str, Path]) -> None:
    remarks = load_classifier(f"local-dir:{made[kind]}").remarks
    assert any(says in remark for remark in remarks) if says else not any("middle" in one for one in remarks)


def test_saves_and_loads_without_the_folder(kind: str, made: dict[str, Path], tmp_path: Path) -> None:
    before = load_classifier(f"local-dir:{made[kind]}")
    save_classifier(before, tmp_path)
    after = load_classifier(str(tmp_path))
    images = torch.rand(2, 3, *before.input_size)
    assert torch.equal(before(images), after(images))
    assert (after.classes, after.input_size) == (NAMES, before.input_size)


def test_other_classes_get_a_new_head(kind: str, made: dict[str, Path], tmp_path: Path) -> None:
    classifier = load_classifier(f"local-dir:{made[kind]}", classes=("x", "y"))
    images = torch.rand(2, 3, *classifier.input_size)
    assert classifier(images).shape == (2, 2)
    fresh = load_classifier(f"local-dir:{made[kind]}", classes=NAMES[::-1])
    assert not torch.allclose(fresh(images), load_classifier(f"local-dir:{made[kind]}")(images))
    assert any("the last layer is fresh" in remark for remark in classifier.remarks)
    save_classifier(classifier, tmp_path)
    assert torch.equal(load_classifier(str(tmp_path))(images), classifier(images))


def copied(made: dict[str, Path], tmp_path: Path, kind: str = "vit", **changes: Any) -> Path:
    """The folder with fields of its config.json changed; where a value is None, taken out."""
    for path in made[kind].iterdir():
        (tmp_path / path.name).write_bytes(path.read_bytes())
    config = json.loads((tmp_path / "config.json").read_text()) | changes
    (tmp_path / "config.json").write_text(json.dumps({key: one for key, one in config.items() if one is not None}))
    return tmp_path


def test_half_precision_several_files_and_pickles(made: dict[str, Path], tmp_path: Path) -> None:
    from safetensors.torch import load_file, save_file

    whole = load_classifier(f"local-dir:{made['vit']}")
    images = torch.rand(2, 3, 32, 32)
    state = load_file(made["vit"] / "model.safetensors")
    folder = copied(made, tmp_path, dtype="float16")
    save_file({name: one.half() for name, one in state.items()}, folder / "model.safetensors")
    half = load_classifier(f"local-dir:{folder}")
    assert next(half.network.parameters()).dtype == torch.float32
    torch.testing.assert_close(half(images), whole(images), atol=0.05, rtol=0.05)
    (folder / "model.safetensors").unlink()
    names = list(state)
    for number, part in enumerate((names[:7], names[7:])):
        save_file({name: state[name] for name in part}, folder / f"part-{number}.safetensors")
    index = {name: f"part-{int(name in names[7:])}.safetensors" for name in names}
    (folder / "model.safetensors.index.json").write_text(json.dumps({"weight_map": index}))
    assert torch.equal(load_classifier(f"local-dir:{folder}")(images), whole(images))
    for outside in ("../x.safetensors", "/etc/passwd", "config.json"):
        (folder / "model.safetensors.index.json").write_text(json.dumps({"weight_map": index | {names[0]: outside}}))
        with pytest.raises(InputError, match="only files of weights beside it"):
            load_classifier(f"local-dir:{folder}")
    (folder / "model.safetensors.index.json").unlink()
    torch.save(state, folder / "pytorch_model.bin")
    assert torch.equal(load_classifier(f"local-dir:{folder}")(images), whole(images))


CODE = {"AutoModelForImageClassification": "evil.Model", "AutoConfig": "evil.Config", "AutoImageProcessor": "evil.P"}


def test_no_code_of_the_folder_runs(made: dict[str, Path], tmp_path: Path) -> None:
    folder = copied(
        made, tmp_path, auto_map=CODE, _attn_implementation="evil/kernel", attn_implementation="evil/kernel"
    )
    (folder / "evil.py").write_text(f"open({str(tmp_path / 'MARKER')!r}, 'w')")
    settings = json.loads((folder / "preprocessor_config.json").read_text())
    (folder / "preprocessor_config.json").write_text(json.dumps(settings | {"auto_map": CODE}))
    images = torch.rand(2, 3, 32, 32)
    assert torch.equal(
        load_classifier(f"local-dir:{folder}")(images), load_classifier(f"local-dir:{made['vit']}")(images)
    )
    assert not (tmp_path / "MARKER").exists()
    (folder / "config.json").write_text(json.dumps({"model_type": "evil", "auto_map": CODE}))
    with pytest.raises(InputError, match="no image classifier of transformers"):
        load_classifier(f"local-dir:{folder}")
    assert not (tmp_path / "MARKER").exists()


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"id2label": {"0": "a", "1": "b"}}, "names 2 classes and the last layer has 5 outputs"),
        ({"id2label": {str(i): "x" for i in range(1, 6)}}, "not from 0 on"),
        ({"id2label": {"a": "0", "b": "1"}}, "not from 0 on"),
        ({"id2label": ["a", "b"]}, "id2label"),
        ({"id2label": {"0": 1, "1": None}}, "id2label"),
        ({"id2label": None, "num_labels": 10**12}, "num_labels"),
        ({"id2label": None}, "names 2 classes and the last layer has 5 outputs"),
        ({"model_type": "bert"}, "no image classifier"),
        ({"model_type": 5}, "no image classifier"),
        ({"model_type": ["vit"]}, "no image classifier"),
        ({"quantization_config": {"quant_method": "bitsandbytes"}}, "quantised"),
        ({"hidden_size": 10**12}, "hidden_size"),
        ({"hidden_size": 18}, "has shape|cannot follow"),
        ({"hidden_size": "big"}, "cannot follow"),
        ({"hidden_size": -16}, "cannot follow|has shape"),
        ({"hidden_size": math.nan}, "hidden_size|cannot follow"),
        ({"num_hidden_layers": 10**6}, "num_hidden_layers"),
        ({"num_hidden_layers": 3}, "the weights lack"),
        ({"hidden_act": "os.system"}, "cannot follow"),
        ({"hidden_act": "../evil"}, "hidden_act"),
        ({"image_size": 64}, "has shape"),
        ({"image_size": "x"}, "cannot follow"),
        ({"patch_size": 0}, "cannot follow"),
        ({"num_channels": 10**9}, "num_channels"),
    ],
)
def test_settings_that_cannot_be_followed(changes: dict, says: str, made: dict[str, Path], tmp_path: Path) -> None:
    with pytest.raises(InputError, match=says) as raised:
        load_classifier(f"local-dir:{copied(made, tmp_path, **changes)}")
    assert "\n" not in str(raised.value)
    assert len(str(raised.value)) < 500


WRONG: list[Any] = [
    None,
    True,
    "word",
    5,
    -3,
    10**12,
    math.nan,
    [],
    [1],
    {},
    {"height": 10**9, "width": 10**9},
    [0, 0, 0],
]


@pytest.mark.parametrize("value", WRONG, ids=lambda value: repr(value)[:20])
def test_any_field_of_the_processor_may_hold_anything(value: Any, made: dict[str, Path], tmp_path: Path) -> None:
    folder = copied(made, tmp_path, "mobilenet_v2")
    settings = json.loads((folder / "preprocessor_config.json").read_text())
    for field in settings:
        (folder / "preprocessor_config.json").write_text(json.dumps(settings | {field: value}))
        try:
            classifier = load_classifier(f"local-dir:{folder}")
        except InputError as error:
            said = str(error)
        else:
            said = ""
            assert all(0 < one <= 1 for one in classifier.std.flatten())
        assert "\n" not in said
        assert len(said) < 500


def test_without_a_processor_the_normalisation_is_assumed(made: dict[str, Path], tmp_path: Path) -> None:
    folder = copied(made, tmp_path)
    (folder / "preprocessor_config.json").unlink()
    classifier = load_classifier(f"local-dir:{folder}")
    assert classifier.normalisation == "assumed"
    given = load_classifier(f"local-dir:{folder}", normalise="half")
    images = torch.rand(2, 3, 32, 32)
    assert torch.equal(given(images), load_classifier(f"local-dir:{made['vit']}")(images))


def test_a_larger_size_is_taken_where_positions_can_be_interpolated(made: dict[str, Path]) -> None:
    classifier = load_classifier(f"local-dir:{made['vit']}", size=48)
    assert classifier.input_size == (48, 48)
    model = transformers.AutoModelForImageClassification.from_pretrained(made["vit"])
    images = torch.rand(2, 3, 48, 48)
    expected = model(pixel_values=(images - 0.5) / 0.5, interpolate_pos_encoding=True).logits
    torch.testing.assert_close(classifier(images), expected)


def test_a_hub_name_comes_from_the_cache(
    made: dict[str, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from huggingface_hub import constants

    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path))
    snapshot = tmp_path / "models--some--vit" / "snapshots" / "0123456789012345678901234567890123456789"
    snapshot.mkdir(parents=True)
    copied(made, snapshot)
    (tmp_path / "models--some--vit" / "refs").mkdir()
    (tmp_path / "models--some--vit" / "refs" / "main").write_text(snapshot.name)
    images = torch.rand(2, 3, 32, 32)
    assert torch.equal(load_classifier("hf-hub:some/vit")(images), load_classifier(f"local-dir:{made['vit']}")(images))
    with pytest.raises(InputError, match="cannot fetch hf-hub:some/other"):
        load_classifier("hf-hub:some/other")
