"""A ramp of eps: what every step trains against, what is kept, and the same bits after an interruption."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

from ironglass.data.dataset import Dataset
from ironglass.errors import InputError
from ironglass.harden import AWP, OBJECTIVES, TRADES, AdversarialRegularisation, Free, PGDTraining
from ironglass.models import Classifier
from ironglass.run import Run
from ironglass.run.stored_recipes import settings_of
from ironglass.train import Recipe, Stage, Watched, fit
from ironglass.train.objective import CrossEntropy
from ironglass.train.ramp import can_shrink, eps_share, scaled
from ironglass.train.record import as_json

STEPS = 6  # an epoch


@dataclass(frozen=True)
class Noted:
    """Cross-entropy that notes the eps and the step of every call."""

    eps: float = 0.2
    step_size: float | None = 0.1
    calls: list[tuple[float, float | None]] = field(default_factory=list, repr=False)

    def __call__(self, model: nn.Module, images: torch.Tensor, labels: torch.Tensor) -> Any:
        self.calls.append((self.eps, self.step_size))
        return CrossEntropy()(model, images, labels)


def stage(epochs: int, **given: Any) -> Stage:
    return Stage(epochs=epochs, peak_lr=0.02, schedule="constant", batch_size=16, **given)


def test_eps_grows_step_by_step_to_the_whole(small: Classifier, dataset: Dataset, tmp_path: Path) -> None:
    noted = Noted()
    stages = (stage(1, objective=noted), stage(3, objective=noted, eps_ramp=1.5))
    run = fit(small, dataset, Recipe(stages=stages), tmp_path, watch=None)
    expected = [1.0] * STEPS + [min(1.0, step / (1.5 * STEPS)) for step in range(3 * STEPS)]
    assert [eps for eps, _ in noted.calls] == pytest.approx([0.2 * share for share in expected])
    assert [step for _, step in noted.calls] == pytest.approx([0.1 * share for share in expected])
    shares = [row.get("eps_share") for row in run.history]
    assert shares == [None, pytest.approx(5 / 9), 1.0, 1.0]
    assert [recorded.get("eps_ramp") for recorded in run.results["training"]["stages"]] == [None, 1.5]
    assert run.read("recipe.json")["stages"][1]["eps_ramp"] == 1.5


@pytest.mark.parametrize("after", [3, STEPS, STEPS + 2])
def test_the_same_bits_after_an_interruption(after: int, small: Classifier, resumed: Callable[..., Run]) -> None:
    objective = PGDTraining(norm="l2", eps=0.5, steps=2)
    recipe = Recipe(stages=(stage(2, objective=objective, eps_ramp=1.5),), seed=3)
    resumed(small, recipe, after, watch="guard")


def test_a_ramp_makes_another_network(small: Classifier, dataset: Dataset, tmp_path: Path) -> None:
    start = {name: value.clone() for name, value in small.network.state_dict().items()}
    kept = []
    for ramp in (0.0, 1.0):
        small.network.load_state_dict(start)
        recipe = Recipe(stages=(stage(1, objective=PGDTraining(eps=0.2, steps=2), eps_ramp=ramp),))
        fit(small, dataset, recipe, tmp_path / str(ramp), watch=None)
        kept.append(small.network[5].weight.detach().clone())
    assert not torch.equal(*kept)


def test_no_epoch_of_the_ramp_is_kept_and_none_alarms(small: Classifier, dataset: Dataset, tmp_path: Path) -> None:
    merits = (0.9, 0.8, 0.3, 0.4)

    def script(classifier: Classifier, rows: Any) -> Watched:
        return Watched({}, merit=merits[len(rows)], alarm=len(rows) == 1)

    recipe = Recipe(stages=(stage(4, objective=Noted(), eps_ramp=2),))
    run = fit(small, dataset, recipe, tmp_path / "watched", watch=script)
    assert [row["alarm"] for row in run.history] == [False] * 4
    assert run.results["training"]["best_epoch"] == 4
    run = fit(small, dataset, recipe, tmp_path / "plain", watch=None)
    assert run.results["training"]["best_epoch"] > 2


def test_a_growing_loss_ends_no_stage_that_still_grows_its_eps(
    small: Classifier, dataset: Dataset, tmp_path: Path
) -> None:
    def rising(scale: float) -> Any:
        @dataclass(frozen=True)
        class Rising:
            eps: float = scale

            def __call__(self, model: nn.Module, images: torch.Tensor, labels: torch.Tensor) -> Any:
                loss, logits = CrossEntropy()(model, images, labels)
                return 0 * loss + self.eps, logits

        return Rising()

    for ramp, epochs in ((0.0, 3), (5.0, 8)):
        until: Any = {"patience": 2, "least": 0.0}
        recipe = Recipe(stages=(stage(9, objective=rising(1.0), eps_ramp=ramp, until=until),))
        run = fit(small, dataset, recipe, tmp_path / str(ramp), watch=None)
        assert len(run.history) == epochs


@pytest.mark.parametrize("name", OBJECTIVES)
def test_every_objective_of_ours_shrinks(name: str) -> None:
    smaller = scaled(OBJECTIVES[name], 0.25)
    assert smaller.eps == 0.25 * OBJECTIVES[name].eps
    assert type(smaller) is type(OBJECTIVES[name])
    assert scaled(OBJECTIVES[name], 1.0) is OBJECTIVES[name]


def test_what_shrinks_with_eps() -> None:
    assert scaled(PGDTraining(eps=0.4, step_size=0.1), 0.5) == PGDTraining(eps=0.2, step_size=0.05)
    assert scaled(PGDTraining(norm="l2", eps=4), 0.5) == PGDTraining(norm="l2", eps=2)
    assert scaled(AWP(objective=TRADES(eps=0.4)), 0.5) == AWP(objective=TRADES(eps=0.2))
    assert scaled(AdversarialRegularisation(adv_step_size=0.4), 0) == AdversarialRegularisation(adv_step_size=0)
    assert scaled(Free(eps=0.4, replays=3), 0.5) == Free(eps=0.2, replays=3)


def test_an_object_of_the_users_own_says_how_it_shrinks() -> None:
    class Own:
        eps = 0.1

        def scaled(self, share: float) -> Any:
            return ("smaller", share)

        def __call__(self, model: nn.Module, images: torch.Tensor, labels: torch.Tensor) -> Any:
            return CrossEntropy()(model, images, labels)

    assert can_shrink(Own())
    assert scaled(Own(), 0.5) == ("smaller", 0.5)
    assert Stage(objective=Own(), eps_ramp=2).eps_ramp == 2


def test_shares() -> None:
    assert [eps_share(2.0, done) for done in (0, 0.5, 1, 2, 7)] == [0, 0.25, 0.5, 1, 1]
    assert eps_share(0.0, 0) == 1


@pytest.mark.parametrize(
    ("fields", "says"),
    [
        ({"eps_ramp": 2}, "eps_ramp is for an objective with a field eps"),
        ({"eps_ramp": 2, "objective": lambda model, images, labels: None}, "eps_ramp is for an objective with a field"),
        ({"eps_ramp": 11, "objective": "pgd"}, "eps_ramp is 11 of 10 epochs: give fewer"),
        ({"eps_ramp": -1, "objective": "pgd"}, "eps_ramp is -1: give a number of at least 0"),
        ({"eps_ramp": float("nan"), "objective": "pgd"}, "eps_ramp is nan"),
    ],
)
def test_a_ramp_that_means_nothing_is_refused(fields: dict[str, Any], says: str) -> None:
    with pytest.raises(InputError, match=says) as caught:
        Stage(**fields)
    assert "\n" not in str(caught.value)


def test_a_recipe_from_before_is_the_same_run() -> None:
    now = as_json(Recipe(stages=(Stage(objective="trades"), Stage(objective=AWP(objective=PGDTraining())))))
    before = as_json(Recipe(stages=(Stage(objective="trades"), Stage(objective=AWP(objective=PGDTraining())))))
    for recorded in before["stages"]:
        del recorded["eps_ramp"]
        del recorded["objective"].get("objective", recorded["objective"])["norm"]
    assert settings_of(before) == settings_of(now)
    ramped = as_json(replace(Recipe(stages=(Stage(objective="trades", eps_ramp=1),))))
    assert settings_of(ramped)["stages"] != settings_of(now)["stages"][:1]
