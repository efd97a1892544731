"""Which images are explained."""

from dataclasses import replace

import numpy as np
import pytest

from ironglass.data.dataset import Split
from ironglass.errors import InputError
from ironglass.plans.audit import Audit
from ironglass.plans.explanation import Explained
from ironglass.studies.steps.explanation.images import chosen_positions, explained_positions, target_class

CLASSES = ("cat", "dog")
LABELS = np.arange(20) % 2
SPLIT = Split(np.zeros((20, 4, 4, 1), np.uint8), LABELS, tuple(f"{CLASSES[k]}/{i}.png" for i, k in enumerate(LABELS)))


def plan(samples: int = 6, **fields: object) -> Audit:
    return Audit(samples=samples, explained=Explained(methods=("saliency",), **fields))  # type: ignore[arg-type]


def test_random_is_a_draw_by_the_seed_in_order() -> None:
    found = explained_positions(plan(), SPLIT, LABELS, CLASSES)
    assert len(set(found)) == 6
    assert list(found) == sorted(found)
    other = explained_positions(replace(plan(), seed=1), SPLIT, LABELS, CLASSES)
    assert list(found) != list(other)
    assert list(explained_positions(plan(50), SPLIT, LABELS, CLASSES)) == list(range(20))


def test_misclassified_are_all_wrong_and_all_of_them() -> None:
    predictions = LABELS.copy()
    predictions[[3, 8, 9]] = 1 - predictions[[3, 8, 9]]
    assert list(explained_positions(plan(images="misclassified"), SPLIT, predictions, CLASSES)) == [3, 8, 9]
    assert len(explained_positions(plan(2, images="misclassified"), SPLIT, predictions, CLASSES)) == 2
    with pytest.raises(InputError, match="none of the 20 images is misclassified"):
        explained_positions(plan(images="misclassified"), SPLIT, LABELS, CLASSES)


def test_all_is_more_than_the_samples() -> None:
    assert len(explained_positions(plan(images="all"), SPLIT, LABELS, CLASSES)) == 20


def test_chosen_by_name_by_file_and_by_class() -> None:
    chosen = plan(images="chosen", chosen=("dog/7.png", "4.png", "cat", "cat"))
    found = explained_positions(chosen, SPLIT, LABELS, CLASSES)
    assert list(found[:2]) == [7, 4]
    assert (LABELS[found[2:]] == 0).all()
    assert len(set(found)) == 4
    assert list(found) == list(chosen_positions(chosen, SPLIT, CLASSES))


@pytest.mark.parametrize(
    ("chosen", "says"),
    [
        (("fox",), "'fox' is no image of this split and no class"),
        (("dog/7.png", "7.png"), "chosen twice"),
        (("cat",) * 11, "fewer images"),
    ],
)
def test_what_cannot_be_chosen_is_named(chosen: tuple[str, ...], says: str) -> None:
    with pytest.raises(InputError, match=says):
        chosen_positions(plan(chosen=chosen), SPLIT, CLASSES)


def test_a_file_name_that_two_images_have_is_refused() -> None:
    two = Split(SPLIT.pixels[:2], SPLIT.labels[:2], ("a/1.png", "b/1.png"))
    with pytest.raises(InputError, match=r"write a/1\.png or b/1\.png"):
        chosen_positions(plan(chosen=("1.png",)), two, CLASSES)


def test_targets_are_each_image_s_own_or_one_class() -> None:
    assert target_class("predicted", CLASSES) is target_class("true", CLASSES) is None
    assert target_class("dog", CLASSES) == 1
    with pytest.raises(InputError, match="no class 'fox' to explain: write predicted, true, or one of cat, dog"):
        target_class("fox", CLASSES)
