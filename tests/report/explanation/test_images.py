"""Named methods in the report: scales, frames, colours, words."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from ironglass.errors import InputError
from ironglass.measure.maps.sanity import MAX_SIMILARITY_AT_END, MAX_SIMILARITY_HALFWAY
from ironglass.report.explanation.drift_chart import drift, drift_metrics
from ironglass.report.explanation.images import read_explained
from ironglass.report.explanation.sanity_chart import sanity
from ironglass.report.explanation.section import SECTION
from ironglass.report.explanation.words import LIMITS, changed_conditions, explanation_words, sanity_words
from ironglass.report.kit.map_scale import full_scale
from ironglass.report.kit.pictures import HEAT, SIGNED
from ironglass.results.evaluation import Naming
from ironglass.results.explanation import Explanations
from ironglass.results.numbers import Mean
from ironglass.results.quality import Quality
from ironglass.results.sections import Results
from ironglass.run import Run


def test_a_scale_is_shared_by_an_image_s_conditions(explained: Run) -> None:
    found = read_explained(explained, str)
    assert found is not None
    values = np.concatenate([found.maps(one, "saliency")[1].ravel() for one in ("clean", "occluded", "pgd-20")])
    assert found.scale("saliency", 1) == pytest.approx(np.quantile(np.abs(values), 0.99))
    assert full_scale([np.zeros((2, 2))]) == 0
    assert full_scale([np.eye(20) * 3 * (np.arange(20) == 0)]) == 3  # a lone pixel: its own value


def test_columns_and_colours(explained: Run) -> None:
    found = read_explained(explained, str)
    assert found is not None
    apart = [("saliency", "for"), ("saliency", "against")]
    assert found.columns == [*apart, ("guided-backprop", "signed"), ("grad-cam", "signed")]
    values, scale = found.maps("clean", "saliency")[0], found.scale("saliency", 0)
    place = np.unravel_index(values.argmin(), values.shape)
    assert found.index("clean", "saliency", "for", 0)[place] == 0
    assert found.index("clean", "saliency", "against", 0)[place] == 255
    assert SIGNED[255][0] > SIGNED[255][2]  # red for
    assert SIGNED[0][2] > SIGNED[0][0]  # blue against
    assert HEAT[255].sum() > HEAT[0].sum()
    assert scale > 0


def test_cards_say_what_became_of_an_image(explained: Run) -> None:
    found = read_explained(explained, lambda which: f"class {which}")
    assert found is not None
    card = found.cards()[1]
    assert (card["label"], card["target"], card["file"]) == ("class 1", "class 1", "test/1")
    clean, hidden, attacked = card["rows"]
    assert [row["right"] for row in card["rows"]] == [True, False, True]
    assert [row["changed"] for row in card["rows"]] == [False, True, False]
    assert clean["frame"] is None
    assert attacked["frame"] is None
    assert hidden["frame"] == pytest.approx({"top": 5 / 28, "height": 0.25, "left": 9 / 28, "width": 0.25})
    assert len(clean["maps"]) == len(card["scales"]) == 4


def test_the_page_has_it_all_and_escapes_names(explained: Run) -> None:
    page = (explained.path / "report.html").read_text(encoding="utf-8")
    assert "<script>alert" not in page.replace("<script>\n", "")
    for text in (
        "&lt;script&gt;alert(1)", "<b>changed to", "still ", "for the class", "against it",
        "Quality and sanity checks of the methods",
        "McNemar’s exact test, p &lt; 0.001", 'explanations/clean/batch-00000.safetensors")["maps/saliency"]', "conv6",
        "insertion 0.81<br>deletion 0.19",
    ):  # fmt: skip
        assert text in page, text
    assert {"drift.png", "sanity.png"} <= {path.name for path in (explained.path / "figures").iterdir()}


def test_a_torn_file_is_named(explained: Run, tmp_path: Path) -> None:
    run = Run.create(tmp_path / "run", {"name": "torn"})
    assert read_explained(run, str) is None
    run.write("explained.json", explained.read("explained.json"))
    (run.path / "explained.safetensors").write_bytes(b"torn")
    with pytest.raises(InputError, match=r"explained\.safetensors cannot be read"):
        read_explained(run, str)


def test_words_give_the_number_beside_its_control(explanations: Explanations) -> None:
    text = explanation_words(explanations)
    assert "the 7 × 7 pixels where saliency is strongest to black turns 26.7" in text
    assert "a patch of the same size at a random position, 5.0" in text
    assert "(n = 180)" in text
    assert "Under pgd-20, eps 8/255 the map that changes most" in text
    assert explanation_words(replace(explanations, conditions=explanations.conditions[:1])) == ""


def test_the_methods_are_judged_in_words_the_failing_ones_first(quality: Quality) -> None:
    assert quality.sanity is not None
    fails, unclear, passes = sanity_words(quality.sanity, {"guided-backprop": "Guided backpropagation"})
    assert fails.startswith("Guided backpropagation (0.")
    assert " and 0." in fails
    assert "fails the test of random weights" in fails
    assert "grad-cam" in unclear
    assert "saliency" in passes


def test_what_is_left_of_a_map_that_passes_is_said_by_its_number(quality: Quality) -> None:
    assert quality.sanity is not None

    def passing(half: float, end: float) -> str:
        means = [Mean(value=value, low=value - 0.02, high=value + 0.02, n=32) for value in (half, end)]
        one = replace(quality.sanity.methods["saliency"], correlation=tuple(means), verdict="passes")
        return sanity_words(replace(quality.sanity, halfway=0, methods={"saliency": one}), {})[0]

    much = passing(0.53, 0.43)
    assert "saliency (0.53 and 0.43) passes" in much
    assert "little" not in much
    assert "below the limits of 0.7 and 0.5. Part of the map stays" in much
    assert "at 0.43, 18\u202f% of the variance of its ranks depends on no weight" in much
    assert passing(0.3, 0.05).endswith("little is left of the map once every weight is random.")
    assert LIMITS == (MAX_SIMILARITY_HALFWAY, MAX_SIMILARITY_AT_END)


def test_the_first_screen_has_the_hidden_part_and_its_control(explanations: Explanations) -> None:
    found = SECTION.headlines(Results(explanations=explanations))
    assert [(one.label, one.rate.value) for one in found if one.first] == [
        ("7 × 7 px hidden where saliency is strongest", 0.66), ("7 × 7 px hidden by chance", 0.855)
    ]  # fmt: skip
    assert found[-1].line == "Accuracy, pgd-20, eps 8/255"


@pytest.mark.parametrize("narrow", [False, True])
def test_the_charts_hold_the_numbers(explanations: Explanations, quality: Quality, narrow: bool) -> None:
    measured = explanations
    assert list(drift_metrics(measured))[-1] == "inside_after"
    figure = drift(measured, narrow=narrow)
    panels = [axes for axes in figure.axes if axes.get_visible()]
    assert (panels[0].get_title(loc="left") or panels[0].get_title()) == "Rank correlation"
    medians = [line.get_xdata()[0] for line in panels[0].lines if len(line.get_xdata()) == 1]
    expected = [
        condition.drift[method.name]["rank_correlation"].quantiles[2]
        for method in measured.methods
        for condition in changed_conditions(measured)
    ]
    assert medians == pytest.approx(expected)
    assert quality.sanity is not None
    chart = sanity(quality.sanity, {}, narrow=narrow).axes[0]
    drawn = {line.get_label(): line for line in chart.lines}
    tested = quality.sanity.methods["guided-backprop"].correlation
    assert tested is not None
    assert list(drawn["guided-backprop"].get_ydata()) == pytest.approx([1, *(mean.value for mean in tested)])
    assert list(drawn["guided-backprop"].get_xdata()) == [0, 1, 4, 8]


def test_a_network_that_names_one_class_for_all_that_was_explained_is_called_so(explanations: Explanations) -> None:
    blind = Naming(named="cat", named_share=1.0, named_true_share=0.5, commonest="dog", commonest_share=0.5)
    measured = replace(explanations, naming=blind)
    [caution] = SECTION.cautions(Results(explanations=measured))
    assert caution.startswith("It names one class, “cat”, for 100.0")
    sees = replace(blind, named_share=0.5)
    few, chosen = replace(measured, n=9), replace(measured, images="misclassified")
    for quiet in (explanations, few, chosen, replace(measured, naming=sees)):
        assert SECTION.cautions(Results(explanations=quiet)) == []
