"""The temperature: a factor that was put in is found, answers stay, and what has none is refused."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from torch.nn.functional import cross_entropy

from ironglass.errors import InputError
from ironglass.measure.confidence.temperature import fit_temperature, log_loss, scaled_shares
from ironglass.models.temperature import FILE, read_temperature


def drawn(n: int = 4000) -> tuple[np.ndarray, np.ndarray]:
    draws = np.random.default_rng(0)
    logits = 2 * draws.normal(size=(n, 4))
    shares = scaled_shares(logits)
    return logits, (shares.cumsum(1) > draws.random((n, 1))).argmax(1)


@pytest.mark.parametrize("factor", [0.001, 0.3, 1.0, 3.0, 20.0, 10000.0])
def test_a_factor_on_the_logits_is_found(factor: float) -> None:
    logits, labels = drawn()
    value = fit_temperature(factor * logits, labels)
    assert value == pytest.approx(factor, rel=0.05)
    near = [log_loss(factor * logits, labels, value * step) for step in (0.99, 1.0, 1.01)]
    assert near[1] == min(near)


def test_logits_that_tell_nothing_and_answers_that_are_all_right() -> None:
    labels = np.arange(40) % 4
    assert fit_temperature(np.ones((40, 4)), labels) == 1
    assert fit_temperature(np.eye(4)[(labels + 1) % 4], labels) > 100, "always wrong: all classes alike is best"
    assert fit_temperature(np.eye(4)[labels], labels) < 0.1, "always right: the surer the better"


def test_probabilities_in_64_bits_as_torch_gives_them() -> None:
    logits, labels = drawn(50)
    shares = scaled_shares(logits.astype(np.float32), 1.7)
    assert shares.dtype == np.float64
    expected = torch.softmax(torch.from_numpy(logits.astype(np.float32)).double() / 1.7, 1).numpy()
    assert np.allclose(shares, expected, atol=1e-14)
    loss = cross_entropy(torch.from_numpy(logits) / 1.7, torch.from_numpy(labels))
    assert log_loss(logits, labels, 1.7) == pytest.approx(float(loss))
    assert (shares.argmax(1) == logits.argmax(1)).all(), "no answer changes"
    sure = np.array([[3e38, -3e38, 0.0]])
    assert scaled_shares(sure).tolist() == [[1, 0, 0]]


def test_what_has_no_temperature_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="there are none"):
        fit_temperature(np.zeros((0, 2)), np.zeros(0, dtype=int))
    with pytest.raises(InputError, match="some are not"):
        fit_temperature(np.array([[np.inf, 0.0]]), np.array([0]))
    with pytest.raises(InputError, match="fitted by train and evaluate, on data with a validation split"):
        read_temperature(str(tmp_path))
    good = {"temperature": 1.5, "images": 40, "split": "validation"}
    (tmp_path / FILE).write_text(json.dumps(good))
    assert read_temperature(f"local-dir:{tmp_path}") == (1.5, 40)
    for wrong in ({"temperature": 0}, {"temperature": "1"}, {"temperature": True}, {"images": 0}, {"images": 1.5}):
        (tmp_path / FILE).write_text(json.dumps(good | wrong))
        with pytest.raises(InputError, match=f"{next(iter(wrong))} is "):
            read_temperature(str(tmp_path))
