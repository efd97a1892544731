"""Networks of every kind are trained, or refused before anything is written."""

import copy
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from accelerate import Accelerator
from torch import Tensor, nn
from torch.nn import functional

from ironglass.data.dataset import Dataset
from ironglass.errors import InputError
from ironglass.harden import NFGSM
from ironglass.models import Classifier
from ironglass.run import Run
from ironglass.train import fit
from ironglass.train.fit import check_recipe
from ironglass.train.loop.average import Average
from ironglass.train.loop.step import accumulate
from ironglass.train.objective import CrossEntropy
from ironglass.train.recipe import Recipe, Stage

CLASSES = ("upright", "level")
RECIPE = Recipe(stages=(Stage(epochs=1, batch_size=32),), average=0.9, seed=1)


class Net(nn.Module):
    """Two heads on one body; `form` says what is given, of logits, auxiliary logits and the mode."""

    def __init__(self, form: Callable[[Tensor, Tensor, bool], Any], outputs: int = 2) -> None:
        super().__init__()
        self.body = nn.Sequential(nn.Conv2d(1, 3, 5, stride=2), nn.BatchNorm2d(3), nn.ReLU(), nn.Dropout(0.2))
        self.main, self.aux = nn.Linear(48, outputs), nn.Linear(48, outputs)
        self.form = form

    def forward(self, x: Tensor) -> Any:
        x = self.body(x)
        x = x.view(x.size(0), -1)  # of maps that lie channel by channel
        return self.form(self.main(x), self.aux(x), self.training)


