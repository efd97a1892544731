"""Bounds of small networks equal numbers computed by hand, and auto_LiRPA's."""

import pytest
import torch
from torch import Tensor, nn

import ironglass as ig
from ironglass.engine.bounds.activation import clamp as clamped
from ironglass.engine.bounds.activation import hard_sigmoid, hard_swish, leaky_relu, relu
from ironglass.engine.bounds.crown import crown_bounds, lower_bounds
from ironglass.engine.bounds.graph import BoundGraph, bound_graph
from ironglass.engine.bounds.interval import interval_bounds
from ironglass.engine.bounds.largest import Largest
from ironglass.engine.bounds.region import region_of

CLOSE = {"abs": 1e-4, "rel": 0}


def graph_of(network: nn.Module, size: int | tuple[int, int], classes: int) -> BoundGraph:
    names = [f"c{i}" for i in range(classes)]
    classifier = ig.Classifier(network.eval(), mean=[0.0], std=[1.0], classes=names, input_size=size)
    height, width = classifier.input_size
    return bound_graph(classifier, (height, width))


def two_units(height: float) -> nn.Sequential:
    """On pixels a, b: y0 = relu(a + b - 1) + relu(a - b), y1 = height."""
    network = nn.Sequential(nn.Flatten(), nn.Linear(2, 2), nn.ReLU(), nn.Linear(2, 2))
    values = ([[1.0, 1.0], [1.0, -1.0]], [-1.0, 0.0], [[1.0, 1.0], [0.0, 0.0]], [0.0, height])
    with torch.no_grad():
        for parameter, value in zip(network.parameters(), values, strict=True):
            parameter.copy_(torch.tensor(value))
    return network


def test_two_units_by_hand() -> None:
    # around (1/2, 1/2) with eps 1/4 both units lie in [-1/2, 1/2] before the activation, [0, 1/2] behind it.
    # Intervals: y0 in [0, 1], so y1 - y0 >= height - 1.
    # CROWN: relu(z) <= z / 2 + 1/4 on [-1/2, 1/2], so y0 <= (2 a - 1) / 2 + 1/2 = a <= 3/4 and y1 - y0 >= height - 3/4.
    graph = graph_of(two_units(0.8), (1, 2), 2)
    region = region_of(torch.full((1, 1, 1, 2), 0.5), "linf", 0.25)
    row, owner = torch.tensor([[-1.0, 1.0]]).double(), torch.tensor([0])
    bounds = interval_bounds(graph, region)
    assert bounds.highs[-1][0].tolist() == pytest.approx([1.0, 0.8], **CLOSE)
    assert bounds.lows[-1][0].tolist() == pytest.approx([0.0, 0.8], **CLOSE)
    assert lower_bounds(graph, bounds, region, row, owner, affine_only=True).item() == pytest.approx(-0.2, **CLOSE)
    assert lower_bounds(graph, bounds, region, row, owner).item() == pytest.approx(0.05, **CLOSE)


def test_a_ball_of_l2_by_hand() -> None:
    # a + b - 1 lies in [-eps sqrt 2, eps sqrt 2] and so does a - b; with eps sqrt 2 = 1/4, relu(z) <= z / 2 + 1/8, so
    # y0 <= (2 a - 1) / 2 + 1/4 = a - 1/4 <= 1/4 + eps = 1/4 + sqrt(2) / 8
    eps = 2**0.5 / 8
    graph = graph_of(two_units(0.8), (1, 2), 2)
    region = region_of(torch.full((1, 1, 1, 2), 0.5), "l2", eps)
    bounds = interval_bounds(graph, region)
    assert bounds.highs[-1][0, 0].item() == pytest.approx(0.5, **CLOSE)
    row = torch.tensor([[-1.0, 0.0]]).double()
    least = lower_bounds(graph, bounds, region, row, torch.tensor([0]), tight=True).item()
    assert least == pytest.approx(-0.25 - eps, **CLOSE)


def test_pixels_end_at_0_and_1() -> None:
    # around (1, 1/2) with eps 1/4, a stays at most 1: a + b - 1 in [1/4, 3/4], a - b in [0, 1/2], both decided:
    # y0 = 2 a - 1 <= 1
    graph = graph_of(two_units(0.8), (1, 2), 2)
    region = region_of(torch.tensor([[[[1.0, 0.5]]]]), "linf", 0.25)
    row, bounds = torch.tensor([[-1.0, 0.0]]).double(), interval_bounds(graph, region)
    assert lower_bounds(graph, bounds, region, row, torch.tensor([0])).item() == pytest.approx(-1.0, **CLOSE)


