"""A network that names one class, or does no better than if it did, is called so before anything else is said."""

import numpy as np
import pytest

from ironglass.measure.accuracy import naming
from ironglass.measure.classes.agreement import answer_table, chance_of_matches
from ironglass.measure.classes.balanced import balanced_accuracy
from ironglass.measure.classes.by_class import is_uneven
from ironglass.measure.statistics import paired_difference, wilson
from ironglass.report.kit.constant import answers_blindly, constant_words
from ironglass.results.evaluation import Evaluation, Naming
from ironglass.results.evaluation.by_class import Averages, ByClass
from ironglass.results.numbers import Mean, Rate

CLASSES = ("cat", "dog")


def judged(confusion: list[list[int]]) -> tuple[Rate, Naming]:
    """Accuracy and naming of a confusion matrix, rows the true classes."""
    pairs = [(i, j) for i, row in enumerate(confusion) for j, n in enumerate(row) for _ in range(n)]
    labels, predictions = (np.array(side) for side in zip(*pairs, strict=True))
    right = int((labels == predictions).sum())
    return Rate(**wilson(right, len(labels))), Naming(**naming(labels, predictions, CLASSES))


@pytest.mark.parametrize(
    ("confusion", "says"),
    [
        ([[50, 0], [50, 0]], "names one class, “cat”, for 100.0\u202f% of the images, whatever they show: 50.0"),
        ([[48, 2], [44, 6]], "names one class, “cat”, for 92.0\u202f% of the images, nearly whatever"),
        ([[1, 69], [1, 29]], "names one class, “dog”, for 98.0"),
        ([[30, 20], [35, 15]], "is no better than always naming the commonest class, “cat”: that would get 50.0"),
        ([[60, 30], [10, 0]], "is no better than always naming the commonest class, “cat”: that would get 90.0"),
        ([[95, 0], [5, 0]], "names one class, “cat”, for 100.0\u202f% of the images, whatever they show: 95.0"),
        ([[30, 20], [23, 27]], "may be no better than always naming the commonest class"),
        ([[45, 5], [5, 45]], ""),
        ([[940, 10], [0, 50]], ""),  # most are cats, and it knows the dogs
    ],
)
def test_the_sentence_follows_from_the_numbers(confusion: list[list[int]], says: str) -> None:
    said = constant_words(*judged(confusion))
    assert said.startswith("It " if says else "")
    assert says in said
    assert bool(said) == bool(says)


SEEDS = 50


def evaluated(labels: np.ndarray, predictions: np.ndarray, k: int) -> Evaluation:
    """What an evaluation of these answers records, as far as the sentences read it."""
    names = tuple(f"class {i}" for i in range(k))
    support = np.bincount(labels, minlength=k)
    right = np.bincount(labels[labels == predictions], minlength=k)
    by_chance, chance_p = chance_of_matches(answer_table(labels, predictions, k))
    mean, row = Mean(**balanced_accuracy(right, support)[0]), Averages(precision=0.5, recall=0.5, f1=0.5)
    over = paired_difference(labels == support.argmax(), labels == predictions)
    numbers = ByClass(
        uneven=is_uneven(support), classes=int((support > 0).sum()), balanced=mean, macro=row, weighted=row, kappa=mean,
        by_chance=by_chance, chance_p=chance_p, over_commonest=Mean(**over), accuracies=(), top5=None, curves=None,
    )  # fmt: skip
    return Evaluation(
        split="test", accuracy=Rate(**wilson(int((labels == predictions).sum()), len(labels))), not_judged=0, loss=1.0,
        confusion=(), per_class=(), naming=Naming(**naming(labels, predictions, names)), macro_f1=0.5, report="",
        by_class=numbers,
    )  # fmt: skip


def sentence(evaluation: Evaluation) -> str:
    return constant_words(evaluation.accuracy, evaluation.naming, classes=evaluation.by_class)


@pytest.mark.parametrize("shares", [(0.5, 0.5), (0.9, 0.1), (0.1,) * 10, (0.85, 0.1, 0.05)])
def test_constant_and_random_networks_are_told_from_honest_weak_ones(shares: tuple[float, ...]) -> None:
    k, draws = len(shares), np.random.default_rng(0)
    for _ in range(SEEDS):
        labels = draws.choice(k, 400, p=shares)
        constant = evaluated(labels, np.full(400, labels[0]), k)
        assert "names one class" in sentence(constant)
        for chances in (shares, (1 / k,) * k):  # of one that learned the shares alone, and of one that draws
            guessing = evaluated(labels, draws.choice(k, 400, p=chances), k)
            assert answers_blindly(guessing)
            words = sentence(guessing)
            assert any(part in words for part in ("has learned nothing", "hardly told from chance", "names one class"))
        weak = evaluated(labels, np.where(draws.random(400) < 0.35, labels, draws.choice(k, 400, p=shares)), k)
        assert not answers_blindly(weak)
        assert "learned nothing" not in sentence(weak)


def test_a_right_network_on_few_images_is_not_said_to_have_learned_nothing() -> None:
    labels = np.arange(12) % 2
    right = evaluated(labels, labels, 2)
    assert "It is hardly told from chance by 12 images: it gets 100.0" in sentence(right)
    assert "Measure it on more images" in sentence(right)
    assert "nothing" not in sentence(right)
    assert answers_blindly(right)  # its maps stay folded until there are more


def test_no_better_accuracy_than_the_commonest_class_is_not_yet_blind() -> None:
    labels = np.repeat([0, 1], [900, 100])
    predictions = np.concatenate([np.repeat([0, 1], [820, 80]), np.repeat([0, 1], [20, 80])])
    evaluation = evaluated(labels, predictions, 2)  # 90.0 % right, as the commonest class is
    assert not answers_blindly(evaluation)
    assert "no better than always naming the commonest class" in sentence(evaluation)
    assert "It does tell the classes apart: its balanced accuracy is 85.6" in sentence(evaluation)
    assert "50.0" in sentence(evaluation)


def test_nothing_is_said_where_all_images_are_of_one_class() -> None:
    labels = np.zeros(50, dtype=int)
    assert not answers_blindly(evaluated(labels, labels, 2))


def test_runs_without_numbers_by_class_are_judged_by_their_answers_alone() -> None:
    before = evaluated(np.arange(40) % 2, np.arange(40) // 2 % 2, 2)
    assert answers_blindly(before)
    without = Evaluation(**{**before.__dict__, "by_class": None})
    assert not answers_blindly(without)
    assert not answers_blindly(None)
