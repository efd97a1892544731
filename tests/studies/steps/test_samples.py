"""The sample of the report is drawn, not picked."""

import numpy as np

from ironglass.data.dataset import Split
from ironglass.studies.steps.samples import draw_samples, mean_colour

LABELS = np.zeros(100, dtype=np.int64)


def predictions(wrong: int) -> np.ndarray:
    return (np.arange(100) < wrong).astype(np.int64)


def test_half_right_half_wrong_and_the_seed_decides() -> None:
    chosen = draw_samples(LABELS, predictions(30), 12, seed=0)
    assert (predictions(30)[chosen] == 0).sum() == 6
    assert len(set(chosen)) == 12
    assert np.array_equal(chosen, draw_samples(LABELS, predictions(30), 12, seed=0))
    assert not np.array_equal(chosen, draw_samples(LABELS, predictions(30), 12, seed=1))


def test_where_there_are_too_few_of_a_kind_the_other_fills_up() -> None:
    for wrong, of_wrong in ((0, 0), (2, 2), (98, 10), (100, 12)):
        chosen = draw_samples(LABELS, predictions(wrong), 12, seed=0)
        assert len(chosen) == 12
        assert (predictions(wrong)[chosen] == 1).sum() == of_wrong
    assert len(draw_samples(LABELS[:3], predictions(1)[:3], 12, seed=0)) == 3
    assert len(draw_samples(LABELS, predictions(3), 0, seed=0)) == 0


def test_every_wrong_image_has_the_same_chance() -> None:
    counts = np.zeros(100)
    for seed in range(400):
        counts[draw_samples(LABELS, predictions(50), 10, seed)] += 1
    # 5 of 50 of each kind, 400 times: 40 each on average, deviation 6
    assert counts.min() > 40 - 5 * 6
    assert counts.max() < 40 + 5 * 6


def test_mean_colour_by_hand() -> None:
    pixels = np.zeros((2, 1, 2, 3), dtype=np.uint8)
    pixels[..., 0], pixels[0, 0, 0, 1] = 255, 51
    assert np.allclose(mean_colour(Split(pixels, np.zeros(2, dtype=np.int64), ("a", "b"))), (1, 0.05, 0))
