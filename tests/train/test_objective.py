"""Objectives of one's own: what is refused before anything is trained."""

import math
from typing import Any

import pytest
from torch.nn import functional

from ironglass.errors import InputError
from ironglass.train.objective import as_objective


def own(classifier: Any, images: Any, labels: Any) -> Any:
    return functional.cross_entropy(classifier(images), labels)


@pytest.mark.parametrize("eps", [-1, -1 / 255, math.inf, math.nan])
def test_an_eps_that_is_no_size_of_change_is_refused(monkeypatch: pytest.MonkeyPatch, eps: float) -> None:
    monkeypatch.setattr(own, "eps", eps, raising=False)
    with pytest.raises(InputError, match=r"the objective own has the eps .*: give how far images are changed, 0 or mo"):
        as_objective(own)


def test_an_eps_of_0_and_more_is_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    for eps in (0, 0.1, 2.0):
        monkeypatch.setattr(own, "eps", eps, raising=False)
        assert as_objective(own) is own
