"""The README's two tables of what people bring: every cell is run, and ends as it says."""

from __future__ import annotations

import io
import json
import re
import sys
import tarfile
import warnings
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import torch
from PIL import Image
from safetensors.torch import save_file
from torch import nn

from ironglass.cli.main import _status

README = Path(__file__).parents[1] / "README.md"
CLASSES = ("cat", "dog")
NET = """
import torch
from torch import nn

class Net(nn.Module):
    def __init__(self, classes=2, channels=3):
        super().__init__()
        self.conv = nn.Conv2d(channels, 4, 3, padding=1)
        self.norm = nn.BatchNorm2d(4)
        self.head = nn.Linear(4, classes)

    def forward(self, images):
        return self.head(torch.relu(self.norm(self.conv(images))).mean((2, 3)))

    def know(self):
        "tells the dark class from the light one"
        with torch.no_grad():
            for value in self.parameters():
                value.zero_()
            self.conv.weight[0, :, 1, 1] = 1 / 3
            self.norm.weight.fill_(1)
            light = torch.tensor([-10.0, 10.0])[-self.head.out_features :]
            self.head.weight[:, 0] = light
            self.head.bias.copy_(-0.45 * light)
        return self

class Soft(Net):
    def forward(self, images):
        return super().forward(images).softmax(1)

class Half(Net):
    def __init__(self, classes=2):
        super().__init__(classes)
        self.bfloat16()

    def forward(self, images):
        return super().forward(images.bfloat16())

class Single(Net):
    def __init__(self):
        super().__init__(1)

class Pair(Net):
    def forward(self, images):
        return super().forward(images), images.mean((1, 2, 3))
"""


# ---- the tables


def table(heading: str) -> tuple[list[str], dict[str, dict[str, str]]]:
    """The columns that are verbs, and of each row its cells by verb, of the README's table whose first column is so."""
    lines = README.read_text(encoding="utf-8").splitlines()
    start = next(i for i, line in enumerate(lines) if line.startswith(f"| {heading} |"))
    split = [[cell.strip() for cell in line.strip("|").split(" | ")] for line in lines[start:]]
    end = next((i for i, line in enumerate(lines[start:]) if not line.startswith("|")), len(split))
    header, _, *rows = split[:end]
    verbs = header[2:]
    return verbs, {row[0]: dict(zip(verbs, (cell.strip() for cell in row[2:]), strict=True)) for row in rows}


def cells(heading: str) -> list[tuple[str, str]]:
    verbs, rows = table(heading)
    return [(row, verb) for row in rows for verb in verbs]


# ---- images


def image(number: int, *, size: int = 16, dtype: type = np.uint8, channels: int = 3) -> np.ndarray:
    """A dark image of the first class, a light one of the second."""
    top = np.iinfo(dtype).max
    drawn = np.random.default_rng(number)
    low = 0.6 * (number % 2)
    shape = (size, size, channels) if channels == 3 else (size, size)
    return ((low + 0.3 * drawn.random(shape)) * top).astype(dtype)


def encoded(number: int, kind: str = "png", **how: object) -> bytes:
    held = io.BytesIO()
    Image.fromarray(image(number, **how)).save(held, kind)  # type: ignore[arg-type]
    return held.getvalue()


def class_folders(
    folder: Path, *, names: tuple[str, ...] = CLASSES, kind: str = "png", per_class: int = 12, **how: object
) -> Path:
    for number in range(per_class * len(names)):
        path = folder / names[number % len(names)] / f"{number:02}.{kind}"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(encoded(number, kind, **how))
    return folder


def split_folders(folder: Path) -> Path:
    for split in ("train", "val", "test"):
        class_folders(folder / split, per_class=6)
    return folder


def flat(folder: Path) -> Path:
    folder.mkdir()
    for number in range(8):
        (folder / f"{number}.png").write_bytes(encoded(number))
    return folder


def metadata(folder: Path) -> Path:
    flat(folder)
    rows = [f"{number}.png,{CLASSES[number % 2]}" for number in range(8)]
    (folder / "metadata.csv").write_text("\n".join(["file_name,label", *rows]))
    return folder


def csv(folder: Path) -> Path:
    flat(folder)
    rows = [f"{number}.png,{CLASSES[number % 2]}" for number in range(8)]
    (folder / "list.csv").write_text("\n".join(["path,label", *rows]))
    return folder / "list.csv"


