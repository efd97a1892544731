"""Passes of every objective are counted, and its budget named."""

from typing import Any

import numpy as np
import pytest
import torch

from ironglass.data.dataset import Split
from ironglass.harden import AWP, NFGSM, TRADES, Free, PGDTraining
from ironglass.models.classifier import Classifier
from ironglass.models.loading.load import load_classifier
from ironglass.studies.hardening.methods import count_passes, methods_of
from ironglass.train.objective import CrossEntropy
from ironglass.train.recipe import Stage

TRAIN = Split(np.random.default_rng(0).integers(0, 256, (12, 16, 16, 1), dtype=np.uint8), np.arange(12) % 2)


@pytest.fixture
def classifier() -> Classifier:
    return load_classifier("simple-cnn", classes=("dark", "light"), size=16, channels=1)


def failing(classifier: Any, images: Any, labels: Any) -> Any:
    raise ValueError


@pytest.mark.parametrize(
    ("objective", "passes"),
    [
        (CrossEntropy(), (1, 1)),
        (NFGSM(eps=0.1), (2, 2)),
        (PGDTraining(eps=0.1, steps=7), (8, 8)),
        (Free(eps=0.1, replays=3), (3, 3)),  # every replay
        (failing, None),
    ],
)
def test_passes_are_counted_on_one_batch(objective: Any, passes: Any, classifier: Classifier) -> None:
    was, state = classifier.training, torch.random.get_rng_state()
    assert count_passes(objective, classifier, TRAIN) == passes
    assert classifier.training == was
    assert torch.equal(torch.random.get_rng_state(), state)
    assert not classifier._forward_hooks


def test_a_method_has_its_short_name_and_its_budget(classifier: Classifier) -> None:
    stages = tuple(
        Stage(epochs=1, peak_lr=0.1, objective=objective)
        for objective in (CrossEntropy(), AWP(objective=TRADES(eps=8 / 255)), failing)
    )
    plain, wrapped, own = methods_of(stages, classifier, TRAIN)
    assert (plain.name, plain.eps, plain.norm) == ("Cross-entropy", 0.0, None)
    assert (wrapped.name, wrapped.eps, wrapped.norm) == (
        "AWP of TRADES 8/255",
        8 / 255,
        "linf",
    )
    assert (own.name, own.eps, own.norm, own.forward) == ("failing", None, None, None)
    assert wrapped.forward is not None
    assert plain.forward is not None
    assert wrapped.forward > plain.forward
