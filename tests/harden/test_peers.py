"""What hardening wrote, opened in other people's tools: timm everywhere, the attack libraries where they are installed.

`PYTHONPATH=$(ls -d .venv-bench/lib/python3*/site-packages) .venv/bin/python -W ignore -m pytest -p no:warnings \
tests/harden/test_peers.py` runs them all.
"""

from collections.abc import Callable
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest
import timm
import torch
from sklearn.datasets import load_digits
from torch import Tensor, nn

import ironglass as ig
from ironglass.attacks import APGD, FGSM, PGD, Linf
from ironglass.data.dataset import Split
from ironglass.harden import NFGSM

EPS = 0.1
STEP = 0.02


def needs(library: str) -> pytest.MarkDecorator:
    """Skips by name where the library is not installed, before anything is trained."""
    return pytest.mark.skipif(find_spec(library) is None, reason=f"{library} is not installed in this environment")


@pytest.fixture(scope="module")
def dataset() -> ig.Dataset:
    """Scikit-learn's digits at 16 × 16."""
    digits = load_digits()
    pixels = (digits.images * (255 / 16)).round().astype(np.uint8).repeat(2, axis=1).repeat(2, axis=2)[..., None]
    splits = {}
    for name, part in (("train", slice(600)), ("validation", slice(600, 700)), ("test", slice(700, 828))):
        labels = digits.target[part].astype(np.int64)
        splits[name] = Split(pixels[part], labels, tuple(map(str, range(len(labels)))))
    return ig.Dataset("digits", splits, tuple("0123456789"), "digits")


def hardened(model: str, dataset: ig.Dataset, folder: Path, *, epochs: int) -> Path:
    """The folder of a model that has seen adversarial digits."""
    classifier = ig.load_classifier(model, classes=dataset.classes, size=16, channels=1)
    stage = ig.Stage(epochs=epochs, peak_lr=0.05, batch_size=64, objective=NFGSM(eps=EPS))
    ig.fit(classifier, dataset, ig.Recipe(stages=(stage,)), folder)
    return folder


@pytest.fixture(scope="module")
def opened(dataset: ig.Dataset, tmp_path_factory: pytest.TempPathFactory) -> nn.Module:
    """A checkpoint as a user opens it."""
    return ig.load_classifier(
        str(hardened("strided-cnn", dataset, tmp_path_factory.mktemp("hardened") / "run", epochs=6))
    )


@pytest.fixture(scope="module")
def batch(dataset: ig.Dataset) -> tuple[Tensor, Tensor]:
    images, labels = dataset.test[:]
    return images.contiguous(), labels


def right(network: nn.Module, images: Tensor, labels: Tensor) -> int:
    with torch.no_grad():
        return int((network(images).argmax(1) == labels).sum())


def agree(network: nn.Module, theirs: Tensor, ours: Tensor, batch: tuple[Tensor, Tensor], *, within: int = 0) -> None:
    """Their images keep to the threat, and fool the network as often as ours, up to `within` images."""
    images, labels = batch
    assert float((theirs - images).abs().max()) <= EPS + 1e-6
    clean, fooled = right(network, images, labels), right(network, ours, labels)
    assert 0 < fooled < clean - 10  # there is something to agree on
    assert abs(right(network, theirs.clamp(0, 1), labels) - fooled) <= within


def test_the_weights_of_a_timm_network_open_in_timm(dataset: ig.Dataset, batch: tuple, tmp_path: Path) -> None:
    folder = hardened("timm/test_efficientnet", dataset, tmp_path / "run", epochs=1)
    theirs = timm.create_model(f"local-dir:{folder}", pretrained=True).eval()
    known = theirs.pretrained_cfg
    mean, std = (torch.tensor(known[key]).view(1, -1, 1, 1) for key in ("mean", "std"))
    ours = ig.load_classifier(str(folder))
    assert torch.allclose(theirs((batch[0] - mean) / std), ours(batch[0]), atol=1e-4)
    assert tuple(known["label_names"]) == dataset.classes
    again = ig.load_classifier(f"local-dir:{folder}")
    assert torch.equal(again(batch[0]), ours(batch[0]))


@needs("torchattacks")
def test_torchattacks(opened: nn.Module, batch: tuple) -> None:
    library = import_module("torchattacks")
    agree(opened, library.FGSM(opened, eps=EPS)(*batch), FGSM(threat=Linf(EPS))(opened, *batch), batch)
    theirs = library.PGD(opened, eps=EPS, alpha=STEP, steps=10, random_start=False)(*batch)
    agree(opened, theirs, pgd()(opened, *batch), batch)


@needs("foolbox")
def test_foolbox(opened: nn.Module, batch: tuple) -> None:
    library = import_module("foolbox")
    model = library.PyTorchModel(opened, bounds=(0, 1))
    theirs, _, _ = library.attacks.LinfFastGradientAttack()(model, *batch, epsilons=EPS)
    agree(opened, theirs, FGSM(threat=Linf(EPS))(opened, *batch), batch)
    attack = library.attacks.LinfPGD(abs_stepsize=STEP, steps=10, random_start=False)
    agree(opened, attack(model, *batch, epsilons=EPS)[0], pgd()(opened, *batch), batch)


@needs("art")
def test_art(opened: nn.Module, batch: tuple) -> None:
    from art.attacks.evasion import FastGradientMethod, ProjectedGradientDescent
    from art.estimators.classification import PyTorchClassifier

    shape = tuple(batch[0].shape[1:])
    estimator = PyTorchClassifier(
        opened, loss=nn.CrossEntropyLoss(), input_shape=shape, nb_classes=10, clip_values=(0.0, 1.0), device_type="cpu"
    )
    known = {"eps": EPS, "num_random_init": 0, "batch_size": 128}
    given: tuple[np.ndarray, np.ndarray] = (batch[0].numpy(), batch[1].numpy())
    theirs = FastGradientMethod(estimator, **known).generate(*given)
    agree(opened, torch.from_numpy(theirs), FGSM(threat=Linf(EPS))(opened, *batch), batch)
    attack = ProjectedGradientDescent(estimator, **known, eps_step=STEP, max_iter=10, verbose=False)
    agree(opened, torch.from_numpy(attack.generate(*given)), pgd()(opened, *batch), batch)


@needs("pyautoattack")
def test_autoattack(opened: nn.Module, batch: tuple) -> None:
    library = import_module("pyautoattack")
    known = {"norm": "Linf", "eps": EPS, "seed": 0, "device": "cpu", "version": "custom", "attacks": ["apgd-ce"]}
    attack = library.AutoAttack(opened, **known)
    attack.apgd.n_restarts, attack.apgd.n_iter = 1, 20
    theirs = attack.run_standard_evaluation(*batch, batch_size=128)[0]
    ours = APGD(threat=Linf(EPS), steps=20)(opened, *batch)
    agree(opened, theirs, ours, batch, within=2)  # each has drawn a start of its own


def pgd() -> Callable[..., Tensor]:
    return PGD(threat=Linf(EPS), steps=10, step_size=STEP, random_start=False)
