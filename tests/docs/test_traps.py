"""docs/traps.md: each row names a source and tests that are there; and the tests that no other file holds."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn
from torchvision.transforms import v2

import ironglass as ig
from ironglass.data.dataset import Split

ROOT = Path(__file__).parents[2]
ROWS = [
    [cell.strip() for cell in line.strip().strip("|").split("|")]
    for line in (ROOT / "docs" / "traps.md").read_text(encoding="utf-8").splitlines()
    if line.startswith("| ") and not line.startswith(("| ---", "| Library"))
]


def test_there_are_rows() -> None:
    assert len(ROWS) >= 15
    assert all(len(row) == 4 for row in ROWS), [row[0] for row in ROWS if len(row) != 4]


@pytest.mark.parametrize("row", ROWS, ids=lambda row: re.sub(r"\W+", "-", row[0])[:30])
def test_its_source_and_its_tests_are_there(row: list[str]) -> None:
    sources = re.findall(r"`(findings/[\w]+\.sh|tests/[\w/]+\.py)", row[2])
    held = re.findall(r"`(tests/[\w/]+\.py)::(\w+)`", row[3])
    assert sources, row
    assert held, row
    for source in sources:
        assert (ROOT / source).is_file(), source
    for file, test in held:
        assert f"def {test}(" in (ROOT / file).read_text(encoding="utf-8"), f"{file}::{test}"


def test_every_finding_is_on_the_page() -> None:
    page = (ROOT / "docs" / "traps.md").read_text(encoding="utf-8")
    missing = [path.name for path in (ROOT / "findings").glob("*.sh") if path.name not in page]
    assert not missing


def test_the_tests_of_what_was_left_out_are_there() -> None:
    text = (ROOT / "docs" / "traps.md").read_text(encoding="utf-8").partition("## Looked at and left out")[2]
    held = re.findall(r"`(tests/[\w/]+\.py)::(\w+)`", text)
    assert len(held) >= 2
    for file, test in held:
        assert f"def {test}(" in (ROOT / file).read_text(encoding="utf-8"), f"{file}::{test}"


def network(classes: int = 5) -> nn.Sequential:
    torch.manual_seed(0)
    return nn.Sequential(nn.Conv2d(3, 8, 3, padding=1), nn.ReLU(), nn.Flatten(), nn.Linear(8 * 8 * 8, classes)).eval()


def classifier_of(module: nn.Module) -> ig.Classifier:
    return ig.Classifier(module, mean=(0.0,) * 3, std=(1.0,) * 3, classes=tuple("abcde"), input_size=8)


def black_and_white(n: int) -> torch.Tensor:
    return (torch.rand(n, 3, 8, 8, generator=torch.Generator().manual_seed(1)) > 0.5).float()


def test_carlini_wagner_moves_black_and_white_pixels() -> None:
    classifier, images = classifier_of(network()), black_and_white(8)
    labels = classifier(images).argmax(1)
    settings = {"eps": 2.0, "norm": "l2", "steps": 200, "step_size": 0.05}
    result = ig.attack(classifier, images, labels, method="carlini-wagner", **settings)
    assert result.fooled.all()
    assert ((result.adversarial != images) & (images == 0)).any()
    assert ((result.adversarial != images) & (images == 1)).any()


class Clamping(nn.Module):
    """A network that first clips what it is given to [0, 1]."""

    def __init__(self) -> None:
        super().__init__()
        self.network = network()

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        return self.network(images.clamp(0, 1))


def test_a_clamp_at_the_input_is_never_trusted_on_black_and_white_images() -> None:
    images = black_and_white(120)
    clamping, plain = classifier_of(Clamping()), classifier_of(network())
    labels = plain(images).argmax(1)
    results = [ig.attack(one, images, labels, method="fgsm", eps=0.1) for one in (plain, clamping)]
    fooled = [result.fooled.float().mean().item() for result in results]
    assert fooled[0] > 0.5
    words = [result.verdict.word for result in results]
    assert fooled[1] >= fooled[0] - 0.03 or words[1] == "invalid", (fooled, results[1].verdict)


def test_a_network_that_augments_in_evaluation_is_never_trusted() -> None:
    images = torch.rand(120, 3, 8, 8, generator=torch.Generator().manual_seed(4))
    plain, augmenting = network(), nn.Sequential(v2.RandomErasing(p=1), network()).eval()
    labels = classifier_of(plain)(images).argmax(1)
    verdicts = [
        ig.attack(classifier_of(one), images, labels, "pgd-20", eps=0.02).verdict for one in (plain, augmenting)
    ]
    assert not any("deterministic" in reason for reason in verdicts[0].reasons)
    assert verdicts[1].word == "invalid"
    assert "deterministic" in verdicts[1].reasons[0]


def test_weights_that_are_not_contiguous_are_saved_as_they_are(tmp_path: Path) -> None:
    module = network()
    with torch.no_grad():
        module[3].weight = nn.Parameter(module[3].weight.t().contiguous().t())
        module[0].weight = nn.Parameter(module[0].weight.to(memory_format=torch.channels_last))
    assert not module[3].weight.is_contiguous()
    classifier = classifier_of(module)
    ig.save_classifier(classifier, tmp_path)
    from safetensors.torch import load_file

    stored = load_file(tmp_path / "model.safetensors")
    for name, value in module.state_dict().items():
        assert torch.equal(stored[name], value), name


@pytest.mark.parametrize("norm", ["linf", "l2"])
@pytest.mark.parametrize("steps", [2, 3, 5])
def test_a_few_steps_of_pgd_are_not_weaker_than_one(norm: str, steps: int) -> None:
    classifier = classifier_of(network())
    images = torch.rand(200, 3, 8, 8, generator=torch.Generator().manual_seed(2))
    labels = classifier(images).argmax(1)
    eps = 0.02 if norm == "linf" else 0.3
    one, few = (ig.attack(classifier, images, labels, name, eps=eps, norm=norm) for name in ("fgsm", f"pgd-{steps}"))
    assert 20 < int(one.fooled.sum()) < 180
    assert few.fooled.sum() >= 0.95 * one.fooled.sum()


def test_what_is_not_hidden_stays_as_it_is() -> None:
    images = torch.rand(2, 3, 8, 8, generator=torch.Generator().manual_seed(3))
    for fill in ("grey", "black", "white", "blur"):
        seen: list[torch.Tensor] = []

        class Seen(nn.Module):
            def forward(self, images: torch.Tensor) -> torch.Tensor:
                seen.append(images.clone())  # noqa: B023
                return images.flatten(1)[:, :5]

        ig.explain(classifier_of(Seen()), images, torch.tensor([0, 1]), "occlusion", patch=4, stride=4, fill=fill)
        passes = torch.cat([one for one in seen if one.shape[1:] == images.shape[1:]])
        for image in images:
            changed = [(one != image).any(0) for one in passes if (one == image).float().mean() > 0.7]
            assert sum(bool(one.any()) for one in changed) >= 4
            assert all(int(one.sum()) <= 16 for one in changed)


def test_a_split_holds_the_pixels_that_it_is_given() -> None:
    pixels = ig.load_dataset("digits").test.pixels[:4].copy()
    pixels[:, :2] = 77
    split = Split(pixels, np.array([0, 1, 2, 3]), tuple("wxyz"))
    images, _ = split[:4]
    torch.testing.assert_close(images[:, :, :2], torch.full_like(images[:, :, :2], 77 / 255))


def test_digits_go_from_black_to_white() -> None:
    images, _ = ig.load_dataset("digits").test[:]
    assert (float(images.min()), float(images.max())) == (0, 1)


class Chosen(nn.Module):
    """Logits that a table gives, for the image whose first pixel is the row's number of 255."""

    def __init__(self, rows: list[list[float]]) -> None:
        super().__init__()
        self.rows = torch.tensor(rows)

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        return self.rows[(255 * images[:, 0, 0, 0]).round().long()]


def answers(rows: list[list[float]], labels: list[int]) -> dict[str, object]:
    names = tuple("abcde"[: len(rows[0])])
    classifier = ig.Classifier(Chosen(rows), mean=(0.0,), std=(1.0,), classes=names, input_size=2)
    pixels = np.arange(len(rows), dtype=np.uint8).reshape(-1, 1, 1, 1).repeat(2, 1).repeat(2, 2)
    return ig.evaluate(classifier, Split(pixels, np.array(labels), tuple(map(str, labels))))[0]


def test_one_answer_of_a_class_without_images_hardly_moves_the_mean() -> None:
    labels = [0] * 50 + [1] * 50
    rows = 9 * torch.eye(3)[[2, *labels[1:]]]
    found = answers(rows.tolist(), labels)
    assert found["macro_f1"] == pytest.approx((2 * 49 / 99 + 1) / 2)


def test_the_loss_of_certain_mistakes_is_not_clipped() -> None:
    assert answers([[60.0, 0.0], [60.0, 0.0]], [0, 1])["loss"] == pytest.approx(30)
