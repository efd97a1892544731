"""What many maps tell together, on drawn images and a network of which we know where it looks."""

from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from ironglass.data.dataset import Split
from ironglass.data.sources.planted import CLASSES, COLOURS, planted_split
from ironglass.models.classifier import Classifier
from ironglass.models.predict import logits_of
from ironglass.plans.audit import Audit
from ironglass.plans.explanation import Explained
from ironglass.report.explanation.words import shortcut_words
from ironglass.results.codec import from_dict
from ironglass.results.numbers import Rate
from ironglass.results.quality import ShortcutRegion, Shortcuts
from ironglass.run import Run
from ironglass.studies.steps.explanation.step import explain_split


class Corner(nn.Module):
    """Names the class whose mark's colour is nearest to the corner's."""

    def __init__(self) -> None:
        super().__init__()
        self.colours = nn.Parameter(torch.from_numpy(COLOURS / 255.0).float())

    def forward(self, images: Tensor) -> Tensor:
        seen = images[:, :, 1:6, 1:6].mean((2, 3))
        return -8 * (seen[:, None] - self.colours).square().sum(2)


def look(folder: Path, split: Split, **fields: object) -> dict:
    classifier = Classifier(Corner(), mean=(0,) * 3, std=(1,) * 3, classes=CLASSES, input_size=32)
    asked = {"methods": ("integrated-gradients", "saliency"), "quality": 0} | fields
    plan = Audit(dataset="planted-shortcut", shown=0, explained=Explained(**asked))  # type: ignore[arg-type]
    run = Run(folder)
    logits = logits_of(classifier, split)
    explain_split(
        run,
        plan,
        classifier,
        split,
        logits,
        name="test",
        patch=8,
        stride=4,
        progress=lambda what, done, of, detail: None,
    )
    return run.results


def test_a_network_that_looks_at_the_mark_is_caught(tmp_path: Path) -> None:
    found = look(tmp_path, planted_split("test", 120, shortcut=True))
    assert found["shortcuts"]["by"] == "integrated-gradients"
    assert found["shortcuts"]["n"] == 120
    caught = [one for one in found["shortcuts"]["places"] if one["shortcut"]]
    assert {one["class"] for one in caught} >= set(CLASSES)
    assert all(one["place"] == [0, 0, 8, 8] for one in caught)
    said = shortcut_words(from_dict(Shortcuts, found["shortcuts"], file=""))
    assert "the region at rows 1 to 8, columns 1 to 8 alone turns" in said
    known = found["evidence"]
    assert known["areas"]["mark"] == pytest.approx(25 / 1024)
    assert set(known["methods"]) == {"integrated-gradients", "saliency"}
    integrated = known["methods"]["integrated-gradients"]  # the network sees nothing else, so neither do they
    assert integrated["mark"]["mass"]["value"] == pytest.approx(1)
    assert integrated["shape"]["mass"]["value"] == pytest.approx(0)
    assert integrated["mark"]["points"]["value"] == 1


def test_what_cannot_be_looked_for_is_left_out(tmp_path: Path) -> None:
    split = planted_split("test", 60, shortcut=True)
    assert "shortcuts" not in look(tmp_path / "few", split.take(np.arange(20)))
    assert "shortcuts" not in look(tmp_path / "true", split, target="true")
    assert "shortcuts" not in look(tmp_path / "coarse", split, methods=("saliency",))


def test_words_for_every_outcome() -> None:
    one = ShortcutRegion(class_="cat", place=(0, 4, 8, 12), share=2.0, share_elsewhere=1.0, rate=rate(0.3),
                        control=rate(0.1), p=0.5, shortcut=False)  # fmt: skip
    assert "nothing to paste" in shortcut_words(Shortcuts(by="saliency", n=60, places=()))
    said = shortcut_words(Shortcuts(by="saliency", n=60, places=(one,)))
    assert said.startswith("No shortcut was found. The region that turns most, rows 1 to 8, columns 5 to 12, turns 30")


def rate(value: float) -> Rate:
    return Rate(value=value, low=value - 0.1, high=value + 0.1, n=60)
