"""Charts: their axes, marks and scales, and the way into the page."""

import re
import warnings

import numpy as np
import pytest

from ironglass.measure.statistics import wilson
from ironglass.report.audit import figures
from ironglass.report.kit import palette

HISTORY = [
    {"stage": s, "epoch": e, "train_loss": 1 / e, "train_accuracy": 0.5 + 0.1 * e, "validation_loss": v,
     "validation_accuracy": None if v is None else 0.5 + 0.08 * e}
    for s, e, v in ((0, 1, 1.1), (0, 2, None), (1, 3, 0.6), (1, 4, 0.7))
]  # fmt: skip


def svg(draw, *args, **kwargs) -> str:
    (text,) = palette.drawn(draw, *args, kinds=("svg",), **kwargs)
    return text.decode()


@pytest.mark.parametrize("narrow", [False, True])
def test_training_marks_the_kept_epoch_and_the_border_of_stages(narrow):
    loss, accuracy = figures.training(HISTORY, kept=3, narrow=narrow).axes
    for axes in (loss, accuracy):
        assert [line.get_xdata()[0] for line in axes.lines if line.get_linestyle() == ":"] == [2.5]
        (ring,) = [line for line in axes.lines if line.get_label() == "kept"]
        assert ring.get_xdata()[0] == 3
    assert accuracy.get_xlabel() == "epoch"


def test_training_names_each_stage_where_it_begins():
    rows = [row | ({"stage_name": "from conv6"} if row["stage"] else {}) for row in HISTORY]
    rows += [rows[-1] | {"stage": 2, "epoch": 5, "stage_name": ""}]
    texts = figures.training(rows).axes[0].texts
    assert [(text.get_text(), text.xy[0]) for text in texts] == [("from conv6", 2.5), ("stage 3", 4.5)]


def test_training_without_validation_shows_the_other_curve():
    rows = [row | {"validation_loss": None, "validation_accuracy": None} for row in HISTORY]
    labels = [line.get_label() for line in figures.training(rows).axes[0].lines]
    assert "train" in labels
    assert "validation" not in labels


def test_confusion_writes_every_count_and_names_its_axes():
    axes = figures.confusion([[8, 2], [1, 9]], ["cat", "dog"]).axes[0]
    assert [text.get_text() for text in axes.texts] == ["8", "2", "1", "9"]
    assert [patch.get_alpha() for patch in axes.patches] == [0.8, 0.2, 0.1, 0.9]
    assert (axes.get_xlabel(), axes.get_ylabel()) == ("predicted class", "true class")
    assert axes.get_ylim() == (1.5, -0.5), "the first class stands above"


def test_a_class_without_images_is_not_divided_by_nought():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        axes = figures.confusion([[5, 0], [0, 0]], ["cat", "dog"]).axes[0]
    assert axes.patches[3].get_alpha() == 0


def test_large_confusions_are_colour_only():
    axes = figures.confusion(np.eye(30, dtype=int).tolist(), [str(i) for i in range(30)]).axes[0]
    assert not axes.texts
    assert len(axes.images) == 1


def test_fgsm_has_both_units_and_its_band():
    points = [{"eps": k / 255, "accuracy": wilson(a, 100)} for k, a in ((8, 10), (0, 90), (2, 40))]
    figure = figures.fgsm({"points": points})
    axes = figure.axes[0]
    assert axes.lines[0].get_xdata().tolist() == pytest.approx([0, 2, 8])
    assert axes.lines[0].get_ydata().tolist() == pytest.approx([0.9, 0.4, 0.1])
    assert "1/255" in axes.get_xlabel()
    (above,) = axes.child_axes
    figure.draw_without_rendering()
    assert above.get_xlim()[1] == pytest.approx(axes.get_xlim()[1] / 255)
    band = axes.collections[0].get_datalim(axes.transData)
    assert band.y1 == pytest.approx(points[1]["accuracy"]["high"])
    assert band.y0 == pytest.approx(points[0]["accuracy"]["low"])


def test_occlusion_puts_every_mask_on_a_line_with_its_interval():
    masks = [
        {"name": name, "mean": wilson(80, 100), "worst": wilson(w, 100)} for name, w in (("grey", 50), ("blur", 40))
    ]
    axes = figures.occlusion({"masks": masks, "clean": wilson(95, 100)}).axes[0]
    assert [label.get_text() for label in axes.get_yticklabels()] == ["grey", "blur"]
    worst = axes.containers[1]
    assert worst[0].get_xdata().tolist() == [0.5, 0.4]
    (segments,) = [bars.get_segments() for bars in worst[2]]
    assert segments[0][:, 0].tolist() == pytest.approx([wilson(50, 100)["low"], wilson(50, 100)["high"]])


@pytest.mark.parametrize("count", [1, 6, 50])
def test_layers_of_any_depth_are_drawn(count):
    rows = [
        {"name": f"l{i}", "concentration": wilson(30, 100), "agreement": wilson(40, 100) if i else None,
         "probe": wilson(60, 100), "without_layout": wilson(50, 100), "without_layer": wilson(20, 100)}
        for i in range(count)
    ]  # fmt: skip
    figure = figures.layers({"layers": rows, "chance": 0.2})
    probe = figure.axes[0].lines[0]
    assert len(probe.get_xdata()) == count
    assert "layer" in figure.axes[1].get_xlabel()
    svg(figures.layers, {"layers": rows, "chance": 0.2}, narrow=True)


def test_same_input_same_bytes_and_no_date():
    first, second = (palette.drawn(figures.training, HISTORY, kinds=("svg", "png"), kept=3) for _ in range(2))
    assert first == second
    assert b"<dc:date>" not in first[0]


def test_the_users_matplotlib_is_left_alone():
    import matplotlib

    before = dict(matplotlib.rcParams)
    svg(figures.training, HISTORY)
    assert dict(matplotlib.rcParams) == before


def test_inline_svg_follows_the_theme_and_keeps_its_ids_to_itself():
    raw = palette.drawn(figures.confusion, [[8, 2], [1, 9]], ["<b>", "$x$ & y"], kinds=("svg",))[0]
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
