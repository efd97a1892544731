"""The charts of a transfer study: which point stands where."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from matplotlib.axes import Axes
from matplotlib.colors import to_hex

from ironglass.report.kit.palette import ACCENT, BLUE, MUTED, ORANGE
from ironglass.report.transfer.chart import accuracy_by_blocks, natural_and_adversarial
from ironglass.report.transfer.matrix_chart import matrix_names, transfer_matrix
from ironglass.results.transfer import Transfer


def lines(axes: Axes, colour: str, marker: str) -> list[tuple[list[float], list[float]]]:
    return [
        (np.asarray(line.get_xdata(), float).tolist(), np.asarray(line.get_ydata(), float).tolist())
        for line in axes.get_lines()
        if to_hex(line.get_color()) == colour and line.get_marker() == marker
    ]


@pytest.mark.parametrize("narrow", [False, True])
def test_accuracy_is_drawn_less_base_b(transfer: Transfer, narrow: bool) -> None:
    natural, shown = accuracy_by_blocks(transfer, narrow=narrow).axes
    assert [axes.get_title() for axes in (natural, shown)] == [
        "Unchanged images", "FGSM images of base A, eps 8/255"
    ]  # fmt: skip
    [(n, less)] = lines(natural, ORANGE, "s")  # base B: 0.42 over its seeds
    assert np.allclose(n, [0, 1, 2, 4], atol=0.2)
    assert less == pytest.approx([0, 2, 8, 20])
    [(_, less)] = lines(shown, ORANGE, "s")  # three quarters of it, less four fifths of base B's 0.42
    assert less == pytest.approx([-2.1, -0.6, 3.9, 12.9])
    [(n, less)] = lines(natural, MUTED, "x")  # random begins with AnB of no block
    assert np.allclose(n, [0, 2], atol=0.2)
    assert less == pytest.approx([-1, -21])
    [(_, seeds), *_] = lines(natural, BLUE, ".")
    assert seeds == pytest.approx([-3, 1])  # AnB of no block: 0.39 and 0.43


def test_a_bar_has_caps_over_seeds_and_none_over_images(transfer: Transfer) -> None:
    natural, _ = accuracy_by_blocks(transfer).axes
    bars = [c for c in natural.containers if to_hex(c.lines[2][0].get_color()[0]) == ORANGE]  # type: ignore[index]
    assert [bool(bar.lines[1]) for bar in bars] == [True, False, True, True]  # type: ignore[index]
    (segment,) = bars[1].lines[2][0].get_segments()  # type: ignore[index]
    assert segment[:, 1] == pytest.approx([-1, 5])  # 0.44 ± 0.03 less 0.42


def test_what_it_seems_to_withstand_and_what_it_does(transfer: Transfer) -> None:
    smallest, judged = natural_and_adversarial(transfer).axes
    assert [axes.get_title() for axes in (smallest, judged)] == ["eps 1/255", "eps 8/255"]
    assert [label.get_text() for label in smallest.get_yticklabels()] == [
        "base B", "AnB+, n = 4", "BnB+, n = 2", "AnB, n = 4", "BnB, n = 2", "random, n = 2"
    ]  # fmt: skip
    [(values, places)] = lines(judged, ORANGE, "s")
    assert values[:2] == pytest.approx([0.336, 0.465])  # means over seeds: 0.8 of 0.42, 0.75 of 0.62
    assert np.allclose(places, range(6), atol=0.3)
    weaker, stronger = lines(judged, ACCENT, "D")
    assert (weaker[0][1], stronger[0][1]) == pytest.approx((0.062, 0.031))
    assert lines(smallest, ORANGE, "s") == []  # no image was made on A at that eps
    assert [values[1] for values, _ in lines(smallest, ACCENT, "D")] == pytest.approx([0.372, 0.31])
    labels = [text.get_text() for text in judged.figure.legends[0].get_texts()]  # type: ignore[union-attr]
    assert labels == ["unchanged images", "FGSM images made on base A", "FGSM images made on itself",
                      "PGD-20 images made on itself"]  # fmt: skip


@pytest.mark.parametrize("narrow", [False, True])
def test_the_matrix_shows_the_bases_and_the_arms_where_the_controls_stand(transfer: Transfer, narrow: bool) -> None:
    assert matrix_names(transfer) == [
        "base-A", "base-B-s0", "A00B-s0", "A02B-s0", "A04B-s0", "A00B+-s0", "A02B+-s0", "A04B+-s0"
    ]  # fmt: skip
    (axes,) = transfer_matrix(transfer, narrow=narrow).axes
    assert [label.get_text() for label in axes.get_xticklabels()][:3] == ["base A", "base B", "A00B"]
    cells = np.array([text.get_text() for text in axes.texts]).reshape(8, 8)
    names = transfer.matrix.names
    for i, made in enumerate(matrix_names(transfer)):
        for j, shown in enumerate(matrix_names(transfer)):
            assert cells[i, j] == ("–" if made == "A02B-s0" and shown == "base-A" else
                                   f"{names.index(made) * 5 + names.index(shown)}")  # fmt: skip
    assert [text.get_fontweight() == "bold" for text in axes.texts[:10]] == [True] + [False] * 8 + [True]


def test_a_study_without_controls_or_own_attacks_is_still_drawn(transfer_study: Callable[..., Transfer]) -> None:
    whole = transfer_study()
    networks = tuple(row for row in whole.networks if row.arm in ("base", "AnB+") and not row.seed)
    measured = replace(whole, white_box_attacks=(), white_box_eps=(), control_depths=(), seeds=(0,), networks=networks)
    natural, _ = accuracy_by_blocks(measured).axes
    [(_, less)] = lines(natural, ORANGE, "s")
    assert less == pytest.approx([0, 4, 8, 20])
    (only,) = natural_and_adversarial(measured).axes
    assert only.get_title() == "eps 8/255"