class Tied(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.into, self.back, self.last = nn.Linear(144, 144), nn.Linear(144, 144), nn.Linear(144, 2)
        self.back.weight = self.into.weight

    def forward(self, x: Tensor) -> Tensor:
        return self.last(self.back(self.into(x.flatten(1)).relu()))


def classifier_of(network: nn.Module) -> Classifier:
    return Classifier(network, mean=(0.5,), std=(0.3,), classes=CLASSES, input_size=12)


def made(name: str) -> nn.Module:
    torch.manual_seed(0)
    return NETWORKS[name]()


NETWORKS: dict[str, Callable[[], nn.Module]] = {
    "plain": lambda: Net(lambda z, aux, training: z),
    "tuple": lambda: Net(lambda z, aux, training: (z, aux.sum())),
    "dict": lambda: Net(lambda z, aux, training: {"features": aux.sum(), "logits": z}),
    "auxiliary tuple": lambda: Net(lambda z, aux, training: (z, aux) if training else z),
    "auxiliary dict": lambda: Net(lambda z, aux, training: {"aux": aux, "out": z} if training else {"out": z}),
    "deep supervision": lambda: Net(lambda z, aux, training: [z, aux, aux]),
    "single logit": lambda: Net(lambda z, aux, training: z, 1),
    "single logit, squeezed": lambda: Net(lambda z, aux, training: z.squeeze(1), 1),
    "1 x 1": lambda: Net(lambda z, aux, training: z[:, :, None, None]),
    "float64": lambda: Net(lambda z, aux, training: z).double(),
    "lazy": lambda: nn.Sequential(nn.LazyConv2d(3, 5), nn.LazyBatchNorm2d(), nn.Flatten(), nn.LazyLinear(2)),
    "tied": Tied,
    "compiled": lambda: torch.compile(Net(lambda z, aux, training: z)),  # type: ignore[dict-item]
    "parallel": lambda: nn.DataParallel(Net(lambda z, aux, training: z)),
}


@pytest.mark.parametrize("name", NETWORKS)
def test_each_kind_of_network_is_trained_and_kept(name: str, dataset: Dataset, tmp_path: Path) -> None:
    classifier = classifier_of(made(name))
    if name == "lazy":
        classifier.settle()
    before = copy.deepcopy(classifier.network.state_dict())
    run = fit(classifier, dataset, RECIPE, tmp_path / "run")
    after = classifier.network.state_dict()
    assert any(not torch.equal(before[key], after[key]) for key in before)
    assert all(tensor.isfinite().all() for tensor in after.values())
    other = classifier_of(made(name))
    if name == "lazy":
        other.settle()
    again = fit(other, dataset, RECIPE, run.path, resume=True)  # which reads what was kept
    assert again.results["training"] == run.results["training"]
    images = torch.rand(3, 1, 12, 12)
    assert torch.equal(other.eval()(images), classifier.eval()(images))


@pytest.mark.parametrize("name", ["tied", "auxiliary tuple", "float64"])
def test_an_interrupted_training_goes_on_in_the_same_bits(name: str, resumed: Callable[..., Run]) -> None:
    resumed(classifier_of(made(name)), Recipe(stages=(Stage(epochs=2, batch_size=32),), average=0.5, seed=1), 4)


def test_a_tied_weight_is_averaged_once() -> None:
    classifier = classifier_of(Tied())
    average = Average(classifier, 0.9)
    start = classifier.network.get_parameter("into.weight").detach().clone()
    with torch.no_grad():
        classifier.network.get_parameter("into.weight").add_(1.0)
    average.update(classifier, 10**6)
    torch.testing.assert_close(average.classifier.network.get_parameter("into.weight"), start + 0.1)


REFUSED: dict[str, tuple[Callable[[], nn.Module], str]] = {
    "half": (lambda: Net(lambda z, aux, training: z).half(), r"float16.*\.float\(\)"),
    "bfloat16": (lambda: Net(lambda z, aux, training: z).bfloat16(), "bfloat16"),
    "half in part": (lambda: nn.Sequential(nn.Flatten(), nn.Linear(144, 2).double(), Half()), "float16"),
    "detached": (lambda: Net(lambda z, aux, training: z.detach()), "no gradient"),
    "through numpy": (lambda: Net(lambda z, aux, training: torch.from_numpy(z.detach().numpy())), "no gradient"),
    "a comma too many": (lambda: Net(lambda z, aux, training: (z,)), "comma"),
    "too many": (lambda: Net(lambda z, aux, training: z, 5), "5 outputs .* 2 class names"),
    "too many in training": (
        lambda: Net(lambda z, aux, training: torch.cat((z, z), 1) if training else z),
        "4 outputs .* 2 class names",
    ),
    "raises in training": (lambda: Net(lambda z, aux, training: 1 / 0 if training else z), "ZeroDivisionError"),
}


class Half(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(2, dtype=torch.float16))

    def forward(self, x: Tensor) -> Tensor:
        return x * self.weight


@pytest.mark.parametrize("name", REFUSED)
def test_what_cannot_be_trained_is_refused_before_anything_is_written(
    name: str, dataset: Dataset, tmp_path: Path
) -> None:
    build, says = REFUSED[name]
    classifier = classifier_of(build().eval())
    with pytest.raises(InputError, match=says) as refusal:
        fit(classifier, dataset, RECIPE, tmp_path / "run")
    assert "\n" not in str(refusal.value)
    assert not (tmp_path / "run").exists()


class Restless(nn.Module):
    """Moves buffers in place, exchanges one, and draws, in every pass."""

    def __init__(self) -> None:
        super().__init__()
        self.norm, self.last = nn.BatchNorm2d(1), nn.Linear(144, 2)
        self.register_buffer("passes", torch.zeros(()))
        self.passes: Tensor

    def forward(self, x: Tensor) -> Tensor:
        self.passes = self.passes + 1
        return self.last(functional.dropout(self.norm(x).flatten(1)))


def test_the_rehearsal_leaves_network_and_draws_as_they_were(dataset: Dataset) -> None:
    classifier = classifier_of(Restless()).eval()
    classifier.network.norm.train()
    classifier.network.last.weight.requires_grad_(False)
    before, draws = copy.deepcopy(classifier.state_dict()), torch.get_rng_state()
    passes = classifier.network.passes
    check_recipe(classifier, dataset, RECIPE)
    assert all(torch.equal(before[name], now) for name, now in classifier.state_dict().items() if "passes" not in name)
    assert torch.equal(torch.get_rng_state(), draws)
    assert [classifier.network.norm.training, classifier.network.last.training] == [True, False]
    assert [one.requires_grad for one in classifier.network.parameters()] == [True, True, False, True]
    assert passes == 0


def plain(classifier: nn.Module, images: Tensor, labels: Tensor) -> tuple[Tensor, Tensor]:
    logits = classifier(images)
    return functional.cross_entropy(logits, labels), logits


class Stateful:
    """Counts its calls, moves the network's weights, and draws."""

    calls = 0

    def __call__(self, classifier: nn.Module, images: Tensor, labels: Tensor) -> tuple[Tensor, Tensor]:
        self.calls += 1
        random.random()
        loss, logits = plain(classifier, images + 0.1 * torch.rand(images.shape), labels)
        loss.backward(retain_graph=True)
        with torch.no_grad():
            for weight in classifier.parameters():
                weight.mul_(2)
        return loss, logits


def recipe_of(objective: Any, **stage: Any) -> Recipe:
    return Recipe(stages=(Stage(epochs=1, batch_size=4, objective=objective, **stage),))


WRONG: dict[str, tuple[Any, str]] = {
    "none": (lambda *batch: None, "not a NoneType"),
    "text": (lambda *batch: "0.5", "not a str"),
    "number": (lambda *batch: 0.5, "not a float"),
    "three": (lambda *batch: (*plain(*batch), 1), r"not \(a tensor \(\), a tensor \(4, 2\), an int\)"),
    "swapped": (lambda *batch: plain(*batch)[::-1], r"not \(a tensor \(4, 2\), a tensor \(\)\)"),
    "detached": (lambda *batch: tuple(part.detach() for part in plain(*batch)), "one number with a gradient"),
    "features": (
        lambda *batch: (plain(*batch)[0], torch.ones(4, 7)),
        "logits of 7 classes, of which the network has 2",
    ),
    "failing": (lambda *batch: 1 / 0, "failed: ZeroDivisionError"),
}


@pytest.mark.parametrize("wrong", WRONG)
def test_a_wrong_objective_is_refused_before_anything_is_written(wrong: str, dataset: Dataset, tmp_path: Path) -> None:
    objective, says = WRONG[wrong]
    recipe = Recipe(stages=(*recipe_of(plain).stages, *recipe_of(objective).stages))
    with pytest.raises(InputError, match=says):
        fit(classifier_of(Restless()), dataset, recipe, tmp_path / "run", progress=False)
    assert not (tmp_path / "run").exists()


class Shrinking:
    """Has an eps that cannot be made smaller."""

    eps = 0.1

    def __call__(self, classifier: nn.Module, images: Tensor, labels: Tensor) -> tuple[Tensor, Tensor]:
        return plain(classifier, images, labels)

    def scaled(self, share: float) -> Any:
        return None


def test_an_objective_that_a_ramp_breaks_is_refused(dataset: Dataset) -> None:
    with pytest.raises(InputError, match="objective Shrinking makes None of itself"):
        check_recipe(classifier_of(Restless()), dataset, recipe_of(Shrinking(), eps_ramp=1))


def test_the_trial_of_an_objective_changes_nothing(dataset: Dataset) -> None:
    classifier, objective = classifier_of(Restless()), Stateful()
    before = copy.deepcopy(classifier.state_dict())
    draws = torch.get_rng_state(), random.getstate()
    check_recipe(classifier, dataset, recipe_of(objective))
    assert all(torch.equal(before[name], now) for name, now in classifier.state_dict().items())
    assert torch.equal(torch.get_rng_state(), draws[0])
    assert random.getstate() == draws[1]
    assert objective.calls == 0
    assert all(weight.grad is None for weight in classifier.parameters())


@pytest.mark.parametrize("parts", [1, 3])
@pytest.mark.parametrize("weight", [0.0, 0.4])
def test_auxiliary_losses_are_added_by_their_weight(weight: float, parts: int) -> None:
    torch.manual_seed(0)
    network = Net(lambda z, aux, training: (z, aux, aux) if training else z)
    network.body = nn.Sequential(nn.Conv2d(1, 3, 5, stride=2))
    classifier = classifier_of(network).train()
    images, labels = torch.rand(6, 1, 12, 12), torch.tensor([0, 1, 1, 0, 1, 0])
    z, aux, _ = network((images - 0.5) / 0.3)
    by_hand = functional.cross_entropy(z, labels, label_smoothing=0.1)
    by_hand = by_hand + 2 * weight * functional.cross_entropy(aux, labels, label_smoothing=0.1)
    expected = torch.autograd.grad(by_hand, list(network.parameters()), allow_unused=True)
    objective = CrossEntropy(label_smoothing=0.1)
    loss, *_ = accumulate(classifier, objective, images, labels, parts, Accelerator(cpu=True), weight)
    assert loss / 6 == pytest.approx(float(by_hand.detach()), rel=1e-5)
    for parameter, gradient in zip(network.parameters(), expected, strict=True):
        if parameter.grad is None or gradient is None:
            assert weight == 0
            assert parameter.grad is None
        else:
            torch.testing.assert_close(parameter.grad, gradient)


def test_an_auxiliary_weight_without_anything_to_weigh_is_refused(dataset: Dataset, tmp_path: Path) -> None:
    recipe = Recipe(stages=(Stage(epochs=1, aux_weight=0.3),))
    with pytest.raises(InputError, match="no auxiliary outputs"):
        fit(classifier_of(made("plain")), dataset, recipe, tmp_path / "run")
    with pytest.raises(InputError, match="plain cross-entropy"):
        Stage(aux_weight=0.3, objective=NFGSM())
    fit(classifier_of(made("auxiliary dict")), dataset, recipe, tmp_path / "run")
