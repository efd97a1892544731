"""The Square attack: its schedule, its squares, and what it keeps."""

import pytest
import torch
from torch import nn

from ironglass.attacks import L2, THREATS, Linf, Noise, Square
from ironglass.attacks.parts.losses import margin
from ironglass.attacks.parts.occluder import Occluder
from ironglass.attacks.parts.squares import L2Squares, LinfSquares, bump, corners, inside
from ironglass.engine.folding.fold import folded
from ironglass.errors import InputError
from ironglass.models import Classifier

norms = pytest.mark.parametrize("norm", THREATS)


class Counted(nn.Module):
    """A random convolutional network that counts the images it sees, and is wrong to be differentiated."""

    def __init__(self, classes=4):
        super().__init__()
        torch.manual_seed(0)
        self.images, self.gradients = 0, False
        self.network = nn.Sequential(
            nn.Conv2d(3, 8, 3), nn.Tanh(), nn.Conv2d(8, 8, 3), nn.Tanh(), nn.Flatten(), nn.LazyLinear(classes)
        )

    def forward(self, images):
        self.images += len(images)
        self.gradients |= torch.is_grad_enabled()
        return self.network(images)


@pytest.fixture
def classifier() -> Classifier:
    network = Counted()
    network(torch.zeros(1, 3, 12, 12))
    return Classifier(network, mean=(0.5,) * 3, std=(0.1,) * 3, classes=tuple("abcd"), input_size=12)


def read(classifier, n=40):
    images = torch.rand(n, 3, 12, 12, generator=torch.Generator().manual_seed(1))
    with torch.no_grad():
        return images, classifier.eval()(images).argmax(1)


def standing(classifier, images, labels):
    with torch.no_grad():
        return int((classifier(images).argmax(1) == labels).sum())


@norms
def test_more_queries_fool_more_and_noise_fools_less(norm, classifier):
    images, labels = read(classifier)
    threat = THREATS[norm]({"linf": 0.02, "l2": 0.3, "l1": 6.0}[norm])
    left = [standing(classifier, Noise(threat=threat)(classifier, images, labels), labels)]
    left += [
        standing(classifier, Square(threat=threat, queries=queries)(classifier, images, labels), labels)
        for queries in (10, 300)
    ]
    assert left == sorted(left, reverse=True)
    assert left[2] < left[1] < left[0]


@norms
def test_it_asks_for_outputs_only_and_the_fooled_leave(norm, classifier):
    images, labels = read(classifier, 12)
    with folded(classifier):  # looks at the network once in its life
        classifier.network.images, classifier.network.gradients = 0, False
    Square(threat=THREATS[norm](1e-6), queries=50, ahead=1)(classifier, images, labels)
    assert classifier.network.images == 12 * (1 + 50 + 1)  # who stands, 50 queries, and the decision
    assert not classifier.network.gradients
    classifier.network.images = 0
    large = THREATS[norm]({"linf": 0.9, "l2": 3.0, "l1": 60.0}[norm])
    fooled = Square(threat=large, queries=500)(classifier, images, labels)
    assert classifier.network.images < 12 * 100
    assert standing(classifier, fooled, labels) == 0


class Deaf(Counted):
    """Gives the same logits whatever it sees, and counts the passes."""

    passes = 0

    def forward(self, images):
        super().forward(images)
        self.passes += 1
        return torch.tensor([[1.0, 0.0, 0.0, 0.0]]).repeat(len(images), 1)


@norms
def test_proposals_ahead_take_fewer_passes_and_no_output_more_where_none_is_kept(norm):
    network = Deaf()
    network.network(torch.zeros(1, 3, 12, 12))
    classifier = Classifier(network, mean=(0.5,) * 3, std=(0.1,) * 3, classes=tuple("abcd"), input_size=12)
    images, labels = torch.rand(3, 3, 12, 12), torch.zeros(3, dtype=torch.int64)
    with folded(classifier):
        network.images, network.passes = 0, 0
    Square(threat=THREATS[norm](0.1), queries=400)(classifier, images, labels)
    assert network.images == 3 * (1 + 400 + 1)
    assert network.passes < 100


@norms
def test_the_search_ahead_is_as_strong_as_one_by_one(norm, classifier):
    images, labels = read(classifier, 60)
    threat = THREATS[norm]({"linf": 0.01, "l2": 0.15, "l1": 3.0}[norm])
    with torch.no_grad():
        one, many = (
            margin(classifier(Square(threat=threat, queries=300, ahead=ahead)(classifier, images, labels)), labels)
            for ahead in (1, 16)
        )
        start = margin(classifier(images), labels)
    # other draws, the same search: equal but for chance, and far from where it began
    gain = (one - start).mean()
    assert gain > 0
    assert abs((many - one).mean()) < 0.1 * gain


