"""Slices and pairs: a planted one is found, none where there is none, intervals cover, p-values are exact."""

from collections.abc import Iterator

import numpy as np
import pytest
from scipy.stats import fisher_exact

from ironglass.measure.failures.exact import upper_tail
from ironglass.measure.failures.groupings import Grouping, by_fifths, by_value
from ironglass.measure.failures.pairs import LEAST_MISTAKES, pair_tests
from ironglass.measure.failures.slices import LEAST, find_failures
from ironglass.measure.statistics import difference_of_rates, holm, holm_adjusted, widened_rate

N, CLASSES, SETS = 1000, 10, 200


def drawn_set(random: np.random.Generator) -> tuple[np.ndarray, list[Grouping]]:
    """Labels, and groupings as the step makes them: classes, a column, two numbers in fifths, clusters."""
    labels = random.integers(CLASSES, size=N)
    columns = {"class": labels, "domain": random.choice(4, size=N, p=(0.12, 0.2, 0.28, 0.4))}
    groupings = [Grouping(name, "column", tuple("0123456789"), values) for name, values in columns.items()]
    groupings += [by_fifths(name, "image", random.random(N)) for name in ("brightness", "contrast")]
    groupings.append(Grouping("cluster", "cluster", tuple(map(str, range(20))), random.integers(20, size=N)))
    return labels, groupings


def answers(random: np.random.Generator, labels: np.ndarray, accuracy: np.ndarray | float) -> np.ndarray:
    """Predictions of this accuracy, whose mistakes go to names by their popularity."""
    popularity = np.arange(1, CLASSES + 1, dtype=float)
    weights = np.tile(popularity, (CLASSES, 1)) * ~np.eye(CLASSES, dtype=bool)
    edges = (weights / weights.sum(1, keepdims=True)).cumsum(1)
    wrong = (random.random((N, 1)) > edges[labels]).sum(1).clip(0, CLASSES - 1)
    return np.where(random.random(N) < accuracy, labels, wrong)


def sets(seed: int) -> Iterator[tuple[np.random.Generator, np.ndarray, list[Grouping]]]:
    for number in range(SETS):
        random = np.random.default_rng([seed, number])
        yield random, *drawn_set(random)


def test_nothing_stands_out_where_there_is_nothing() -> None:
    tests, claims = [], 0
    for random, labels, groupings in sets(1):
        findings = find_failures(labels, answers(random, labels, 0.8), groupings, classes=CLASSES)
        tests.append(findings.tests)
        claims += findings.claims
    print(f"claimed in {claims} of {SETS} sets, {min(tests)} to {max(tests)} tests each")
    assert min(tests) > 90, "pairs are among what is corrected for"
    assert claims / SETS <= 0.05


def test_a_planted_slice_is_found_and_no_other() -> None:
    hits = others = 0
    for random, labels, groupings in sets(2):
        planted = groupings[1].codes == 0  # about 120 images
        predictions = answers(random, labels, np.where(planted, 0.55, 0.85))
        findings = find_failures(labels, predictions, groupings, classes=CLASSES)
        standing = {(part.grouping, part.code) for part in findings.slices if part.stands_out}
        hits += findings.slices[0].grouping == 1 and findings.slices[0].code == 0 and (1, 0) in standing
        others += bool(standing - {(1, 0)})
    print(f"found in {hits} of {SETS} sets; something else stands out in {others}")
    assert hits / SETS > 0.95
    assert others / SETS <= 0.05


def test_a_planted_pair_is_found() -> None:
    hits = 0
    for random, labels, groupings in sets(3):
        predictions = answers(random, labels, 0.85)
        moved = (labels == 6) & (predictions == 6) & (random.random(N) < 0.2)
        predictions[moved] = 0
        findings = find_failures(labels, predictions, groupings, classes=CLASSES)
        tests = findings.pairs
        hits += any(
            (a, b) == (6, 0) and p <= 0.05
            for a, b, p in zip(tests.first, tests.second, findings.corrected_pairs, strict=True)
        )
    print(f"found in {hits} of {SETS} sets")
    assert hits / SETS > 0.9


def test_intervals_of_slices_are_those_that_are_known_to_cover() -> None:  # see tests/measure/test_statistics.py
    labels = np.arange(300) % 3
    predictions = np.where(np.arange(300) % 10 == 0, -1, labels)
    groups = by_value("third", "column", ["a" if i < 50 else "b" if i < 150 else "c" for i in range(300)])
    found = {groups.values[part.code]: part for part in find_failures(labels, predictions, [groups], classes=3).slices}
    for name, wrong, n in (("a", 5, 50), ("b", 10, 100), ("c", 15, 150)):
        accuracy, is_widened = widened_rate(n - wrong, n)
        rest, is_rest_widened = widened_rate(300 - n - 30 + wrong, 300 - n)
        assert (found[name].accuracy, found[name].rest) == (accuracy, rest)
        assert found[name].difference == difference_of_rates(accuracy, rest)
        assert found[name].widened == (is_widened or is_rest_widened) == (name == "a")


@pytest.mark.parametrize(("hits", "drawn", "marked", "total"), [(9, 40, 30, 200), (30, 40, 30, 60), (0, 5, 3, 9)])
def test_the_tail_is_fishers(hits: int, drawn: int, marked: int, total: int) -> None:
    table = [[hits, drawn - hits], [marked - hits, total - drawn - marked + hits]]
    assert upper_tail(hits, drawn, marked, total)[0] == pytest.approx(
        float(fisher_exact(table, "greater")[1]), rel=1e-9
    )


def test_corrected_p_values_are_those_of_holm() -> None:
    p_values = np.random.default_rng(0).random(40) ** 6
    adjusted = holm_adjusted(p_values, tests=40)
    assert ((adjusted <= 0.05) == holm(p_values.tolist())).all()
    with_more = holm_adjusted(np.append(p_values, np.ones(60)), tests=100)[:40]
    assert (holm_adjusted(p_values, tests=100) == with_more).all()
    with pytest.raises(ValueError, match="3 p-values of 2 tests"):
        holm_adjusted(np.array([0.1, 0.2, 0.3]), tests=2)


def test_small_slices_and_their_counterparts_are_not_tested() -> None:
    labels = np.arange(100) % 2
    sizes = [str(int(i < LEAST - 1)) for i in range(100)]
    findings = find_failures(labels, labels, [by_value("few", "column", sizes)], classes=2)
    assert findings.tests == 0
    sizes[LEAST - 1] = "1"
    assert find_failures(labels, labels, [by_value("few", "column", sizes)], classes=2).tests == 2


def test_images_without_a_prediction_are_wrong_and_in_no_pair() -> None:
    labels = np.arange(200) % 4
    predictions = np.where(np.arange(200) < 60, -1, labels)
    groups = by_value("half", "column", ["a" if i < 100 else "b" for i in range(200)])
    findings = find_failures(labels, predictions, [groups], classes=4)
    assert findings.slices[0].accuracy["value"] == 0.4
    assert findings.slices[0].stands_out
    assert findings.pairs.count == findings.pairs.confusion.sum() == 0


def test_pairs_of_three_classes_are_not_tested() -> None:
    labels = np.repeat(np.arange(3), 100)
    predictions = np.where(np.arange(300) % 2, labels, (labels + 1) % 3)
    assert pair_tests(labels, predictions, 3).count == 0
    assert pair_tests(labels, predictions, 4).confusion.sum() >= 2 * LEAST_MISTAKES
