"""Every way to name a model, and every way to name it wrongly."""

import json
import pickle
from pathlib import Path

import pytest
import timm
import torch
from safetensors.torch import save_file

from ironglass.errors import InputError
from ironglass.models import load_classifier, save_classifier

CLASSES = ("cat", "dog", "eel")
IMAGES = torch.rand(2, 3, 32, 32, generator=torch.Generator().manual_seed(0))


@pytest.mark.parametrize("name", ["simple-cnn", "logistic", "timm/resnet18", "torchvision/squeezenet1_1"])
def test_saves_and_loads_bit_for_bit(name: str, tmp_path: Path) -> None:
    before = load_classifier(name, classes=CLASSES, size=32)
    for module in before.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            torch.nn.init.uniform_(module.running_mean)  # buffers travel too
    save_classifier(before, tmp_path)
    after = load_classifier(str(tmp_path))
    assert torch.equal(before(IMAGES), after(IMAGES))
    assert (after.classes, after.input_size, after.source) == (CLASSES, (32, 32), name)
    assert torch.equal(before.mean, after.mean)
    assert torch.equal(before.std, after.std)


def test_timm_opens_what_we_save(tmp_path: Path) -> None:
    ours = load_classifier("timm/mobilenetv2_050", classes=CLASSES, size=32)
    save_classifier(ours, tmp_path)
    theirs = timm.create_model(f"local-dir:{tmp_path}", pretrained=True).eval()
    # not to the bit: ours computes channels-last
    torch.testing.assert_close(theirs((IMAGES - ours.mean) / ours.std), ours(IMAGES))
    assert theirs.pretrained_cfg["label_names"] == list(CLASSES)


def test_same_seed_same_weights_and_nothing_of_the_caller_s_is_touched() -> None:
    torch.manual_seed(5)
    expected = torch.rand(3)
    torch.manual_seed(5)
    first, second, other = (load_classifier("simple-cnn", classes=CLASSES, seed=seed) for seed in (1, 1, 2))
    assert torch.equal(torch.rand(3), expected)
    assert torch.equal(first.network.conv1.weight, second.network.conv1.weight)
    assert not torch.equal(first.network.conv1.weight, other.network.conv1.weight)


def test_each_source_keeps_its_own_normalisation_and_size() -> None:
    timms = load_classifier("timm/inception_v3", classes=CLASSES)
    assert timms.input_size == (299, 299)
    assert timms.mean.flatten().tolist() == pytest.approx([0.5] * 3)
    torchvisions = load_classifier("torchvision/mobilenet_v3_small", classes=CLASSES)
    assert torchvisions.input_size == (224, 224)
    assert torchvisions.mean.flatten().tolist() == pytest.approx([0.485, 0.456, 0.406])


def test_grey_images_and_transformers_of_another_size() -> None:
    assert load_classifier("timm/resnet10t", classes=CLASSES, size=32, channels=1)(IMAGES[:, :1]).shape == (2, 3)
    assert load_classifier("timm/vit_tiny_patch16_224", classes=CLASSES, size=32)(IMAGES).shape == (2, 3)


def test_real_weights_bring_their_classes_and_know_a_dog(shared_data: Path) -> None:
    weights = shared_data / "weights_squeezenet1_1" / "squeezenet1_1_imagenet_fp16.pt"
    own = load_classifier("torchvision/squeezenet1_1", weights=weights)
    assert len(own.classes) == 1000
    assert own.classes[207] == "golden retriever"
    assert len(set(own.classes)) == 1000  # two cranes, two maillots
    other = load_classifier("torchvision/squeezenet1_1", weights=weights, classes=CLASSES, size=64)
    assert torch.equal(other.network.features[0].weight, own.network.features[0].weight)
    assert other(torch.rand(1, 3, 64, 64)).shape == (1, 3)


def test_a_run_folder_with_other_classes_gets_a_new_head(tmp_path: Path) -> None:
    before = load_classifier("simple-cnn", classes=CLASSES, size=32)
    save_classifier(before, tmp_path)
    after = load_classifier(str(tmp_path), classes=("x", "y"))
    assert after.classes == ("x", "y")
    assert after(IMAGES).shape == (2, 2)
    assert torch.equal(after.network.conv6.weight, before.network.conv6.weight)


def test_a_function_in_a_file(tmp_path: Path) -> None:
    file = tmp_path / "mine.py"
    file.write_text(
        "import torch\n"
        "def net(classes, wide=2):\n"
        "    return torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(3 * 32 * 32, classes))\n"
        "def broken(): raise RuntimeError('two\\nlines')\n"
        "def number(): return 3\n"
    )
    classifier = load_classifier(f"{file}:net", classes=CLASSES, size=32, wide=3)
    assert torch.equal(classifier(IMAGES), classifier.network(IMAGES))  # no normalisation of ours
    for name, says in (("broken", "two lines"), ("number", "int"), ("absent", "no function")):
        with pytest.raises(InputError, match=says):
            load_classifier(f"{file}:{name}", classes=CLASSES)
    with pytest.raises(InputError, match="no file"):
        load_classifier(f"{tmp_path}/absent.py:net", classes=CLASSES)


class Bomb:
    def __reduce__(self) -> tuple:
        return (exec, ("raise SystemExit('the pickle ran')",))


def test_a_pickle_that_would_run_code_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "bomb.pt"
    torch.save({"state_dict": Bomb()}, path)
    with pytest.raises(InputError, match="refused"):
        load_classifier("simple-cnn", classes=CLASSES, weights=path)
    path.write_bytes(pickle.dumps(Bomb()))
    with pytest.raises(InputError, match=r"refused|readable"):
        load_classifier("simple-cnn", classes=CLASSES, weights=path)


