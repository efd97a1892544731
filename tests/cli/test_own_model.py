"""A network of the user's own on the command line: its size, its normalisation, its classes, its weights."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

CODE = """
import torch, ironglass as ig
from torch import nn
class Grey(nn.Module):
    "Names the class whose brightness is nearest to the image's, both normalised by these numbers."
    def __init__(self, mean, std, k=3):
        super().__init__()
        self.grey = nn.Parameter((torch.linspace(0.15, 0.85, k) - mean) / std)
    def forward(self, x): return -((x.mean((1, 2, 3))[:, None] - self.grey) ** 2)
def plain(): return Grey(0, 1)
def imagenet(): return Grey(0.449, 0.226)
def counted(classes): return Grey(0, 1, classes)
def pool(): return nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(4, 3))
def fixed(): return nn.Sequential(nn.Flatten(), nn.Linear(3 * 24 * 24, 3))
def classifier(net, size):
    return ig.Classifier(net, mean=(.5,) * 3, std=(.5,) * 3, classes=("dark", "grey", "light"), input_size=size)
def square(): return classifier(pool(), 24)
def told(classes): return classifier(pool(), 24)
def wide(): return classifier(pool(), (16, 32))
def stiff(): return classifier(fixed(), 24)
"""
CLASSES = ("dark", "grey", "light")


@pytest.fixture(scope="module")
def room(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The file, and pictures of many sizes whose brightness is their class."""
    folder = tmp_path_factory.mktemp("own")
    (folder / "net.py").write_text(CODE)
    random = np.random.default_rng(0)
    for name, level in zip(CLASSES, (38, 128, 217), strict=True):
        (folder / "data" / name).mkdir(parents=True)
        for i in range(40):
            pixels = (level + random.normal(0, 5, (40, 34 + i % 9, 3))).clip(0, 255).astype(np.uint8)
            Image.fromarray(pixels).save(folder / "data" / name / f"{i:02}.png")
    return folder


def read(run: Path) -> tuple[dict, dict, dict]:
    return tuple(json.loads((run / f"{name}.json").read_text()) for name in ("data", "config", "results"))  # type: ignore[return-value]


@pytest.mark.parametrize(
    ("name", "more", "size"),
    [("square", [], [24, 24]), ("told", [], [24, 24]), ("wide", [], [16, 32]), ("stiff", [], [24, 24]),
     ("square", ["--size", 28], [28, 28]), ("wide", ["--size", 20], [20, 20]), ("plain", ["--size", 12], [12, 12])],
)  # fmt: skip
def test_images_are_brought_to_the_network_s_own_size(
    name: str, more: list, size: list[int], call, room: Path, tmp_path: Path
) -> None:
    status, _, err = call("evaluate", f"{room / 'net.py'}:{name}", room / "data", *more, "--output", "run", "--quiet")
    assert status == 0, err
    data, config, results = read(tmp_path / "run")
    assert data["size"] == results["model"]["input_size"] == config["pretrained_cfg"]["input_size"][1:] == size
    assert f"{size[1]} × {size[0]} pixels" in (tmp_path / "run" / "report.html").read_text()


def test_a_size_that_the_network_cannot_take_is_refused(call, room: Path) -> None:
    status, _, err = call("evaluate", f"{room / 'net.py'}:stiff", room / "data", "--size", 32, "--quiet")
    assert status == 2
    assert "24 × 24 and not of 32 × 32" in err


@pytest.mark.parametrize(
    ("name", "more", "warned"),
    [("imagenet", [], "--normalise imagenet"), ("plain", [], ""), ("imagenet", ["--normalise", "imagenet"], ""),
     ("imagenet", ["--mean", "0.449", "--std", "0.226"], "")],
)  # fmt: skip
def test_what_is_assumed_is_said_and_tried_out(
    name: str, more: list, warned: str, call, room: Path, tmp_path: Path
) -> None:
    words = ("evaluate", f"{room / 'net.py'}:{name}", room / "data", "--size", 16, "--classes", "dark,grey,light")
    status, out, err = call(*words, *more, "--output", "run")
    assert status == 0, err
    _, config, results = read(tmp_path / "run")
    page, said = (tmp_path / "run" / "report.html").read_text(), results["model"]["remarks"]
    assert config["ironglass"]["normalisation"] == ("given" if more else "assumed")
    assert results["model"]["normalisation"]["origin"] == ("given" if more else "assumed")
    assert any("[0, 1]" in remark for remark in said) == (not more)
    assert any("warning" in remark for remark in said) == bool(warned)
    assert any("untrained" in remark for remark in said)
    for remark in said:
        assert remark.replace("'", "&#39;") in page
        assert " ".join(remark.split()) in " ".join(out.split())
    assert warned in " ".join(said)
    assert (results["evaluation"]["accuracy"]["value"] > 0.9) == (not warned)


