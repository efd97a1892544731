"""Bad input ends in one clear line, exit status 2, no traceback, and nothing half-written."""

import json
import shutil
import struct
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import torch
from PIL import Image
from safetensors.torch import load_file, save_file


class Case(NamedTuple):
    name: str
    says: str
    words: Callable[["Room"], list[object]]


class Room:
    """Where a case makes its mess."""

    def __init__(self, path: Path, photos: Path, trained: Path, draw: Callable[..., Path]) -> None:
        self.path, self.photos, self.trained, self._draw = path, photos, trained, draw

    def draw(self, name: str, **how: object) -> Path:
        return self._draw(self.path / name, **how)

    def copy(self, source: Path, name: str) -> Path:
        return Path(shutil.copytree(source, self.path / name))

    def write(self, name: str, content: str | bytes) -> Path:
        path = self.path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return path

    def train(self, data: object, *more: object) -> list[object]:
        return ["train", "simple-cnn", data, "--epochs", 1, "--size", 16, *more]


def empty_folder(room: Room) -> list[object]:
    (room.path / "empty").mkdir()
    return room.train(room.path / "empty")


def empty_imagefolder(room: Room) -> list[object]:
    for name in ("a", "b"):
        (room.path / "empty" / name).mkdir(parents=True)
    return room.train(f"folder:{room.path / 'empty'}")


