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
from ironglass.plans.audit import Audit
from ironglass.report.audit.linear import linear_chart, linear_words, read_linear
from ironglass.report.kit.palette import drawn
from ironglass.run import Run
from ironglass.studies.steps.linear import write_linear

PLAN = Audit(attacks=("fgsm",), eps=(0.2,), seed=3)


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


@pytest.fixture
def run(tmp_path: Path) -> Run:
    made = Run(tmp_path)
    write_linear(made, network(1), split(), PLAN)
    return made


def test_the_closed_form_is_the_attack(run: Run) -> None:
    (side,) = read_linear(run)
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
    whole.record("hardening", {})
    for seed, side in enumerate(("before", "after")):
        assert read_linear(whole) == []  # not before both are there
        write_linear(Run(tmp_path / side), network(seed), split(), PLAN)
    before, after = read_linear(whole)
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
    write_linear(run, network(0), split(), Audit(attacks=("fgsm",), norm="l2", eps=(1.0,)))
    assert not list(tmp_path.iterdir())
    assert read_linear(run) == []


def test_a_broken_file_is_named(run: Run) -> None:
    (run.path / "linear.safetensors").write_bytes(b"short")
    with pytest.raises(InputError, match=r"linear\.safetensors cannot be read"):
        read_linear(run)
