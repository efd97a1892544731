"""Corrupted images in the report: the chart, the sentence, the pictures and the table hold the numbers."""

import re
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import save_file

from ironglass.errors import InputError
from ironglass.measure.corruption import corruption_numbers
from ironglass.report import write_report
from ironglass.report.corruption.chart import corruption
from ironglass.report.corruption.section import SECTION
from ironglass.report.corruption.words import corruption_words
from ironglass.results.codec import from_dict, to_dict
from ironglass.results.evaluation import Corruptions
from ironglass.results.sections import Results
from ironglass.run import Run

NAMES = ("fog", "jpeg")


def numbers(**right: list[int]) -> Corruptions:
    """Of 10 images 9 are right unchanged, and so many at each severity."""
    flags = {name: np.stack([np.arange(10) < n for n in counts]) for name, counts in right.items()}
    found = {"split": "test", **corruption_numbers(np.arange(10) < 9, flags, size=(64, 64), seed=0)}
    return from_dict(Corruptions, found, file="")


@pytest.fixture
def measured() -> Corruptions:
    return numbers(fog=[8, 6, 4, 2, 0], jpeg=[9, 9, 9, 8, 8])


@pytest.mark.parametrize("narrow", [False, True])
def test_the_chart_has_every_number(measured: Corruptions, narrow: bool) -> None:
    axes = corruption(measured, narrow=narrow).axes[0]
    assert [text.get_text() for text in axes.texts] == [
        *("90", "80", "60", "40", "20", "0", "40"),
        *("90", "90", "90", "90", "80", "80", "86"),
    ]
    assert [patch.get_alpha() for patch in axes.patches][:4] == [0.9, 0.8, 0.6, 0.4]
    heads = [label.get_text() for label in axes.get_xticklabels()]
    assert heads == ["none", "1", "2", "3", "4", "5", "mean"]
    assert [label.get_text() for label in axes.get_yticklabels()] == ["Fog", "JPEG"]


def test_the_sentence(measured: Corruptions) -> None:
    assert corruption_words(measured).replace("\u202f", " ") == (
        "Of 10 images 90.0 % are classified correctly as they are, "
        "and 63.0 % on average over 2 corruptions at five severities. "
        "Fog hurts most: it costs 50.0 points on average and leaves 0.0 % at severity 5. "
        "JPEG hurts least: it costs 4.0 points."
    )
    one = numbers(jpeg=[10, 10, 10, 10, 9])
    assert corruption_words(one).replace("\u202f", " ").endswith(
        "and 98.0 % under JPEG, averaged over five severities; at severity 5, 90.0 %."
    )  # fmt: skip


def test_the_card(measured: Corruptions) -> None:
    card, *others = SECTION.headlines(Results(corruptions=measured))
    assert card.rate == measured.mean
    assert card.detail == "mean of 2 corruptions, five severities"
    assert [(one.first, one.detail) for one in others] == [
        (False, "on the same images unchanged"), (False, "Fog, five severities"), (False, "JPEG, five severities")
    ]  # fmt: skip
    card, _ = SECTION.headlines(Results(corruptions=numbers(fog=[9, 9, 9, 9, 9])))
    assert card.detail == "Fog, five severities"


def test_the_page_has_table_and_pictures(tmp_path: Path, measured: Corruptions) -> None:
    run = Run.create(tmp_path / "run", {"name": "corrupted"})
    run.write("data.json", {"classes": ["cat", "<b>dog</b>"]})
    run.record("corruptions", to_dict(measured))
    shown = [{"prediction": "<b>dog</b>", "confidence": 0.9, "correct": i == 0} for i in range(3)]
    entries = [{"name": name, "images": shown} for name in NAMES]
    facts = {"name": "test/7", "label": 1, "right": True, "severities": [1, 3, 5], "corruptions": entries}
    run.write("corruptions.json", facts)
    tensors = {name: np.full((3, 8, 8, 1), 99, dtype=np.uint8) for name in NAMES}
    save_file(tensors | {"image": np.zeros((8, 8, 1), dtype=np.uint8)}, run.path / "corruptions.safetensors")
    page = write_report(run).read_text(encoding="utf-8")
    section = page[page.index('<section id="corruptions"') :]
    section = section[: section.index("</section>")]
    assert "strengths for Tiny ImageNet-C" in section
    assert len(re.findall("<img ", section)) == 1 + 6
    assert section.count("&lt;b&gt;dog&lt;/b&gt;") == 2 + 6  # the text, the image itself, and what each is taken for
    assert "<b>dog</b>" not in section
    table = section[section.index("<table>") : section.index("</table>")]
    assert [len(re.findall("<td", row)) for row in table.split("<tr>")[2:]] == [6] * 4
    assert (run.path / "figures/corruptions.png").is_file()

    (run.path / "corruptions.safetensors").write_bytes(b"no tensors")
    with pytest.raises(InputError, match=r"corruptions\.safetensors cannot be read"):
        write_report(run)
