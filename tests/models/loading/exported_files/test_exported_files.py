"""Networks in files of their own: TorchScript, torch.export's programs and ONNX."""

import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

import ironglass as ig
from ironglass.attacks import ATTACKS
from ironglass.data.dataset import Split
from ironglass.errors import InputError
from ironglass.explain import EXPLAINERS
from ironglass.models import Classifier, load_classifier
from ironglass.models.loading.exported_files.batches import FixedBatches, InputSpec
from ironglass.models.loading.exported_files.onnx_network import Onnx
from ironglass.models.loading.forms.exported_file import geometry_of

CLASSES = ("cat", "dog", "eel")
IMAGES = torch.rand(5, 3, 12, 12, generator=torch.Generator().manual_seed(0))
LABELS = torch.arange(5) % 3


def network() -> nn.Module:
    torch.manual_seed(0)
    return nn.Sequential(
        nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.ReLU(), nn.Dropout(0.2), nn.AdaptiveAvgPool2d(3), nn.Flatten(),
        nn.Linear(36, 3),
    )  # fmt: skip


def program(net: nn.Module, path: Path, batch: int | None = 2) -> Path:
    shapes: Any = None if batch else ({0: torch.export.Dim("n")},)
    torch.export.save(torch.export.export(net, (torch.rand(batch or 2, 3, 12, 12),), dynamic_shapes=shapes), path)
    return path


def onnx(net: nn.Module, path: Path, batch: int | None = 2) -> Path:
    pytest.importorskip("onnxruntime")
    pytest.importorskip("onnxscript")
    shapes: Any = None if batch else ({0: torch.export.Dim("n")},)
    given = (torch.rand(batch or 2, 3, 12, 12),)
    torch.onnx.export(net, given, path, dynamic_shapes=shapes, external_data=False, verbose=False)
    return path


def scripted(net: nn.Module, path: Path, *, traced: bool = False) -> Path:
    torch.jit.save(torch.jit.trace(net, IMAGES[:2]) if traced else torch.jit.script(net), path)
    return path


WRITE: dict[str, Callable[[nn.Module, Path], Path]] = {
    "scripted.pt": lambda net, folder: scripted(net, folder / "scripted.pt"),
    "traced.ts": lambda net, folder: scripted(net, folder / "traced.ts", traced=True),
    "fixed.pt2": lambda net, folder: program(net, folder / "fixed.pt2"),
    "any.pt2": lambda net, folder: program(net, folder / "any.pt2", None),
    "fixed.onnx": lambda net, folder: onnx(net, folder / "fixed.onnx"),
    "any.onnx": lambda net, folder: onnx(net, folder / "any.onnx", None),
}


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    folder = tmp_path_factory.mktemp("exported")

    def written(name: str) -> Path:
        if not (folder / name).is_file():
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                WRITE[name](network().eval(), folder)
        return folder / name

    return written


def load(path: Path, **fields: Any) -> Classifier:
    options: dict[str, Any] = {"size": 12} | fields
    return load_classifier(str(path), classes=CLASSES, **options)


@pytest.mark.parametrize("name", WRITE)
def test_answers_as_the_network_that_was_exported(name: str, files: Callable[[str], Path]) -> None:
    classifier, plain = load(files(name)), network().eval()
    for n in (1, 2, 3, 5):
        torch.testing.assert_close(classifier(IMAGES[:n]).detach(), plain(IMAGES[:n]).detach(), atol=1e-5, rtol=1e-5)
    assert classifier.input_size == (12, 12)
    split = Split((IMAGES.permute(0, 2, 3, 1).numpy() * 255).astype(np.uint8), LABELS.numpy(), tuple("abcde"))
    assert ig.evaluate(classifier, split)[0]["accuracy"]["n"] == 5
    assert ("2 images at a time" in " ".join(classifier.remarks)) == ("fixed" in name)


@pytest.mark.parametrize("name", WRITE)
def test_what_needs_no_gradient_works_and_what_needs_one_is_right_or_refused(
    name: str, files: Callable[[str], Path]
) -> None:
    classifier = load(files(name))
    plain = Classifier(network().eval(), mean=(0,) * 3, std=(1,) * 3, classes=CLASSES, input_size=12)
    for method, settings in (("occlusion", {"patch": 4, "stride": 2}), ("saliency", {})):
        if method == "saliency" and "onnx" in name:
            continue
        found = ig.explain(classifier, IMAGES, LABELS, method, **settings)
        torch.testing.assert_close(found, ig.explain(plain, IMAGES, LABELS, method, **settings), atol=1e-5, rtol=1e-3)
    found = ig.attack(classifier, IMAGES, LABELS, "square-30", eps=0.3)
    assert torch.equal(found.adversarial, ig.attack(plain, IMAGES, LABELS, "square-30", eps=0.3).adversarial)
    for method, explainer in EXPLAINERS.items():
        if getattr(explainer, "black_box", False):
            settings = {"budget": 100} if hasattr(explainer, "budget") else {"patch": 4, "stride": 2}
            torch.testing.assert_close(
                ig.explain(classifier, IMAGES, LABELS, method, **settings),
                ig.explain(plain, IMAGES, LABELS, method, **settings),
                atol=1e-5,
                rtol=1e-3,
            )
            continue
        try:
            ig.explain(classifier, IMAGES, LABELS, method)
        except InputError as refusal:
            assert "\n" not in str(refusal)  # noqa: PT017
            reason = "no convolutional layer" if method == "score-cam" else "no gradient"
            assert "onnx" not in name or reason in str(refusal)  # noqa: PT017
        else:
            assert "onnx" not in name
    for attack in ATTACKS if "onnx" in name else ():
        if attack not in ("square", "noise"):
            with pytest.raises(InputError, match=r"ONNX network gives no gradient, which .* needs: choose square"):
                ig.attack(classifier, IMAGES, LABELS, attack)


