"""docs/traps.md: each row names a source and tests that are there; and the tests that no other file holds."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import torch
from torch import nn

import ironglass as ig

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
