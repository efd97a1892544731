"""The picture of a linear network, against its network."""

from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

import ironglass as ig
from ironglass.attacks import FGSM, Linf
from ironglass.data.dataset import Split
from ironglass.errors import InputError
from ironglass.plans.attacks import Attacks
from ironglass.plans.audit import Audit
from ironglass.report.kit.palette import drawn
from ironglass.report.linear.chart import linear_chart
from ironglass.report.linear.weights import LinearWeights, linear_words, read_linear
from ironglass.results.hardening import Evaluations, Hardening, PairedRow, Seconds
from ironglass.results.numbers import McNemar, Rate
from ironglass.results.sections import Results, read_results
from ironglass.results.training import Stage
from ironglass.run import Run
from ironglass.studies.steps.linear import write_linear

RATE, SAME = Rate(value=0.5, low=0.4, high=0.6, n=100), McNemar(only_first=0, only_second=0, p=1.0)
STAGE = Stage(epochs=1, peak_lr=0.1, schedule="constant", last_lr=None, optimiser="sgd", weight_decay=0.0, batch_size=8,
              objective="CrossEntropy", trainable_from=None, until=None, aux_weight=0.0, name="")  # fmt: skip
PLAN = Audit(attacks=Attacks(methods=("fgsm",), eps=(0.2,)), seed=3)


def split(n: int = 40) -> Split:
    pixels = np.random.default_rng(0).integers(0, 256, (n, 5, 4, 1), dtype=np.uint8)
    return Split(pixels, np.arange(n) % 2, tuple(map(str, range(n))))


def network(seed: int) -> ig.Classifier:
    classifier = ig.load_classifier("logistic", classes=("three", "seven"), size=(5, 4), channels=1)
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for parameter in classifier.parameters():
            parameter.copy_(torch.randn(parameter.shape, generator=generator) / 4)
    return classifier


def read(run: Run, **also: object) -> list[LinearWeights]:
    found = read_results(run.read_object("results.json"), file="results.json").finished()
    return read_linear(run, Results(**found | also))


@pytest.fixture
def run(tmp_path: Path) -> Run:
    made = Run(tmp_path)
    write_linear(made, network(1), split(), PLAN)
    return made


def test_the_closed_form_is_the_attack(run: Run) -> None:
    (side,) = read(run)
    assert side.labels.tolist() == [0, 0, 1, 1]
    images = torch.from_numpy(side.clean()).permute(0, 3, 1, 2).float()
    theirs = FGSM(threat=Linf(0.2))(network(1), images, torch.from_numpy(side.labels))
    ours = torch.from_numpy(side.adversarial()).permute(0, 3, 1, 2).float()
    assert torch.allclose(ours, theirs, atol=1e-6)
    for given, shown in ((images, side.clean()), (theirs, side.adversarial())):
        assert network(1)(given).argmax(1).tolist() == side.predictions(shown).tolist()


def test_the_numbers_are_those_of_the_logits(run: Run) -> None:
    found, images = run.results["linear"], split()[:][0]
    labels = torch.arange(40) % 2
    logits = network(1)(images)
    margins = (logits[:, 1] - logits[:, 0]) * (2 * labels - 1)
    assert found["margin"] == pytest.approx(np.median(margins.detach().numpy()), rel=1e-5)
    weight = network(1).network.get_submodule("linear").weight
    assert found["reach"] == pytest.approx(0.2 * (weight[1] - weight[0]).abs().sum().item() / 0.25, rel=1e-5)
    moved = FGSM(threat=Linf(0.2))(network(1), images, labels)
    assert found["accuracy"]["value"] == float((network(1)(moved).argmax(1) == labels).double().mean())
    assert (found["accuracy"]["n"], found["eps"]) == (40, 0.2)


def test_both_sides_of_a_hardening_share_images_and_scale(tmp_path: Path) -> None:
    whole = Run(tmp_path)
    rows = tuple(
        PairedRow(name=name, label=name, eps=0.0, before=RATE, after=RATE, test=SAME) for name in ("clean", "worst")
    )
    sides = Hardening(norm="linf", eps=(0.2,), split="test", stages=(STAGE,), seconds=Seconds(before=None, after=1.0),
                      guard="on", evaluations=Evaluations(), alarms=(), watched=(), rows=rows)  # fmt: skip
    for seed, side in enumerate(("before", "after")):
        assert read(whole, hardening=sides) == []  # not before both are there
        write_linear(Run(tmp_path / side), network(seed), split(), PLAN)
    before, after = read(whole, hardening=sides)
    assert np.array_equal(before.images, after.images)
    figure = linear_chart([before, after], ["three", "seven"])
    pictures = [axes.images[0] for axes in figure.axes if axes.images]
    assert len({one.norm.vmax for one in pictures if one.get_cmap().name == "RdBu_r"} - {1.5}) == 1
    assert len(pictures) == 4 + 3 * 4
    assert drawn(linear_chart, [before, after], ["three", "seven"], kinds=("png",), narrow=True)
    assert linear_words([before, after]).startswith("Before hardening a change of 51/255")


def test_other_networks_have_no_such_picture(tmp_path: Path) -> None:
    run = Run(tmp_path)
    deep = ig.Classifier(
        nn.Sequential(nn.Flatten(), nn.Linear(20, 3), nn.ReLU(), nn.Linear(3, 2)),
        mean=(0.0,), std=(1.0,), classes=("three", "seven"), input_size=(5, 4),
    )  # fmt: skip
    write_linear(run, deep, split(), PLAN)
    write_linear(run, network(0), split(), Audit(attacks=Attacks(methods=("fgsm",), norm="l2", eps=(1.0,))))
    assert not list(tmp_path.iterdir())
    assert read(run) == []


def test_a_broken_file_is_named(run: Run) -> None:
    (run.path / "linear.safetensors").write_bytes(b"short")
    with pytest.raises(InputError, match=r"linear\.safetensors cannot be read"):
        read(run)
