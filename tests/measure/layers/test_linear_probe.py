"""The linear probe."""

import numpy as np
import torch
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis

from ironglass.measure.layers.linear_probe import _discriminate, probe


def blobs(n: int, centres: torch.Tensor, spread: float, seed: int = 0) -> tuple[torch.Tensor, np.ndarray]:
    generator = torch.Generator().manual_seed(seed)
    labels = torch.randint(len(centres), (n,), generator=generator)
    noise = torch.randn(n, centres.shape[1], generator=generator)
    return (centres[labels] + spread * noise).float(), labels.numpy()


def test_three_classes_in_a_row():
    # a regression on indicators would never name the middle one
    x, y = blobs(600, torch.tensor([[0.0], [1.0], [2.0]]), 0.1)
    guesses = probe(x[:400], y[:400], x[400:])
    assert (guesses == y[400:]).mean() > 0.97
    assert set(guesses) == {0, 1, 2}


def test_equals_scikit_learn():
    torch.manual_seed(0)
    x, y = blobs(300, 0.5 * torch.randn(4, 12), 1.0)
    x = (x - x.mean(0)) / x.std(0, correction=0)  # scikit-learn shrinks in standardised units, too
    model = LinearDiscriminantAnalysis(solver="lsqr", shrinkage=0.0001).fit(x[:200].double(), y[:200])
    ours = _discriminate(x[:200].double(), y[:200], x[200:].double(), (0.0001,))[0]
    assert (ours == model.predict(x[200:].double())).mean() > 0.97


def test_noise_is_chance_and_many_dead_channels_do_no_harm():
    generator = torch.Generator().manual_seed(0)
    x, y = torch.randn(400, 300, generator=generator), np.arange(400) % 2
    x[:, 10:] = 3.0
    assert 0.35 < (probe(x[:200], y[:200], x[200:]) == y[200:]).mean() < 0.65


def test_few_images_and_a_single_class():
    x, y = blobs(3, torch.tensor([[0.0, 1], [5.0, -3]]), 0.1)
    assert len(probe(x, y, x)) == 3
    assert probe(torch.randn(20, 4), np.full(20, 7), torch.randn(5, 4)).tolist() == [7] * 5


def test_same_bits():
    x, y = blobs(300, torch.randn(5, 20), 2.0)
    assert np.array_equal(probe(x[:200], y[:200], x[200:]), probe(x[:200], y[:200], x[200:]))
