"""Colours and drawing: the same bytes each time, and the way into the page."""

import re

import numpy as np
import pytest
from matplotlib.figure import Figure
from matplotlib.image import AxesImage

from ironglass.report.evaluation.chart import confusion
from ironglass.report.kit import palette
from ironglass.report.training.chart import training

HISTORY = [
    {"stage": 0, "epoch": e, "train_loss": 1 / e, "train_accuracy": 0.5 + 0.1 * e, "validation_loss": 1.2 / e,
     "validation_accuracy": 0.5 + 0.08 * e}
    for e in (1, 2, 3)
]  # fmt: skip


def test_same_input_same_bytes_and_no_date():
    kinds = ("svg", "png", "pdf")
    first, second = (palette.drawn(training, HISTORY, kinds=kinds, best_epoch=3) for _ in range(2))
    assert first == second
    assert b"<dc:date>" not in first[0]
    assert first[2].startswith(b"%PDF-")
    assert b"CreationDate" not in first[2]


@pytest.mark.parametrize("kinds", [("png",), ("svg", "png")])
def test_a_sheet_resamples_its_images_once(kinds: tuple[str, ...], monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[AxesImage] = []
    make_image = AxesImage.make_image

    def counted(image, *args, **kwargs):
        made.append(image)
        return make_image(image, *args, **kwargs)

    def sheet() -> Figure:
        figure = Figure((4, 2))
        for axes in figure.subplots(1, 3):
            axes.imshow(np.eye(5))
        return figure

    monkeypatch.setattr(AxesImage, "make_image", counted)
    palette.drawn(sheet, kinds=kinds)
    assert len(made) == 3 * len(kinds)


def test_the_users_matplotlib_is_left_alone():
    import matplotlib

    before = dict(matplotlib.rcParams)
    palette.drawn(training, HISTORY, kinds=("svg",))
    assert dict(matplotlib.rcParams) == before


def test_inline_svg_follows_the_theme_and_keeps_its_ids_to_itself():
    raw = palette.drawn(confusion, [[8, 2], [1, 9]], ["<b>", "$x$ & y"], kinds=("svg",))[0]
    page = str(palette.inline_svg(raw, "chart-7", 'a "label"'))
    assert not re.search(r"(fill|stroke): #[0-9a-f]{6}", page)
    assert "var(--ink)" in page
    assert "var(--heat)" in page
    ids = re.findall(r'\bid="([^"]+)"', page)
    assert ids
    assert all(name.startswith("chart-7-") for name in ids)
    used = re.findall(r'(?:href="#|url\(#)([^")]+)', page)
    assert used
    assert set(used) <= set(ids)
    assert "<b>" not in page
    assert "&lt;b&gt;" in page
    assert "$x$ &amp; y" in page
    assert 'aria-label="a &#34;label&#34;"' in page
    assert "http" not in page
    assert "font-family" not in page


@pytest.mark.parametrize("which", [0, 1], ids=["light", "dark"])
def test_every_text_colour_can_be_read(which):
    def luminance(colour: str) -> float:
        parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
        linear = [p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts]
        return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]

    def contrast(text: str, ground: str) -> float:
        pair = sorted((luminance(palette.COLOURS[text][which]), luminance(palette.COLOURS[ground][which])))
        return (pair[1] + 0.05) / (pair[0] + 0.05)

    for text in ("ink", "muted", "accent", "right", "wrong"):
        assert contrast(text, "paper") >= 4.5, text
        assert contrast(text, "wash") >= 4.5, text
    assert contrast("ink", "heat") >= 4.5