def test_the_schedule_is_the_papers():
    square = Square()
    limits = (0, 10, 11, 50, 51, 200, 201, 500, 501, 1000, 1001, 2000, 2001, 4000, 4001, 8001)
    halvings = (0, 0, 1, 1, 2, 2, 3, 3, 4, 4, 5, 5, 6, 6, 7, 9)
    assert [square.share(query) for query in limits] == [0.8 / 2**passed for passed in halvings]
    assert Square(horizon=5000).share(26) == 0.8 / 4
    assert Square(horizon=5000).share(25) == 0.8 / 2


def test_linf_squares():
    images = torch.rand(50, 3, 9, 7, generator=torch.Generator().manual_seed(0)) * 0.5 + 0.25
    threat = Linf(0.1)
    squares = LinfSquares(threat, torch.Generator().manual_seed(0))
    start = squares.start(images)
    change = start - images
    torch.testing.assert_close(change.abs(), torch.full_like(change, 0.1))
    torch.testing.assert_close(change, change[:, :, :1].expand_as(change))  # stripes
    new = squares.change(images, start, 0.25)
    moved = (new != start).any(1)
    assert moved.flatten(1).any(1).all()  # none is idle
    for square in moved:
        rows, columns = square.any(1).nonzero()[:, 0], square.any(0).nonzero()[:, 0]
        assert len(rows) <= 4  # the side is round(√(0.25 · 63))
        assert columns[-1] - columns[0] < 4
    torch.testing.assert_close((new - images).abs(), torch.full_like(new, 0.1))
    assert torch.equal(squares.change(images, images, 1e-9).ne(images).flatten(2).sum(2), torch.ones(50, 3))


@pytest.mark.parametrize("size", [(3, 4), (8, 8), (9, 13), (28, 28)])
def test_l2_squares_spend_eps(size):
    images = torch.full((20, 3, *size), 0.5)
    threat = L2(0.3)
    squares = L2Squares(threat, torch.Generator().manual_seed(0))
    best = squares.start(images)
    for share in (0.8, 0.1, 0.001):
        torch.testing.assert_close((best - images).flatten(1).norm(dim=1), torch.full((20,), 0.3))
        new = squares.change(images, best, share)
        assert (new != best).flatten(1).any(1).sum() > 15  # two windows that were emptied before have nothing to move
        assert threat.allows(images, new).all()
        best = new


def test_an_l2_change_is_within_two_windows():
    images = torch.full((30, 1, 20, 20), 0.5)
    squares = L2Squares(L2(0.3), torch.Generator().manual_seed(0))
    best = squares.start(images)
    new = squares.change(images, best, 9 / 400)
    # the rest is only scaled, by one number an image
    ratio = (new - images) / (best - images)
    scale = ratio.flatten(1).median(1).values[:, None, None, None]
    assert ((ratio - scale).abs() > 1e-3).flatten(1).sum(1).le(18).all()


def test_bump_by_hand():
    # side 3: one row up and two down; each falls off from 1 + 1/4 at its middle to 1/4 a step away
    expected = torch.tensor([[0.25, 1.25, 0.25], [-0.25, -0.25, -0.25], [-0.25, -1.25, -0.25]])
    torch.testing.assert_close(bump(3, torch.zeros(1)), expected / expected.norm())
    assert bump(8, torch.zeros(1)).norm().item() == pytest.approx(1)


def test_places_are_uniform_and_reach_the_border():
    top, left = corners(4000, 5, 7, 3, torch.Generator().manual_seed(0), torch.zeros(1))
    assert torch.bincount(top, minlength=3).tolist() == pytest.approx([4000 / 3] * 3, rel=0.1)
    assert torch.bincount(left, minlength=5).tolist() == pytest.approx([800] * 5, rel=0.15)
    square = inside(torch.tensor([2]), torch.tensor([4]), 3, 5, 7)[0, 0]
    assert square.sum() == 9
    assert square[2:, 4:].all()


@pytest.mark.parametrize(
    "fields", [{"queries": 0}, {"p_init": 0.0}, {"p_init": 1.5}, {"horizon": 0}, {"threat": Occluder(3)}]
)
def test_bad_settings_are_refused(fields):
    with pytest.raises(InputError, match="Square"):
        Square(**fields)