def test_the_order_of_the_outputs_and_names_of_the_data(call, room: Path, tmp_path: Path) -> None:
    words = ("evaluate", f"{room / 'net.py'}:plain", room / "data", "--size", 16, "--quiet", "--normalise", "none")
    for output, more, right in (
        ("a", ("--classes", "light,grey,dark"), 1 / 3),
        ("b", ("--classes", "x,y,z", "--class-map", "dark=x,grey=y,light=z"), 1),
    ):
        status, _, err = call(*words, *more, "--output", output)
        assert status == 0, err
        data, config, results = read(tmp_path / output)
        assert results["evaluation"]["accuracy"]["value"] == pytest.approx(right)
        assert data["classes"] == config["label_names"] == more[1].split(",")


@pytest.mark.parametrize(
    ("more", "says"),
    [
        (("--classes", "a,b"), "gives 3"),
        (("--classes", "x,y,z"), "lacks 'dark'"),
        (("--classes", "x,y,z", "--class-map", "dark=w"), "no class of the model"),
        (("--class-map", "pink=dark"), "no class of the data"),
        (("--class-map", "dark"), "DATA=MODEL"),
        (("--class-map", "dark=grey,dark=light"), "twice"),
        (("--mean", "123.7,116.3,103.5", "--std", "58,57,57"), "divide by 255"),
        (("--mean", "a"), "number a channel"),
        (("--mean", "0.5"), "give both"),
        (("--normalise", "half", "--mean", "0.5", "--std", "0.5"), "leave the other out"),
        (("--normalise", "caffe"), "imagenet"),
    ],
)
def test_what_does_not_fit_is_one_line(more: tuple, says: str, call, room: Path, tmp_path: Path) -> None:
    status, _, err = call("evaluate", f"{room / 'net.py'}:plain", room / "data", "--size", 16, "--quiet", *more)
    assert status == 2
    assert says in err
    assert len(err.strip().splitlines()) == 1
    assert not list(tmp_path.iterdir())


def test_a_fine_tuned_file_takes_the_data_s_classes(call, room: Path, tmp_path: Path) -> None:
    from ironglass import load_classifier

    for count in (3, 5):
        tuned = load_classifier("timm/resnet10t", classes=[str(i) for i in range(count)], size=32)
        torch.save({"model": tuned.network.state_dict(), "epoch": 3}, tmp_path / f"{count}.pt")
    words = ("evaluate", "timm/resnet10t", room / "data", "--size", 32, "--quiet")
    status, _, err = call(*words, "--weights", tmp_path / "3.pt", "--output", "run")
    assert status == 0, err
    data, _, results = read(tmp_path / "run")
    assert data["classes"] == ["dark", "grey", "light"]
    assert any("in their order" in remark for remark in results["model"]["remarks"])
    status, _, err = call(*words, "--weights", tmp_path / "5.pt", "--output", "other")
    assert status == 2
    assert "5 outputs" in err
    assert "3 are named" in err
    status, _, err = call(
        *words, "--weights", tmp_path / "5.pt", "--classes", "z,light,grey,dark,y", "--output", "other"
    )
    assert status == 0, err
    assert read(tmp_path / "other")[0]["classes"] == ["z", "light", "grey", "dark", "y"]


def test_a_run_of_one_s_own_file_is_used_again_by_naming_the_file(call, room: Path, tmp_path: Path) -> None:
    file = f"{room / 'net.py'}:counted"
    status, _, err = call("train", file, room / "data", "--size", 16, "--epochs", 1, "--normalise", "half",
                          "--classes", "light,grey,dark", "--output", "run", "--quiet")  # fmt: skip
    assert status == 0, err
    status, _, err = call("evaluate", "run", room / "data", "--quiet")
    assert status == 2
    assert "--weights run/model.safetensors" in err
    status, _, err = call(
        "evaluate", file, room / "data", "--weights", "run/model.safetensors", "--output", "again", "--quiet"
    )
    assert status == 0, err
    before, after = read(tmp_path / "run"), read(tmp_path / "again")
    assert before[2]["evaluation"]["confusion"] == after[2]["evaluation"]["confusion"]
    assert after[0]["size"] == [16, 16]
    assert after[2]["model"]["normalisation"]["mean"] == [0.5] * 3
    status, _, err = call("predict", file, room / "data", "--weights", "run/model.safetensors", "--quiet")
    assert status == 0, err