class Slow(nn.Module):
    """Images in, logits out, of whole batches of four only."""

    def forward(self, images: Tensor) -> dict[str, Any]:
        assert len(images) == 4
        return {"logits": images.mean((2, 3)), "parts": (images.sum(), images[:, 0])}


@pytest.mark.parametrize("n", [1, 4, 6, 8])
def test_a_network_of_one_batch_size_is_given_parts_of_it(n: int) -> None:
    images = torch.rand(n, 3, 4, 4)
    found = FixedBatches(Slow(), InputSpec(batch=4))(images)
    torch.testing.assert_close(found["logits"], images.mean((2, 3)))
    torch.testing.assert_close(found["parts"][1], images[:, 0])


def write_text(folder: Path, name: str, content: bytes) -> Path:
    (folder / name).write_bytes(content)
    return folder / name


class Lots(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return x.mean((2, 3)) + torch.rand(3)


REFUSED: dict[str, tuple[Callable[[Path], Path], str]] = {
    "absent.pt2": (lambda folder: folder / "absent.pt2", "there is no model"),
    "no archive.pt": (lambda folder: write_text(folder, "a.pt", b"weights"), "no TorchScript"),
    "no onnx.onnx": (lambda folder: write_text(folder, "a.onnx", b"\x00\x01no"), "cannot be read as ONNX"),
    "empty.onnx": (lambda folder: write_text(folder, "a.onnx", b""), "cannot be read as ONNX|no input"),
    "weights.pt": (
        lambda folder: [torch.save(network().state_dict(), folder / "w.pt"), folder / "w.pt"][1],
        r"holds weights or a pickled module.*file\.py:function with --weights",
    ),
    "pickled.pth": (
        lambda folder: [torch.save(network(), folder / "w.pth"), folder / "w.pth"][1],
        "holds weights or a pickled module",
    ),
    "in training.pt2": (lambda folder: program(network().train(), folder / "t.pt2"), "exported in training mode"),
    "draws lots.pt2": (
        lambda folder: program(Lots(), folder / "l.pt2"),
        "exported in training mode: it gives other outputs",
    ),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_holds_no_network_is_refused_in_one_line(name: str, tmp_path: Path) -> None:
    make, says = REFUSED[name]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        path = make(tmp_path)
    with pytest.raises(InputError, match=says) as refusal:
        load(path)
    assert "\n" not in str(refusal.value)


@pytest.mark.parametrize("name", WRITE)
@pytest.mark.parametrize("cut", [0.3, 0.9])
def test_a_damaged_file_is_refused_in_one_line(
    name: str, cut: float, files: Callable[[str], Path], tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    whole = files(name).read_bytes()
    with pytest.raises(InputError) as refusal:
        load(write_text(tmp_path, name, whole[: int(cut * len(whole))]))
    assert "\n" not in str(refusal.value)
    assert "Traceback" not in capfd.readouterr().err


def test_what_is_asked_must_fit_the_file(files: Callable[[str], Path]) -> None:
    assert geometry_of(files("fixed.pt2")) == ((12, 12), 3)
    for name in ("fixed.pt2", "any.onnx"):
        with pytest.raises(InputError, match="12 × 12 alone, not 20 × 20"):
            load(files(name), size=20)
        with pytest.raises(InputError, match="3 channels, and 1 are given"):
            load(files(name), channels=1)
        with pytest.raises(InputError, match="its own weights"):
            load(files(name), pretrained=True)
        with pytest.raises(InputError, match="takes no options"):
            load(files(name), depth=3)
    with pytest.raises(InputError, match=r"3 outputs an image and there are 2 class names"):
        load_classifier(str(files("any.pt2")), classes=("a", "b"), size=12)


def test_onnx_is_trained_by_nobody(files: Callable[[str], Path], tmp_path: Path) -> None:
    classifier = load(files("any.onnx"))
    assert isinstance(classifier.network, FixedBatches)
    assert isinstance(classifier.network.network, Onnx)
    pixels = (IMAGES.permute(0, 2, 3, 1).numpy() * 255).astype(np.uint8)
    split = Split(pixels, LABELS.numpy(), tuple("abcde"))
    data = ig.Dataset("few", {"train": split, "validation": split}, CLASSES, "few")
    with pytest.raises(InputError, match="outside torch"):
        ig.fit(classifier, data, ig.Recipe(stages=(ig.Stage(epochs=1),)), tmp_path / "run")
    assert not (tmp_path / "run").exists()