def parquet(folder: Path, shards: int = 1) -> Path:
    (folder / "data").mkdir(parents=True)
    features = {"image": {"_type": "Image"}, "label": {"_type": "ClassLabel", "names": list(CLASSES)}}
    for shard in range(shards):
        numbers = range(24 * shard // shards, 24 * (shard + 1) // shards)
        columns = {
            "image": [{"bytes": encoded(i), "path": f"{i}.png"} for i in numbers],
            "label": [i % 2 for i in numbers],
        }
        made = pa.table(columns).replace_schema_metadata({"huggingface": json.dumps({"info": {"features": features}})})
        pq.write_table(made, folder / "data" / f"train-{shard:05}-of-{shards:05}.parquet")
    return folder


def zipped(folder: Path) -> Path:
    source = class_folders(folder / "set")
    with zipfile.ZipFile(folder / "set.zip", "w") as file:
        for path in sorted(source.rglob("*.png")):
            file.write(path, path.relative_to(folder))
    return folder / "set.zip"


def tarred(folder: Path) -> Path:
    with tarfile.open(folder / "set.tar.gz", "w:gz") as file:
        file.add(class_folders(folder / "set"), "set")
    return folder / "set.tar.gz"


def tiny_imagenet(folder: Path) -> Path:
    root = "tiny-imagenet-200"
    with zipfile.ZipFile(folder / "tiny.zip", "w") as file:
        file.writestr(f"{root}/wnids.txt", "n1\nn2\n")
        file.writestr(f"{root}/words.txt", "n1\tcat\nn2\tdog\n")
        for number in range(40):
            name = f"n{number % 2 + 1}"
            file.writestr(f"{root}/train/{name}/images/{name}_{number}.JPEG", encoded(number, "jpeg", size=64))
        lines = []
        for number in range(4):
            file.writestr(f"{root}/val/images/val_{number}.JPEG", encoded(number, "jpeg", size=64))
            lines.append(f"val_{number}.JPEG\tn{number % 2 + 1}\t0\t0\t62\t62\n")
        file.writestr(f"{root}/val/val_annotations.txt", "".join(lines))
    return folder / "tiny.zip"


def one_file(folder: Path) -> Path:
    (folder / "cat.png").write_bytes(encoded(0))
    return folder / "cat.png"


def broken(folder: Path) -> Path:
    class_folders(folder / "set")
    for path in sorted((folder / "set" / "cat").iterdir())[:6]:
        path.write_text("no image")
    return folder / "set"


def heic(folder: Path) -> Path:
    pytest.importorskip("pillow_heif").register_heif_opener()
    return class_folders(folder / "set", kind="heif", size=32)


DATA: dict[str, Callable[[Path], Path]] = {
    "a folder a class": lambda folder: class_folders(folder / "set"),
    "`train`, `val`, `test`, in each a folder a class": lambda folder: split_folders(folder / "set"),
    "classes that are called `train` and `car`": lambda folder: class_folders(folder / "set", names=("train", "car")),
    "a flat folder of images": lambda folder: flat(folder / "set"),
    "a folder with `metadata.csv`": lambda folder: metadata(folder / "set"),
    "a CSV of path,label": lambda folder: csv(folder / "set"),
    "Parquet, as of the Hugging Face hub": lambda folder: parquet(folder / "set"),
    "several Parquet shards": lambda folder: parquet(folder / "set", 3),
    "a `.zip` of class folders": zipped,
    "a `.tar.gz` of class folders": tarred,
    "Tiny ImageNet's zip": tiny_imagenet,
    "one image file": one_file,
    "16-bit grey PNG": lambda folder: class_folders(folder / "set", dtype=np.uint16, channels=1),
    "AVIF": lambda folder: class_folders(folder / "set", kind="avif", size=32),
    "HEIC (with `pip install 'ironglass[heic]'`)": heic,
    "images of which a quarter cannot be read": broken,
}


# ---- networks


def state(name: str = "Net") -> dict[str, torch.Tensor]:
    return {key: value.clone() for key, value in network(name).state_dict().items()}


def network(name: str = "Net") -> nn.Module:
    room: dict = {"__name__": "net"}
    exec(NET, room)
    return room[name]().know().eval()


def own(folder: Path, name: str, save: Callable[[Path], None] | None = None, file: str = "net.pt") -> list[str]:
    """`net.py:NAME`, with what `save` writes as its weights: a plain state dict where it is None."""
    (folder / "net.py").write_text(NET)
    path = folder / file
    torch.save(state(name), path) if save is None else save(path)
    return [f"{folder / 'net.py'}:{name}", "--weights", str(path)]


def untrained(folder: Path) -> list[str]:
    (folder / "net.py").write_text(NET)
    return [f"{folder / 'net.py'}:Net"]


def run_folder(folder: Path) -> list[str]:
    import ironglass as ig

    classifier = ig.load_classifier("simple-cnn", classes=CLASSES, size=16)
    ig.save_classifier(classifier, folder / "run")
    return [str(folder / "run")]


def of_timm(folder: Path) -> list[str]:
    import timm

    torch.manual_seed(0)
    save_file(timm.create_model("test_resnet", num_classes=2).state_dict(), folder / "fine.safetensors")
    return ["timm/test_resnet", "--weights", str(folder / "fine.safetensors"), "--size", "32"]


def of_torchvision(folder: Path) -> list[str]:
    from torchvision.models import squeezenet1_1

    torch.manual_seed(0)
    torch.save(squeezenet1_1(num_classes=2).state_dict(), folder / "fine.pth")
    return ["torchvision/squeezenet1_1", "--weights", str(folder / "fine.pth"), "--size", "32"]


def of_transformers(folder: Path) -> list[str]:
    transformers = pytest.importorskip("transformers")
    torch.manual_seed(0)
    names = dict(enumerate(CLASSES))
    shape = {"hidden_size": 8, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 8}
    config = transformers.ViTConfig(
        image_size=16, patch_size=8, id2label=names, label2id={v: k for k, v in names.items()}, **shape
    )
    transformers.ViTForImageClassification(config).save_pretrained(folder / "vit")
    transformers.ViTImageProcessor(size={"height": 16, "width": 16}).save_pretrained(folder / "vit")
    return [f"local-dir:{folder / 'vit'}"]


def lightning(path: Path) -> None:
    prefixed = {f"net.{key}": value for key, value in state().items()}
    torch.save(
        {"state_dict": prefixed, "epoch": 3, "pytorch-lightning_version": "2.6.6", "hyper_parameters": {"lr": 0.1}},
        path,
    )


def wrapped(path: Path) -> None:
    torch.save(
        {"epoch": 1, "model_state_dict": {f"module._orig_mod.{key}": value for key, value in state().items()}}, path
    )


def script(folder: Path) -> list[str]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it is deprecated, and people have its files
        torch.jit.trace(network(), torch.zeros(1, 3, 16, 16)).save(folder / "net.ts")
    return [str(folder / "net.ts")]


def exported(folder: Path) -> list[str]:
    torch.export.save(torch.export.export(network(), (torch.zeros(2, 3, 16, 16),)), folder / "net.pt2")
    return [str(folder / "net.pt2")]


def onnx(folder: Path) -> list[str]:
    pytest.importorskip("onnxscript")
    sizes = {0: torch.export.Dim("n")}
    torch.onnx.export(
        network(),
        (torch.zeros(2, 3, 16, 16),),
        folder / "net.onnx",
        dynamic_shapes=(sizes,),
        external_data=False,
        verbose=False,
    )
    return [str(folder / "net.onnx")]


MODELS: dict[str, Callable[[Path], list[str]]] = {
    "a run folder of ironglass": run_folder,
    "a class of your own with its weights": lambda folder: own(folder, "Net"),
    "the same without weights": untrained,
    "weights of `DataParallel` or `torch.compile`, as a script saves them": lambda folder: own(folder, "Net", wrapped),
    "a Lightning checkpoint": lambda folder: own(folder, "Net", lightning, "last.ckpt"),
    "a pickled module": lambda folder: own(folder, "Net", lambda path: torch.save(nn.Linear(2, 2), path)),
    "outputs (logits, features)": lambda folder: own(folder, "Pair"),
    "softmax at the end": lambda folder: own(folder, "Soft"),
    "a single logit for two classes": lambda folder: own(folder, "Single"),
    "bfloat16": lambda folder: own(folder, "Half"),
    "a name of timm with a fine-tuned file": of_timm,
    "a name of torchvision with a fine-tuned file": of_torchvision,
    "a folder of transformers": of_transformers,
    "TorchScript": script,
    "`torch.export`": exported,
    "ONNX (with `pip install 'ironglass[onnx]'`)": onnx,
}


KNOWING = {
    "a class of your own with its weights",
    "weights of `DataParallel` or `torch.compile`, as a script saves them",
    "a Lightning checkpoint",
    "outputs (logits, features)",
    "softmax at the end",
    "a single logit for two classes",
    "bfloat16",
    "TorchScript",
    "`torch.export`",
    "ONNX (with `pip install 'ironglass[onnx]'`)",
}
"""Rows whose networks tell the classes apart."""


# ---- the cells


@pytest.fixture(scope="module")
def photos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return class_folders(tmp_path_factory.mktemp("forms") / "photos")


@pytest.fixture(scope="module")
def brought(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., object]:
    """What a row's maker makes, once for all its cells."""
    made: dict[object, object] = {}

    def bring(maker: Callable[[Path], object]) -> object:
        if maker not in made:
            made[maker] = maker(tmp_path_factory.mktemp("brought"))
        return made[maker]

    return bring


@pytest.fixture
def ends(monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str], tmp_path: Path) -> Callable[..., None]:
    """Runs `ironglass ...` and checks that it ends as the cell says."""
    monkeypatch.chdir(tmp_path)

    def run(cell: str, *words: object) -> None:
        monkeypatch.setattr(sys, "argv", ["ironglass", *map(str, words), "--output", "run"])
        capfd.readouterr()
        status = _status()
        out, err = capfd.readouterr()
        told = f"{cell}: status {status}\n{out}\n{err}"
        said = re.search(r"“(.+)”", cell)
        if said:  # the true reason, or what is said beside the numbers
            assert said[1] in re.sub(r"\s+", " ", out + err), told
        assert "Traceback" not in err, told
        if cell.startswith("refused"):
            assert said, f"{cell}: give the reason"
            assert status == 2, told
            assert err.splitlines()[-1].startswith("ironglass: "), told
            assert not (tmp_path / "run").exists()
        else:
            assert cell.startswith("works"), f"{cell}: neither works nor refused"
            assert status == 0, told
            assert (tmp_path / "run").is_dir()

    return run


