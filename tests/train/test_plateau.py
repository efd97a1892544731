"""Stages that end when the training loss stops falling."""

import itertools
import math
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from torch import nn

from ironglass.data.dataset import Dataset
from ironglass.models import Classifier
from ironglass.run import Run
from ironglass.train import Plateau, Recipe, Stage, fit
from ironglass.train.plateau import has_flattened
from ironglass.train.status import Status


@pytest.mark.parametrize(
    ("losses", "flat"),
    [
        ([], False),
        ([1.0], False),
        ([1.0, 0.95], False),  # one epoch waited
        ([1.0, 0.95, 0.95], True),
        ([1.0, 0.95, 0.95, 0.5], False),
        ([1.0, 0.95, 0.89], False),  # slowly, but a tenth below the mark of 1 in time
        ([1.0, 0.95, 0.89, 0.85, 0.81], True),  # the mark is 0.89, and a tenth below it 0.801
        ([0.0, 0.0, 0.0], True),
        ([-1.0, -1.05, -1.2], False),
        ([1.0, 2.0, 3.0], True),
    ],
)
def test_two_epochs_without_a_tenth(losses: list[float], flat: bool) -> None:
    assert has_flattened(losses, Plateau(patience=2, least=0.1)) is flat


HEAD = Stage(
    epochs=9, trainable_from="5", schedule="exponential", peak_lr=0.01, last_lr=0.001, batch_size=16,
    until=Plateau(patience=1, least=0.9),
)  # fmt: skip
BODY = Stage(epochs=2, trainable_from="1", schedule="exponential", peak_lr=0.001, batch_size=16, name="whole body")


@pytest.mark.parametrize("after", [11, 13])
def test_a_flat_stage_makes_room_for_the_next(after: int, small: Classifier, resumed: Callable[..., Run]) -> None:
    body, head = small.network[1].weight.clone(), small.network[5].weight.clone()
    rows = resumed(small, Recipe(stages=(HEAD, BODY)), after).history
    assert [row["stage"] for row in rows] == [0, 0, 1, 1]
    assert [row["stage_name"] for row in rows] == ["from 5", "from 5", "whole body", "whole body"]
    # the rate of an epoch's last step, of six a stage's epoch: the fall spans all the epochs that a stage might have
    falls = [0.01 * 0.1 ** ((epoch + 5 / 6) / 9) for epoch in (0, 1)]
    falls += [0.001 * 0.1 ** ((epoch + 5 / 6) / 2) for epoch in (0, 1)]
    assert [row["lr"] for row in rows] == pytest.approx(falls)
    assert not torch.equal(small.network[1].weight, body)
    assert not torch.equal(small.network[5].weight, head)
    assert small.network[0].num_batches_tracked == 0, "frozen in both stages"


def test_the_end_comes_nearer_when_a_stage_ends_early(small: Classifier, dataset: Dataset, tmp_path: Path) -> None:
    seen: list[Status] = []
    fit(small, dataset, Recipe(stages=(HEAD, BODY)), tmp_path, progress=seen.append)
    assert [(key, len(list(group))) for key, group in itertools.groupby(s.epochs for s in seen)] == [(11, 2), (4, 2)]
    assert seen[-1].step == seen[-1].steps == 24


def test_a_loss_that_goes_on_falling_uses_all_its_epochs(small: Classifier, dataset: Dataset, tmp_path: Path) -> None:
    level = itertools.count()

    def falling(model: nn.Module, images: torch.Tensor, labels: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        logits = model(images)
        return 0 * logits.sum() + math.exp(-next(level)), logits

    stage = Stage(epochs=3, batch_size=16, objective=falling, until=Plateau(patience=1, least=0.5))
    assert len(fit(small, dataset, Recipe(stages=(stage,)), tmp_path).history) == 3