def truncated_jpegs(room: Room) -> list[object]:
    folder = room.draw("cut", per_class=8)
    for path in sorted((folder / "dark").iterdir())[:2]:
        Image.open(path).save(path.with_suffix(".jpg"))
        whole = path.with_suffix(".jpg").read_bytes()
        path.with_suffix(".jpg").write_bytes(whole[: len(whole) // 2])
        path.unlink()
    return room.train(folder)


def text_named_jpg(room: Room) -> list[object]:
    folder = room.draw("text", per_class=8)
    for i in range(2):
        room.write(f"text/dark/note{i}.jpg", "dear diary")
    return room.train(folder)


def class_emptied(room: Room) -> list[object]:
    folder = room.draw("one", per_class=40)
    room.write("one/zebra/a.png", "no image")
    return room.train(folder)


def png_header(width: int, height: int) -> bytes:
    """A PNG that claims a size; the pixels are absent."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(b"\0" * 100)) + chunk(b"IEND", b"")
    )


def huge_png(room: Room) -> list[object]:
    return ["predict", room.trained, room.write("huge.png", png_header(10_000, 10_000))]


def parquet(room: Room, name: str = "set", **columns: list) -> Path:
    (room.path / name).mkdir()
    pq.write_table(pa.table(columns), room.path / name / "train-00000-of-00001.parquet")
    return room.path / name


def png(value: int) -> dict[str, object]:
    from io import BytesIO

    held = BytesIO()
    Image.fromarray(np.full((16, 16, 3), value, dtype=np.uint8)).save(held, "PNG")
    return {"bytes": held.getvalue(), "path": None}


def wrong_label_column(room: Room) -> list[object]:
    folder = parquet(room, image=[png(i) for i in range(20)], label=[i % 2 for i in range(20)])
    return room.train(folder, "--label-column", "species")


def wrong_image_column(room: Room) -> list[object]:
    folder = parquet(room, image=[png(i) for i in range(20)], label=[i % 2 for i in range(20)])
    return room.train(folder, "--image-column", "photo")


def no_label_column(room: Room) -> list[object]:
    return room.train(parquet(room, image=[png(i) for i in range(20)], weight=[0.5 * i for i in range(20)]))


def one_class_parquet(room: Room) -> list[object]:
    return room.train(parquet(room, image=[png(i) for i in range(20)], label=[0] * 20))


def not_parquet(room: Room) -> list[object]:
    return room.train(room.write("set/train-00000-of-00001.parquet", "PAR1 but not really").parent)


def archive(room: Room, *entries: tuple[str, bytes]) -> list[object]:
    with zipfile.ZipFile(room.path / "tiny.zip", "w", zipfile.ZIP_DEFLATED) as file:
        for name, content in entries:
            file.writestr(name, content)
    return room.train(f"tiny-imagenet:{room.path / 'tiny.zip'}")


def zip_slip(room: Room) -> list[object]:
    return archive(room, ("tiny-imagenet-200/wnids.txt", b"n1\n"), ("../../escaped.txt", b"out"))


def zip_bomb(room: Room) -> list[object]:
    return archive(room, ("tiny-imagenet-200/wnids.txt", b"\0" * 50_000_000))


def zip_link(room: Room) -> list[object]:
    link = zipfile.ZipInfo("tiny-imagenet-200/link")
    link.external_attr = 0o120777 << 16
    with zipfile.ZipFile(room.path / "tiny.zip", "w") as file:
        file.writestr(link, "/etc/passwd")
    return room.train(f"tiny-imagenet:{room.path / 'tiny.zip'}")


def not_a_zip(room: Room) -> list[object]:
    return room.train(f"tiny-imagenet:{room.write('tiny.zip', 'PK?')}")


def other_classes(room: Room) -> list[object]:
    return ["evaluate", room.trained, room.draw("three", classes=("dark", "dusk", "light"))]


def spoilt(room: Room, **changes: torch.Tensor) -> list[object]:
    folder = room.copy(room.trained, "spoilt")
    state = load_file(folder / "model.safetensors") | changes
    save_file(state, folder / "model.safetensors")
    return ["evaluate", folder, room.photos]


def nan_checkpoint(room: Room) -> list[object]:
    return spoilt(room, **{"linear.bias": torch.tensor([float("nan"), 0.0])})


def wrong_shape_checkpoint(room: Room) -> list[object]:
    return spoilt(room, **{"linear.bias": torch.zeros(7)})


def truncated_checkpoint(room: Room) -> list[object]:
    folder = room.copy(room.trained, "spoilt")
    path = folder / "model.safetensors"
    path.write_bytes(path.read_bytes()[:1000])
    return ["evaluate", folder, room.photos]


def no_weights(room: Room) -> list[object]:
    folder = room.copy(room.trained, "spoilt")
    (folder / "model.safetensors").unlink()
    return ["evaluate", folder, room.photos]


def spoilt_config(room: Room) -> list[object]:
    folder = room.copy(room.trained, "spoilt")
    (folder / "config.json").write_text('{"architecture": ')
    return ["evaluate", folder, room.photos]


class Bomb:
    def __reduce__(self) -> tuple:
        return (exec, ("raise SystemExit('the pickle ran')",))


def pickle_bomb(room: Room) -> list[object]:
    torch.save({"state_dict": Bomb()}, room.path / "bomb.pt")
    return ["evaluate", "simple-cnn", room.photos, "--weights", room.path / "bomb.pt"]


def python_file(room: Room, text: str) -> Path:
    return room.write("mine.py", text)


FAILING = "def net():\n    raise RuntimeError('two\\nlines')\n"


def spoilt_results(room: Room) -> list[object]:
    folder = room.copy(room.trained, "spoilt")
    (folder / "results.json").write_text("{")
    return ["report", folder]


CASES = [
    # data
    Case("missing path", "no", lambda room: room.train(room.path / "absent")),
    Case("missing folder:", "absent", lambda room: room.train(f"folder:{room.path / 'absent'}")),
    Case("unknown kind of data", "digits", lambda room: room.train("kaggle:cats")),
    Case("empty folder", "empty", empty_folder),
    Case("class folders without images", "empty", empty_imagefolder),
    Case("one class", "class", lambda room: room.train(room.draw("one", classes=("only",)))),
    Case("one class in Parquet", "class", one_class_parquet),
    Case("truncated JPEGs", "2 of 16 images are bad", truncated_jpegs),
    Case("text named .jpg", "2 of 18 images are bad", text_named_jpg),
    Case("a class whose every image is bad", "zebra", class_emptied),
    Case("images of several sizes", "--size", lambda room: [
        "train", "simple-cnn",
        (room.draw("mixed"), Image.new("RGB", (20, 30)).save(room.path / "mixed" / "dark" / "x.png"))[0],
    ]),
    Case("a 100-megapixel PNG", "50 million", huge_png),
    Case("wrong label column", "species", wrong_label_column),
    Case("wrong image column", "photo", wrong_image_column),
    Case("a column to slice by that is not there", "no column 'domain'", lambda room: [
        "evaluate", room.trained, room.photos, "--slice-by", "domain"]),
    Case("no label column", "--label-column", no_label_column),
    Case("not Parquet", "Parquet", not_parquet),
    Case("zip-slip", "..", zip_slip),
    Case("zip bomb", "grows beyond", zip_bomb),
    Case("link in a zip", "link", zip_link),
    Case("not a zip", "zip", not_a_zip),
    Case("tiny-imagenet without its files", "not Tiny ImageNet", lambda room: archive(room, ("readme.txt", b"hello"))),
    Case("torchvision without --download", "--download", lambda room: room.train("torchvision:FashionMNIST")),
    Case("unknown torchvision set", "torchvision", lambda room: room.train("torchvision:Nonsense")),
    Case("hub id without a network", "nobody/nothing-at-all", lambda room: room.train("hf:nobody/nothing-at-all")),
    Case("a split that is not there", "no split 'dev'", lambda room: [
        "evaluate", room.trained, room.photos, "--split", "dev"]),
    Case("size 0", "--size", lambda room: ["train", "simple-cnn", room.photos, "--size", 0]),
    # models
    Case("unknown model", "unknown model", lambda room: ["train", "resnet", room.photos]),
    Case("unknown timm model", "timm has no model", lambda room: ["train", "timm/resnet1", room.photos]),
    Case("untrained model evaluated", "no trained weights", lambda room: ["evaluate", "simple-cnn", room.photos]),
    Case("untrained timm model attacked", "no trained weights", lambda room: ["attack", "timm/resnet18", room.photos]),
    Case("classes differ", "lacks 'dusk'", other_classes),
    Case("NaN in a checkpoint", "NaN", nan_checkpoint),
    Case("a checkpoint of another shape", "shape", wrong_shape_checkpoint),
    Case("a truncated checkpoint", "truncated", truncated_checkpoint),
    Case("a folder without weights", "no model.safetensors", no_weights),
    Case("a spoilt config", "configuration", spoilt_config),
    Case("a pickle bomb", "refused", pickle_bomb),
    Case("a checkpoint that is not there", "no checkpoint", lambda room: [
        "evaluate", "simple-cnn", room.photos, "--weights", room.path / "absent.pt"]),
    Case("a model file that fails", "RuntimeError: two lines", lambda room: [
        "train", f"{python_file(room, FAILING)}:net", room.photos]),
    Case("a model file without the function", "no function", lambda room: [
        "train", f"{python_file(room, 'x = 1')}:net", room.photos]),
    Case("a model for other channels", "channels", lambda room: [
        "train", "simple-cnn", room.photos, "--set", "channels=2"]),
    Case("a folder that is no model", "config.json", lambda room: ["evaluate", room.photos, room.photos]),
    # options
    Case("eps banana", "banana", lambda room: ["attack", room.trained, room.photos, "--eps", "banana"]),
    Case("eps below 0", "eps '-0.1'", lambda room: ["attack", room.trained, room.photos, "--eps=-0.1"]),
    Case("eps 8 for 8/255", "8/255", lambda room: ["attack", room.trained, room.photos, "--eps", "8"]),
    Case("eps over nought", "1/0", lambda room: ["attack", room.trained, room.photos, "--eps", "1/0"]),
    Case("eps 8 for 8/255 among others", "8/255", lambda room: [
        "attack", room.trained, room.photos, "--eps", "4/255,8"]),
    Case("every eps 0", "every eps is 0", lambda room: ["attack", room.trained, room.photos, "--eps", "0"]),
    Case("an infinite eps by l2", "eps 'inf'", lambda room: [
        "attack", room.trained, room.photos, "--norm", "l2", "--eps", "inf"]),
    Case("unknown attack", "choose from fgsm", lambda room: [
        "attack", room.trained, room.photos, "--attacks", "fgsm,pgd-twenty"]),
    Case("an attack of no steps", "no attack 'pgd-0'", lambda room: [
        "attack", room.trained, room.photos, "--attacks", "pgd-0"]),
    Case("a count for an attack that has none", "no attack 'fgsm-3'", lambda room: [
        "attack", room.trained, room.photos, "--attacks", "fgsm-3"]),
    Case("no attack named", "no attack ''", lambda room: ["attack", room.trained, room.photos, "--attacks", ""]),
    Case("a patch under l2", "no attack 'patch'", lambda room: [
        "attack", room.trained, room.photos, "--attacks", "patch", "--norm", "l2"]),
    Case("unknown method", "no explainer 'salience'", lambda room: [
        "explain", room.trained, room.photos, "--methods", "salience"]),
    Case("a target that is no class", "write predicted, true, or one of", lambda room: [
        "explain", room.trained, room.photos, "--methods", "saliency", "--target", "fox"]),
    Case("a chosen image that is not there", "is no image of this split", lambda room: [
        "explain", room.trained, room.photos, "--methods", "saliency", "--chosen", "fox.png"]),
    Case("images that are no choice", "choose from random, misclassified", lambda room: [
        "explain", room.trained, room.photos, "--methods", "saliency", "--images", "some"]),
    Case("hiding without a method", "give --methods", lambda room: [
        "explain", room.trained, room.photos, "--hide", "1,1,2,2"]),
    Case("hiding outside the image", "does not lie inside 16×16", lambda room: [
        "explain", room.trained, room.photos, "--methods", "saliency", "--hide", "10,10,9,9"]),
    Case("hiding by a file that is not there", "no image file", lambda room: [
        "explain", room.trained, room.photos, "--methods", "saliency", "--hide", "mask.png"]),
    Case("a patch too large to be tried", "the patch is 17 pixels", lambda room: [
        "explain", room.trained, room.photos, "--patches", "3,17"]),
    Case("a budget without a method that has one", "choose from rise, kernel-shap", lambda room: [
        "explain", room.trained, room.photos, "--methods", "saliency", "--budget", "500"]),
    Case("a budget that is too small", "budget of 50 is too small for 49 segments", lambda room: [
        "explain", room.trained, room.photos, "--methods", "kernel-shap", "--budget", "50"]),
    Case("quality below 0", "quality", lambda room: [
        "explain", room.trained, room.photos, "--methods", "saliency", "--quality", "-1"]),
    Case("unknown hardening", "no objective 'magic'", lambda room: [
        "harden", "simple-cnn", room.photos, "--method", "magic"]),
    Case("hardening without a change", "every eps is 0", lambda room: [
        "harden", "simple-cnn", room.photos, "--eps", "0", "--attacks", "fgsm"]),
    Case("hardening at no rate", "peak_lr", lambda room: ["harden", "simple-cnn", room.photos, "--lr", "0"]),
    Case("hardening on data that are not there", "nowhere", lambda room: [
        "harden", "simple-cnn", room.path / "nowhere"]),
    Case("hardening beyond the range", "eps is 8", lambda room: ["harden", "simple-cnn", room.photos, "--eps", "8"]),
    Case("sweep over words", "vary stages.0.peak_lr", lambda room: [
        "sweep", "simple-cnn", room.photos, "--lr", "high,low"]),
    Case("sweep over nothing", "at least one", lambda room: ["sweep", "simple-cnn", room.photos, "--lr", ""]),
    Case("sweep twice at one rate", "each once", lambda room: ["sweep", "simple-cnn", room.photos, "--lr", "0.1,0.1"]),
    Case("sweep over no field", "no field 'sice'", lambda room: [
        "sweep", "simple-cnn", room.photos, "--vary", "sice=8,16"]),
    Case("sweep over a field without values", "FIELD=V1,V2", lambda room: [
        "sweep", "simple-cnn", room.photos, "--vary", "size"]),
    Case("sweep over a field twice", "varied already", lambda room: [
        "sweep", "simple-cnn", room.photos, "--lr", "0.1", "--vary", "stages.0.peak_lr=0.2"]),
    Case("sweep over data", "compared on the same images", lambda room: [
        "sweep", "simple-cnn", room.photos, "--vary", "dataset=digits,planted"]),
    Case("sweep over an unknown model", "trial 02-resnet81: timm has no model", lambda room: [
        "sweep", "simple-cnn", room.photos, "--vary", "model=logistic,timm/resnet81"]),
    Case("sweep of no jobs", "--jobs", lambda room: ["sweep", "simple-cnn", room.photos, "--jobs", "0"]),
    Case("sweep on data that are not there", "nowhere", lambda room: [
        "sweep", "simple-cnn", room.path / "nowhere"]),
    Case("transfer from a model without weights", "give source.dataset to train base A on", lambda room: [
        "transfer", "simple-cnn", room.photos]),
    Case("transfer of more blocks than there are", "blocks is 9 and the network has 6", lambda room: [
        "transfer", room.trained, room.photos, "--blocks", "0,9"]),
    Case("transfer of a word of blocks", "blocks", lambda room: [
        "transfer", room.trained, room.photos, "--blocks", "all"]),
    Case("transfer judged where nothing is made", "give it among eps and white_box_eps", lambda room: [
        "transfer", room.trained, room.photos, "--judged", "3/255"]),
    Case("transfer into nobody's classes", "classes", lambda room: [
        "transfer", room.trained, room.photos, "--classes", "nobody"]),
    Case("transfer from a single layer", "single layer", lambda room: [
        "transfer", "logistic", room.photos, "--source-data", room.photos]),
    Case("blocks for a recipe that copies none", "--blocks is for a transfer", lambda room: [
        "run", "digits", "--blocks", "0,4"]),
    Case("a model for a sweep over models", "vary.model", lambda room: ["run", "shootout", "--model", "logistic"]),
    Case("unknown norm", "choose from linf, l2", lambda room: ["attack", room.trained, room.photos, "--norm", "l7"]),
    Case("a norm without an objective", "--norm is for an objective, and none is named", lambda room: [
        "train", "simple-cnn", "digits", "--norm", "l2"]),
    Case("a norm given twice", "--objective pgd@l2 has a norm, and --norm is given, too", lambda room: [
        "train", "simple-cnn", "digits", "--objective", "pgd@l2", "--norm", "l2"]),
    Case("no such norm", "there is no norm 'l3': choose from linf, l2", lambda room: [
        "harden", "simple-cnn", "digits", "--norm", "l3"]),
    Case("a ramp beyond the epochs", "eps_ramp is 9 of 2 epochs", lambda room: [
        "harden", "simple-cnn", "digits", "--eps-ramp", "9", "--epochs", "2"]),
    Case("a ramp of nothing", "eps_ramp is for an objective with a field eps", lambda room: [
        "train", "simple-cnn", "digits", "--eps-ramp", "1"]),
    Case("no seeds", "seeds", lambda room: ["harden", "simple-cnn", "digits", "--seeds", "0"]),
    Case("a norm without attacks", "norm l2 is for named attacks", lambda room: [
        "run", "digits", "--set", "attacks.norm=l2"]),
    Case("DLR for two classes", "needs 3 classes and the classifier has 2", lambda room: [
        "attack", room.trained, room.photos, "--attacks", "pgd-5,apgd-dlr"]),
    Case("targeted DLR for two classes", "apgd-t-5: the targeted DLR loss needs 4", lambda room: [
        "attack", room.trained, room.photos, "--attacks", "apgd-t-5"]),
    Case("batches of no images", "attacks.batch", lambda room: [
        "attack", room.trained, room.photos, "--set", "attacks.batch=0"]),
    Case("unknown mask", "plaid", lambda room: ["explain", room.trained, room.photos, "--masks", "plaid"]),
    Case("a patch larger than the image", "patch", lambda room: ["explain", room.trained, room.photos, "--patch", 99]),
    Case("a patch of no pixels", "patch", lambda room: ["explain", room.trained, room.photos, "--patch", 0]),
    Case("no epochs", "epochs", lambda room: room.train(room.photos, "--epochs", 0)),
    Case("learning rate banana", "'--lr'", lambda room: room.train(room.photos, "--lr", "banana")),
    Case("unknown optimiser", "sgd", lambda room: room.train(room.photos, "--optimiser", "lion")),
    Case("unknown schedule", "one-cycle", lambda room: room.train(room.photos, "--schedule", "linear")),
    Case("unknown field", "no field 'epoch'", lambda room: room.train(room.photos, "--set", "stages.0.epoch=3")),
    Case("a field without a value", "FIELD=VALUE", lambda room: room.train(room.photos, "--set", "seed")),
    Case("a layer that is not there", "conv99", lambda room: room.train(
        room.photos, "--set", "stages.0.trainable_from=conv99")),
    Case("unknown device", "device", lambda room: room.train(room.photos, "--device", "abacus")),
    Case("a device that is not here", "device", lambda room: room.train(room.photos, "--device", "cuda:7")),
    Case("negative seed", "--seed", lambda room: room.train(room.photos, "--seed=-1")),
    Case("unknown option", "--frobnicate", lambda room: room.train(room.photos, "--frobnicate")),
    Case("unknown verb", "frobnicate", lambda room: ["frobnicate"]),
    Case("too few arguments", "ata", lambda room: ["train", "simple-cnn"]),
    # folders and recipes
    Case("output in use", "not empty", lambda room: room.train(
        room.photos, "--output", room.write("mine/thesis.txt", "dear reader").parent)),
    Case("output cannot be written", "cannot write", lambda room: room.train(
        room.photos, "--output", room.write("file", "") / "run")),
    Case("resume where nothing is", "no run of train", lambda room: room.train(room.photos, "--resume")),
    Case("resume with other settings", "other settings", lambda room: room.train(
        room.photos, "--resume", "--output", room.copy(room.trained, "run"), "--seed", 5)),
    Case("report of no run", "not a run folder", lambda room: ["report", room.photos]),
    Case("report of spoilt results", "not valid JSON", spoilt_results),
    Case("unknown recipe", "cats-dogs", lambda room: ["run", "cats"]),
    Case("no recipe", "name a recipe", lambda room: ["run"]),
    Case("a recipe file that is not there", "no file", lambda room: ["run", "absent.py"]),
    Case("a recipe file that fails", "ZeroDivisionError", lambda room: ["run", python_file(room, "1 / 0")]),
    Case("a recipe file without a recipe", "no RECIPE", lambda room: ["run", python_file(room, "x = 1")]),
    Case("predict without images", "image", lambda room: [
        "predict", room.trained, room.write("notes/readme.txt", "hello").parent]),
    Case("predict what is not there", "absent", lambda room: ["predict", room.trained, room.path / "absent.png"]),
    Case("predict only what is broken", "decoded", lambda room: [
        "predict", room.trained, room.write("broken.jpg", "hello")]),
    Case("predict by an untrained model", "no trained weights", lambda room: [
        "predict", "simple-cnn", room.photos]),
]  # fmt: skip


def listing(folder: Path) -> set[str]:
    return {str(path.relative_to(folder)) for path in folder.rglob("*")}


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_malformed(case: Case, call, tmp_path: Path, photos: Path, trained: Path, draw, tmp_path_factory) -> None:
    words = case.words(Room(tmp_path_factory.mktemp("room"), photos, trained, draw))
    before = json.dumps(sorted(listing(tmp_path)))
    status, out, err = call(*words)
    assert status == 2, err
    lines = err.strip().splitlines()
    assert len(lines) == 1, err
    assert lines[0].startswith("ironglass: ")
    assert case.says in lines[0]
    assert "Traceback" not in err
    assert out == ""
    assert json.dumps(sorted(listing(tmp_path))) == before, "something was left behind"


def test_there_are_at_least_forty() -> None:
    assert len({case.name for case in CASES}) == len(CASES) >= 40