def way(cell: str, usual: str) -> str:
    """The method that a cell names, as in "works by occlusion"."""
    named = re.match(r"works by `([\w-]+)`", cell)
    return named[1] if named else usual


@pytest.mark.parametrize(("row", "verb"), cells("Your network"))
def test_networks(row: str, verb: str, photos: Path, brought: Callable, ends: Callable[..., None]) -> None:
    cell = table("Your network")[1][row][verb]
    few = ["--samples", "6", "--shown", "2"]
    how = {
        "evaluate": [],
        "explain": ["--methods", way(cell, "saliency"), "--quality", "2", *few],
        "attack": ["--attacks", way(cell, "pgd-2"), "--eps", "8/255", *few],
    }
    model, *more = brought(MODELS[row])
    ends(cell, verb, model, photos, *more, *how[verb])
    if verb == "evaluate" and row in KNOWING:  # works means the right number
        results = json.loads(Path("run", "results.json").read_text(encoding="utf-8"))
        assert results["evaluation"]["accuracy"]["value"] == 1


@pytest.mark.parametrize(("row", "verb"), cells("Your data"))
def test_data(row: str, verb: str, brought: Callable, ends: Callable[..., None]) -> None:
    cell, data = table("Your data")[1][row][verb], brought(DATA[row])
    if verb == "train":
        ends(cell, "train", "logistic", data, "--epochs", "1", "--batch-size", "8", "--size", "16")
    else:
        ends(cell, "predict", brought(run_folder)[0], data)


@pytest.mark.parametrize(("heading", "makers"), [("Your network", MODELS), ("Your data", DATA)])
def test_every_row_is_run(heading: str, makers: dict) -> None:
    verbs, rows = table(heading)
    assert list(rows) == list(makers)
    assert len(rows) >= 12
    assert all(cell for row in rows.values() for cell in row.values())
    assert verbs == (["evaluate", "explain", "attack"] if heading == "Your network" else ["train", "predict"])