def test_weights_that_do_not_fit_are_refused_by_name(tmp_path: Path) -> None:
    state = dict(load_classifier("simple-cnn", classes=CLASSES).network.state_dict())
    path = tmp_path / "state.safetensors"

    def refused(says: str, **changed: torch.Tensor | None) -> None:
        kept = {name: tensor for name, tensor in (state | changed).items() if tensor is not None}
        save_file({name: tensor.contiguous() for name, tensor in kept.items()}, path)
        with pytest.raises(InputError, match=says):
            load_classifier("simple-cnn", classes=CLASSES, weights=path)

    refused("lacks the tensor 'linear.bias'", **{"linear.bias": None})
    refused("'linear.bias' has shape", **{"linear.bias": torch.zeros(9)})
    refused("NaN", **{"linear.bias": torch.tensor([0.0, float("nan"), 0.0])})
    refused("which the network lacks", extra=torch.zeros(1))
    path.write_bytes(path.read_bytes()[:200])
    with pytest.raises(InputError, match="truncated"):
        load_classifier("simple-cnn", classes=CLASSES, weights=path)


def test_wrapped_state_dicts_are_found(tmp_path: Path) -> None:
    before = load_classifier("simple-cnn", classes=CLASSES, size=32, seed=3)
    state = {f"module.{name}": tensor for name, tensor in before.network.state_dict().items()}
    torch.save({"state_dict": state, "epoch": 3}, tmp_path / "old.pt")
    after = load_classifier("simple-cnn", classes=CLASSES, size=32, weights=tmp_path / "old.pt")
    assert torch.equal(before(IMAGES), after(IMAGES))


@pytest.mark.parametrize(
    ("name", "fields", "says"),
    [
        ("resnet", {}, "unknown model"),
        ("timm/resnet1", {}, "did you mean"),
        ("torchvision/resnet1", {}, "no classification model"),
        ("torchvision/resnet18", {"channels": 1}, "colour"),
        ("torchvision/fasterrcnn_resnet50_fpn", {}, "not an image classifier|no classification model"),
        ("simple-cnn", {"classes": None}, "no weights"),
        ("simple-cnn", {"pretrained": True}, "no published weights"),
        ("simple-cnn", {"wide": 2}, "options"),
        ("timm/resnet18", {"nonsense": 2}, "cannot build"),
        ("local-dir:absent", {}, "cannot read"),
    ],
)
def test_wrong_names_end_in_one_line(name: str, fields: dict, says: str) -> None:
    with pytest.raises(InputError, match=says) as raised:
        load_classifier(name, **({"classes": CLASSES} | fields))
    assert "\n" not in str(raised.value)


def test_folders_that_are_no_models(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"no config\.json"):
        load_classifier(str(tmp_path))
    (tmp_path / "config.json").write_text("{")
    with pytest.raises(InputError, match="not a model's configuration"):
        load_classifier(str(tmp_path))
    known = {"input_size": [3, 32, 32], "mean": [0.5] * 3, "std": [0.5] * 3}
    (tmp_path / "config.json").write_text(
        json.dumps({"architecture": "resnet18", "num_classes": 3, "pretrained_cfg": known})
    )
    with pytest.raises(InputError, match=r"no model\.safetensors"):
        load_classifier(str(tmp_path))


def test_another_size_or_normalisation_than_its_own_is_remarked(tmp_path):
    saved = load_classifier("simple-cnn", classes=["a", "b"], size=32, channels=1, mean=(0.4,), std=(0.2,))
    save_classifier(saved, tmp_path / "net")
    assert load_classifier(str(tmp_path / "net"), size=32, mean=(0.4,), std=(0.2,)).remarks == ()
    other = load_classifier(str(tmp_path / "net"), size=48, normalise="half")
    assert other.input_size == (48, 48)
    assert [remark for remark in other.remarks if "as asked" in remark] == [
        "its own normalisation is mean 0.4, std 0.2, and it is given mean 0.5, std 0.5, as asked",
        "its own images are of 32 × 32 pixels, and it is given some of 48 × 48, as asked",
    ]
    fresh = load_classifier("simple-cnn", classes=["a", "b"], size=48, channels=1, normalise="half")
    assert not any("as asked" in remark for remark in fresh.remarks)


SIZELESS = """
import ironglass as ig
from torch import nn

def net():
    return nn.Sequential(nn.Conv2d(3, 2, 3), nn.AdaptiveAvgPool2d(1), nn.Flatten())

def own():
    return ig.Classifier(net(), mean=[0.0] * 3, std=[1.0] * 3, classes=["a", "b"], input_size=48)
"""


@pytest.mark.filterwarnings("ignore:`torch.jit:FutureWarning")
@pytest.mark.parametrize("form", ["net.py:net", "net.ts"])
def test_a_size_that_nobody_says_is_said(tmp_path, form):
    (tmp_path / "net.py").write_text(SIZELESS)
    given = {"classes": ("cat", "dog")}
    network = load_classifier(f"{tmp_path}/net.py:net", size=32, **given).network
    torch.jit.script(network).save(tmp_path / "net.ts")
    for size in (None, 64, (32, 48)):
        loaded = load_classifier(f"{tmp_path}/{form}", size=size, **given)
        said = [remark for remark in loaded.remarks if "nobody says how large its images are" in remark]
        assert len(said) == (size is None)
        assert all("brought to 64 × 64 pixels" in remark for remark in said)
    assert load_classifier(f"{tmp_path}/net.py:own").remarks == ()