def test_an_l2_ball_cut_by_the_ends_of_the_range() -> None:
    # least of a + b over a ball of 1/2 around (0, 1/2), a >= 0: a stays 0, b sinks to 0; the box's alone gives
    # a >= 0, b >= 0, too, and the ball's alone 1/2 - sqrt(1/2); around (0.1, 0.9) by 0.5: a sinks by 0.1, b by
    # sqrt(0.25 - 0.01), so that 0.9 - sqrt(0.24) is the least, larger than either's (0.4 and 1 - sqrt(1/2))
    image = torch.tensor([[[[0.1, 0.9]]]])
    region, rows = region_of(image, "l2", 0.5), torch.ones(1, 1, 1, 2).double()
    owner = torch.tensor([0])
    assert region.lower(rows, owner, tight=True).item() == pytest.approx(0.9 - 0.24**0.5, abs=2e-6)
    assert region.lower(rows, owner).item() == pytest.approx(0.4, abs=2e-6)


LINES = {
    # chord above: (2 - 0) / 3 · (x + 1); below: x, since |low| < high
    "relu": (relu(), -1.0, 2.0, (1.0, 0.0), (2 / 3, 2 / 3)),
    # below: 0, since |low| > high
    "relu, mostly negative": (relu(), -2.0, 1.0, (0.0, 0.0), (1 / 3, 2 / 3)),
    "relu, positive": (relu(), 0.5, 1.0, (1.0, 0.0), (1.0, 0.0)),
    # above: from (-1, -0.1) to (2, 2), slope 0.7, offset 0.6
    "leaky": (leaky_relu(0.1), -1.0, 2.0, (1.0, 0.0), (0.7, 0.6)),
    # min(max(x, 0), 6) on [4, 8]: below the chord from (4, 4) to (8, 6); above x (8 at the end) or 6: 6 in the middle
    "relu6": (clamped(0, 6), 4.0, 8.0, (0.5, 2.0), (0.0, 6.0)),
    # x (x + 3) / 6 on [-2, 1]: chord from (-2, -1/3) to (1, 2/3), slope 1/3; its tangent touches where
    # (2 x + 3) / 6 = 1/3, at x = -1/2, where the value is -5/24: offset -5/24 + 1/6 = -1/24
    "hard-swish": (hard_swish(), -2.0, 1.0, (1 / 3, -1 / 24), (1 / 3, 1 / 3)),
    # x / 6 + 1/2 on [-1, 1]
    "hard-sigmoid": (hard_sigmoid(), -1.0, 1.0, (1 / 6, 0.5), (1 / 6, 0.5)),
}


@pytest.mark.parametrize("name", LINES)
def test_lines_of_activations_by_hand(name: str) -> None:
    activation, low, high, below, above = LINES[name]
    lines = activation.relax([torch.tensor([[low]]).double()], [torch.tensor([[high]]).double()])
    assert (lines.low_slope.item(), lines.low_offset.item()) == pytest.approx(below, abs=1e-12)
    assert (lines.high_slope.item(), lines.high_offset.item()) == pytest.approx(above, abs=1e-12)


def test_lines_hold_everywhere_within_their_interval() -> None:
    draw = torch.Generator().manual_seed(0)
    low = 8 * torch.rand(500, 1, generator=draw, dtype=torch.float64) - 5
    high = low + 6 * torch.rand(500, 1, generator=draw, dtype=torch.float64)
    x = low + (high - low) * torch.linspace(0, 1, 101, dtype=torch.float64)
    for activation in (relu(), leaky_relu(0.2), clamped(0, 6), clamped(-1, 1), hard_swish(), hard_sigmoid()):
        lines, value = activation.relax([low], [high]), activation.function(x)
        assert (lines.low_slope * x + lines.low_offset <= value + 1e-12).all()
        assert (lines.high_slope * x + lines.high_offset >= value - 1e-12).all()
        least, largest = activation.interval([low], [high])
        assert (least <= value + 1e-12).all()
        assert (largest >= value - 1e-12).all()


