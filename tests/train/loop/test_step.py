"""One batch in as many parts as memory needs, and a failed try that leaves nothing behind."""

import copy
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

from ironglass.data.dataset import Dataset
from ironglass.errors import InputError
from ironglass.models import Classifier
from ironglass.run import Run
from ironglass.train import Recipe, Stage, fit
from ironglass.train.loop.step import is_out_of_memory, loss_and_logits
from ironglass.train.objective import CrossEntropy

CPU = "[enforce fail at alloc_cpu.cpp:127] err == 0. DefaultCPUAllocator: can't allocate memory: you tried to allocate"


@dataclass(frozen=True)
class Small:
    """Cross-entropy with room for so many images, which a forward pass is needed to find out."""

    room: int
    error: Exception = field(default_factory=lambda: torch.OutOfMemoryError("CUDA out of memory."), repr=False)
    tried: list[int] = field(default_factory=list, repr=False)

    def __call__(self, model: nn.Module, images: torch.Tensor, labels: torch.Tensor) -> Any:
        self.tried.append(len(images))
        found = CrossEntropy()(model, images, labels)
        if len(images) > self.room:
            raise self.error
        return found


def stage(objective: Any, **given: Any) -> Stage:
    return Stage(epochs=1, peak_lr=0.05, schedule="constant", batch_size=16, objective=objective, **given)


def plain(classifier: Classifier) -> Classifier:
    """Without what looks at a batch as a whole, or draws."""
    classifier.network[0], classifier.network[4] = nn.Identity(), nn.Identity()
    return classifier


@pytest.mark.parametrize("error", [torch.OutOfMemoryError("CUDA out of memory."), RuntimeError(CPU), MemoryError()])
def test_halved_until_it_fits_with_the_gradient_of_the_whole(
    error: Exception, small: Classifier, dataset: Dataset, tmp_path: Path
) -> None:
    small, objective = plain(small), Small(5, error)
    roomy = copy.deepcopy(small)
    run = fit(small, dataset, Recipe(stages=(stage(objective),)), tmp_path / "small")
    whole = fit(roomy, dataset, Recipe(stages=(stage(CrossEntropy()),)), tmp_path / "roomy")
    assert objective.tried == [16, 8, *[4] * 24], "tried and remembered; six steps in four parts each"
    assert run.results["training"]["micro_batch"] == 4
    assert whole.results["training"]["micro_batch"] is None
    for ours, theirs in zip(small.parameters(), roomy.parameters(), strict=True):
        torch.testing.assert_close(ours, theirs)
    for key in ("train_loss", "train_accuracy"):
        assert run.history[0][key] == pytest.approx(whole.history[0][key], rel=1e-5)


def test_uneven_parts_weigh_by_their_images(small: Classifier, dataset: Dataset, tmp_path: Path) -> None:
    small, objective = plain(small), Small(3)
    roomy = copy.deepcopy(small)
    given = {"epochs": 1, "peak_lr": 0.05, "schedule": "constant", "batch_size": 7}
    fit(small, dataset, Recipe(stages=(Stage(**given, objective=objective),)), tmp_path / "small")
    fit(roomy, dataset, Recipe(stages=(Stage(**given),)), tmp_path / "roomy")
    assert objective.tried[:5] == [7, 4, 3, 2, 2]
    for ours, theirs in zip(small.parameters(), roomy.parameters(), strict=True):
        torch.testing.assert_close(ours, theirs)


def test_a_failed_try_leaves_statistics_and_draws_alone(small: Classifier, dataset: Dataset, tmp_path: Path) -> None:
    limited = copy.deepcopy(small)
    fit(limited, dataset, Recipe(stages=(stage(Small(8)),)), tmp_path / "limited")
    assert limited.network[0].num_batches_tracked == 12, "two parts in each of six steps"

    halves = copy.deepcopy(small)

    def in_two(model: nn.Module, images: torch.Tensor, labels: torch.Tensor) -> Any:
        parts = [CrossEntropy()(model, *part) for part in zip(images.chunk(2), labels.chunk(2), strict=True)]
        return (parts[0][0] + parts[1][0]) / 2, torch.cat([logits for _, logits in parts])

    fit(halves, dataset, Recipe(stages=(stage(in_two),)), tmp_path / "halves")
    for name, tensor in limited.network.state_dict().items():
        torch.testing.assert_close(tensor, halves.network.state_dict()[name], msg=name)


def test_the_micro_batch_is_remembered_after_an_interruption(small: Classifier, resumed: Callable[..., Run]) -> None:
    objective = Small(8)
    assert resumed(small, Recipe(stages=(stage(objective),)), 2).results["training"]["micro_batch"] == 8
    assert objective.tried.count(16) == 2, "once a run"


def test_where_two_images_do_not_fit_it_says_so(small: Classifier, dataset: Dataset, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no room to train on 2 images at once"):
        fit(small, dataset, Recipe(stages=(stage(Small(1)),)), tmp_path)


def test_other_errors_are_not_mistaken_for_it(small: Classifier, dataset: Dataset, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="Small failed: RuntimeError: shapes"):
        fit(small, dataset, Recipe(stages=(stage(Small(1, RuntimeError("shapes differ"))),)), tmp_path)
    assert not is_out_of_memory(ValueError("not enough memory of the subject"))


def test_of_a_loss_alone_the_logits_are_those_of_its_last_pass() -> None:
    network, images, labels = nn.Linear(3, 2), torch.ones(4, 3), torch.zeros(4, dtype=torch.long)

    def alone(model: nn.Module, images: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
        model(images[:2])  # of other images than the batch's
        return nn.functional.cross_entropy(model(2 * images), labels)

    loss, logits = loss_and_logits(alone, network, images, labels)  # type: ignore[arg-type]
    assert torch.equal(logits, network(2 * images))
    assert torch.equal(loss, nn.functional.cross_entropy(logits, labels))
    assert not logits.requires_grad
    assert not network._forward_hooks
    with pytest.raises(InputError, match=r"must give the loss or \(loss, logits\)"):
        loss_and_logits(lambda model, images, labels: network.weight.sum(), network, images, labels)  # type: ignore[arg-type]
