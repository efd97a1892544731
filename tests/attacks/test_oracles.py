"""Against Foolbox and torchattacks, on real images and a trained network. Skipped where they are not installed."""

import warnings

import pytest
import torch
from torch import nn

import ironglass as ig
from ironglass.attacks import FGSM, L2, MIFGSM, PGD, CarliniWagner, DeepFool, Linf
from ironglass.models import Classifier

EPS = 2 / 255


@pytest.fixture(scope="module")
def classifier(shared_data) -> Classifier:
    dataset = ig.load_dataset(str(shared_data / "cifar10"))
    torch.manual_seed(0)
    network = nn.Sequential(
        nn.Conv2d(3, 16, 3, 2, 1), nn.ReLU(), nn.Conv2d(16, 32, 3, 2, 1), nn.ReLU(), nn.Flatten(), nn.Linear(2048, 10)
    )
    classifier = Classifier(network, mean=(0.5,) * 3, std=(0.25,) * 3, classes=dataset.classes, input_size=dataset.size)
    optimiser = torch.optim.Adam(network.parameters(), lr=2e-3)
    for _ in range(3):
        for start in range(0, 3000, 100):
            images, labels = dataset.train[start : start + 100]
            optimiser.zero_grad()
            nn.functional.cross_entropy(classifier(images), labels).backward()
            optimiser.step()
    return classifier.eval()


@pytest.fixture(scope="module")
def batch(shared_data, classifier) -> tuple[torch.Tensor, torch.Tensor]:
    """Images that are read right."""
    images, labels = ig.load_dataset(str(shared_data / "cifar10")).test[:64]
    right = classifier(images).argmax(1) == labels
    assert right.sum() >= 24
    return images[right][:24], labels[right][:24]


@pytest.fixture(scope="module")
def foolbox():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # its imports of scipy
        return pytest.importorskip("foolbox")


@pytest.fixture(scope="module")
def torchattacks():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return pytest.importorskip("torchattacks")


@pytest.fixture
def peer(foolbox, classifier):
    return foolbox.PyTorchModel(classifier, bounds=(0, 1))


def far(images: torch.Tensor, adversarial: torch.Tensor, order: float) -> torch.Tensor:
    return torch.linalg.vector_norm((adversarial - images).flatten(1), ord=order, dim=1)


def assert_same(theirs: torch.Tensor, ours: torch.Tensor) -> None:
    """Equal to 1e-6, but for one value in 10,000 whose gradient is so near 0 that rounding decides its sign."""
    assert theirs.shape == ours.shape
    assert ((theirs - ours).abs() > 1e-6).double().mean() <= 1e-4


def test_fgsm(foolbox, torchattacks, peer, classifier, batch):
    ours = FGSM(threat=Linf(EPS))(classifier, *batch)
    assert_same(torchattacks.FGSM(classifier, eps=EPS)(*batch), ours)
    theirs, _, _ = foolbox.attacks.LinfFastGradientAttack()(peer, *batch, epsilons=EPS)
    assert_same(theirs, ours)
    theirs, _, _ = foolbox.attacks.L2FastGradientAttack()(peer, *batch, epsilons=0.3)
    assert_same(theirs, FGSM(threat=L2(0.3))(classifier, *batch))


def test_pgd_from_the_images(torchattacks, classifier, batch):
    ours = PGD(threat=Linf(EPS), steps=10, step_size=EPS / 4, random_start=False)(classifier, *batch)
    theirs = torchattacks.PGD(classifier, eps=EPS, alpha=EPS / 4, steps=10, random_start=False)(*batch)
    assert_same(theirs, ours)


@pytest.mark.parametrize(("norm", "size"), [("Linf", EPS), ("L2", 0.3)])
def test_pgd_from_the_same_random_start(foolbox, peer, classifier, batch, norm, size):
    images, labels = batch
    threat = {"Linf": Linf, "L2": L2}[norm](size)
    attack = getattr(foolbox.attacks, f"{norm}ProjectedGradientDescentAttack")(abs_stepsize=size / 4, steps=10)
    start = threat.start(images, torch.Generator().manual_seed(5))
    attack.get_random_start = lambda clean, epsilon: type(clean)(start)
    theirs, _, _ = attack(peer, images, labels, epsilons=size)
    ours = PGD(threat=threat, steps=10, step_size=size / 4)(
        classifier, images, labels, generator=torch.Generator().manual_seed(5)
    )
    assert_same(theirs, ours)


def test_mi_fgsm(torchattacks, classifier, batch):
    ours = MIFGSM(threat=Linf(EPS), steps=10, momentum=0.9)(classifier, *batch)
    theirs = torchattacks.MIFGSM(classifier, eps=EPS, alpha=EPS / 10, steps=10, decay=0.9)(*batch)
    assert_same(theirs, ours)


@pytest.mark.parametrize(("norm", "order"), [("Linf", torch.inf), ("L2", 2)])
def test_deepfool(foolbox, peer, classifier, batch, norm, order):
    images, labels = batch
    ours = DeepFool(threat={"Linf": Linf, "L2": L2}[norm](1.0)).minimal(classifier, images, labels)
    theirs, _, fooled = getattr(foolbox.attacks, f"{norm}DeepFoolAttack")()(peer, images, labels, epsilons=None)
    assert fooled.all()
    assert (classifier(ours).argmax(1) != labels).all()
    torch.testing.assert_close(far(images, ours, order), far(images, theirs, order), rtol=0.02, atol=0)


@pytest.mark.parametrize("abort_early", [False, True])
def test_carlini_wagner(foolbox, peer, classifier, batch, abort_early):
    images, labels = batch[0][:12], batch[1][:12]
    theirs, _, fooled = foolbox.attacks.L2CarliniWagnerAttack(
        steps=200, binary_search_steps=5, stepsize=0.01, initial_const=0.1, abort_early=abort_early
    )(peer, images, labels, epsilons=None)
    attack = CarliniWagner(steps=200, search_steps=5, step_size=0.01, first=0.1, abort_early=abort_early)
    ours = attack.minimal(classifier, images, labels)
    assert fooled.all()
    assert (classifier(ours).argmax(1) != labels).all()
    ratio = far(images, ours, 2) / far(images, theirs, 2)
    assert ratio.mean() < 1.02
    if not abort_early:  # Foolbox gives up on a batch, we on an image
        assert ((ratio - 1).abs() < 0.02).all()