def test_the_planes_of_a_maximum_by_hand() -> None:
    # a in [0, 2], b in [1, 3], c in [-1, 1.5]. Below: b, whose lower end is largest. Above: b, too, from the second
    # largest upper end, 2, at b = 1 to 3 at b = 3: 2 + (b - 1) / 2
    operation = Largest(torch.Size([3]), torch.tensor([[0, 1, 2]]), torch.Size([1]))
    low, high = torch.tensor([[0.0, 1.0, -1.0]]).double(), torch.tensor([[2.0, 3.0, 1.5]]).double()
    planes = operation.relax([low], [high])
    assert (planes.low.item(), planes.high.item()) == (1, 1)
    assert (planes.slope.item(), planes.offset.item()) == (0.5, 1.5)
    # with a in [3, 4] it is a alone
    low[0, 0], high[0, 0] = 3.0, 4.0
    planes = operation.relax([low], [high])
    assert (planes.low.item(), planes.high.item(), planes.slope.item(), planes.offset.item()) == (0, 0, 1.0, 0.0)


class Net(nn.Module):
    """A small network whose weights are sines, as any language can compute them."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.second = nn.Conv2d(1, 3, 3, padding=1), nn.Conv2d(3, 3, 3, padding=1)
        self.pool, self.last = nn.AvgPool2d(2), nn.Linear(12, 3)
        for number, parameter in enumerate(self.parameters()):
            values = torch.sin(torch.arange(parameter.numel(), dtype=torch.float64) * 1.7 + number)
            with torch.no_grad():
                parameter.copy_(values.view(parameter.shape) * (0.5 if parameter.ndim > 1 else 0.1))

    def forward(self, images: Tensor) -> Tensor:
        maps = torch.relu(self.first(images))
        maps = torch.relu(maps + self.second(maps))
        return self.last(torch.flatten(self.pool(maps), 1))


# auto_LiRPA 0.7.1 (commit a050a3d6) with torch 2.15, relu "adaptive", conv_mode "matrix", float64, x_L and x_U those of
# a Linf ball of 0.05 cut to [0, 1]: lower and upper bounds of y0 - y1 and y0 - y2
LIRPA = {
    "interval": ([-1.5655612, -2.4520197], [0.3947228, 0.8477362]),
    "crown-ibp": ([-0.9022481, -1.2847052], [-0.3267444, -0.3741378]),
    "crown": ([-0.8640941, -1.2275668], [-0.3714405, -0.4306109]),
}


@pytest.mark.parametrize("method", LIRPA)
def test_as_auto_lirpa(method: str) -> None:
    graph = graph_of(Net(), 4, 3)
    image = (0.5 + 0.45 * torch.cos(torch.arange(16, dtype=torch.float64))).view(1, 1, 4, 4)
    region = region_of(image, "linf", 0.05)
    bounds = (crown_bounds if method == "crown" else interval_bounds)(graph, region)
    rows, owner = torch.tensor([[1.0, -1.0, 0.0], [1.0, 0.0, -1.0]]).double(), torch.zeros(2, dtype=torch.int64)
    only = method == "interval"
    low = lower_bounds(graph, bounds, region, rows, owner, affine_only=only)
    high = -lower_bounds(graph, bounds, region, -rows, owner, affine_only=only)
    assert low.tolist() == pytest.approx(LIRPA[method][0], **CLOSE)
    assert high.tolist() == pytest.approx(LIRPA[method][1], **CLOSE)
    # ours also cover float32's rounding
    assert (low.numpy() < LIRPA[method][0]).all()
    assert (high.numpy() > LIRPA[method][1]).all()


def test_maxout_and_pooling_as_torch() -> None:
    images = torch.rand(2, 2, 7, 6, generator=torch.Generator().manual_seed(0))
    for pool in (
        nn.MaxPool2d(3, 2, 1, ceil_mode=True),
        nn.MaxPool2d((2, 3), (1, 2)),
        nn.MaxPool2d(2, 1, 1, dilation=2),
    ):
        network = nn.Sequential(pool, nn.Flatten(), nn.LazyLinear(3))
        network(images)
        classifier = ig.Classifier(
            network.eval(), mean=[0.0] * 2, std=[1.0] * 2, classes=list("abc"), input_size=(7, 6)
        )
        graph = bound_graph(classifier, (7, 6))
        torch.testing.assert_close(graph.logits(images).float(), classifier(images), rtol=1e-5, atol=1e-6)
