"""The chart of several attacks: where its lines lie, and that they can be told apart."""

import pytest

from ironglass.measure.statistics import wilson
from ironglass.report.attack.chart import under_attack
from ironglass.report.kit import palette
from ironglass.report.kit.line_styles import LINES
from ironglass.results.attack import AttackPoint, AttackResult, Attacks, WorstPoint
from ironglass.results.numbers import Norm, Rate, Verdict

EPS = (2 / 255, 8 / 255)


def rate(right: int) -> Rate:
    return Rate(**wilson(right, 100))


def measured(*names: str, norm: Norm = "linf", words: tuple[str | None, ...] = ("trusted", "trusted")) -> Attacks:
    sizes = EPS if norm == "linf" else (0.5, 2.0)
    verdicts = [Verdict(word=word, reasons=()) if word else None for word in words]
    points = tuple(
        AttackPoint(eps=eps, accuracy=rate(a), png_accuracy=rate(a), fooled=rate(a), verdict=verdict, folder="")
        for eps, a, verdict in zip(sizes, (40, 10), verdicts, strict=True)
    )
    rows = tuple(AttackResult(name=name, label=name, settings={}, points=points[::-1]) for name in names)
    worst = tuple(
        WorstPoint(eps=eps, accuracy=rate(5), verdict=verdict) for eps, verdict in zip(sizes, verdicts, strict=True)
    )
    return Attacks(norm=norm, n=100, split="test", seed=0, batch=64, clean=rate(90), eps=sizes, attacks=rows,
                   worst=worst, probes=())  # fmt: skip


@pytest.mark.parametrize("narrow", [False, True])
def test_lines_start_at_the_unchanged_images(narrow: bool):
    figure = under_attack(measured("a", "b"), chance=0.5, narrow=narrow)
    axes = figure.axes[0]
    thick, first = [line for line in axes.lines if len(line.get_xdata()) == 3][:2]
    assert first.get_xdata().tolist() == pytest.approx([0, 2, 8])
    assert first.get_ydata().tolist() == pytest.approx([0.9, 0.4, 0.1])
    assert thick.get_ydata().tolist() == pytest.approx([0.9, 0.05, 0.05])
    assert thick.get_linewidth() > 2 * first.get_linewidth()
    assert thick.get_zorder() < first.get_zorder(), "it hides no attack"
    assert [text.get_text() for text in axes.texts] == ["chance"]
    assert "1/255" in axes.get_xlabel()
    labels = [text.get_text() for text in figure.legends[0].get_texts()]
    assert labels == ["worst case of each image", "a", "b"]


def test_bands_are_the_intervals():
    axes = under_attack(measured("a")).axes[0]
    (band,) = axes.collections
    box = band.get_datalim(axes.transData)
    assert (box.y0, box.y1) == pytest.approx((wilson(10, 100)["low"], wilson(90, 100)["high"]))


def test_one_attack_has_no_worst_case_of_its_own():
    figure = under_attack(measured("a"))
    assert [text.get_text() for text in figure.legends[0].get_texts()] == ["a"]
    assert not figure.axes[0].texts, "no chance where none is known"


def test_l2_is_not_counted_in_256ths():
    axes = under_attack(measured("a", norm="l2")).axes[0]
    assert axes.lines[0].get_xdata().tolist() == [0, 0.5, 2]
    assert "L2" in axes.get_xlabel()


def test_marks_are_filled_as_far_as_numbers_can_be_trusted():
    axes = under_attack(measured("a", words=("suspect", "invalid"))).axes[0]
    half, empty = [line for line in axes.lines if len(line.get_xdata()) == 1]
    assert half.get_fillstyle() == "left"
    assert empty.get_markerfacecolor() == palette.PAPER
    assert half.get_markerfacecolor() == half.get_color() != palette.PAPER


def test_a_number_without_a_verdict_is_not_drawn_as_a_trusted_one():
    axes = under_attack(measured("a", words=(None, "trusted"))).axes[0]
    unjudged, trusted = [line for line in axes.lines if len(line.get_xdata()) == 1]
    assert (unjudged.get_fillstyle(), unjudged.get_alpha()) == ("none", 0.5)
    assert trusted.get_fillstyle() == "full"


def test_lines_differ_in_mark_and_in_colour_or_dash():
    assert len({line["marker"] for line in LINES}) == len(LINES)
    assert len({(line["color"], line["linestyle"]) for line in LINES}) == len(LINES)
    figure = under_attack(measured(*"abcdefghij"))
    assert len(figure.legends[0].get_texts()) == 11, "more attacks than styles are drawn, too"


# Machado et al. 2009, severity 1: what is seen without one kind of cone, in linear RGB
SEEN = {
    "all cones": ((1, 0, 0), (0, 1, 0), (0, 0, 1)),
    "no red": ((0.152286, 1.052583, -0.204868), (0.114503, 0.786281, 0.099216), (-0.003882, -0.048116, 1.051998)),
    "no green": ((0.367322, 0.860646, -0.227968), (0.280085, 0.672501, 0.047413), (-0.011820, 0.042940, 0.968881)),
    "no blue": ((1.255528, -0.076749, -0.178779), (-0.078411, 0.930809, 0.147602), (0.004733, 0.691367, 0.303900)),
}


@pytest.mark.parametrize("theme", [0, 1], ids=["light", "dark"])
@pytest.mark.parametrize("cones", SEEN)
def test_colours_stay_apart_for_every_eye(cones: str, theme: int):
    def lab(colour: str) -> tuple[float, ...]:
        parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
        linear = [p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts]
        r, g, b = (min(1, max(0, sum(w * p for w, p in zip(row, linear, strict=True)))) for row in SEEN[cones])
        xyz = (
            (0.4124 * r + 0.3576 * g + 0.1805 * b) / 0.9505,
            0.2126 * r + 0.7152 * g + 0.0722 * b,
            (0.0193 * r + 0.1192 * g + 0.9505 * b) / 1.089,
        )
        x, y, z = (v ** (1 / 3) if v > 0.008856 else 7.787 * v + 16 / 116 for v in xyz)
        return 116 * y - 16, 500 * (x - y), 200 * (y - z)

    colours = [lab(palette.COLOURS[name][theme]) for name in ("ink", "blue", "orange", "green", "magenta")]
    apart = [
        sum((p - q) ** 2 for p, q in zip(one, other, strict=True)) ** 0.5
        for i, one in enumerate(colours)
        for other in colours[i + 1 :]
    ]
    assert min(apart) > 15  # CIELAB; 2 can just be told apart side by side
