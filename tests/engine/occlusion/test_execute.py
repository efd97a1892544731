"""Occlusion in windows equals occlusion in whole passes, whatever the network."""

import random

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn
from torch.nn import functional as F

from ironglass.engine.occlusion import execute, windows
from ironglass.engine.occlusion import plan as cut
from ironglass.engine.occlusion.fused_conv import Convolution, Scale
from ironglass.engine.occlusion.graph_network import affected_spans, read_graph
from ironglass.engine.occlusion.plan import OcclusionPlan, plan_occlusion
from ironglass.engine.occlusion.trace import trace_network
from ironglass.explain import occluded_scores
from ironglass.explain.methods import occlusion
from ironglass.explain.methods.occlusion import Occlusion
from ironglass.explain.parts import patched_windows
from ironglass.explain.parts.patch_grid import spans_of
from ironglass.models import Classifier
from ironglass.models.eval_without_grad import eval_without_grad


class Block(nn.Module):
    """One random step: a convolution or pooling, alone, beside a skip connection, stacked on its input, or on three
    times as many channels."""

    def __init__(self, channels: int, kind: str, kernel: int, stride: int, dilation: int, padding: int, way: str):
        super().__init__()
        self.way = way
        self.kind, inside = kind, channels
        if way == "inverted":
            inside = 3 * channels
            self.grow = nn.Sequential(nn.Conv2d(channels, inside, 1), nn.ReLU6() if stride == 1 else nn.Identity())
        elif way != "plain":
            stride, padding, kernel = 1, dilation * (kernel // 2), kernel // 2 * 2 + 1
        if kind == "max":
            self.step = nn.MaxPool2d(kernel, stride, min(padding, kernel // 2), ceil_mode=way == "plain")
        elif kind == "average":
            self.step = nn.AvgPool2d(kernel, stride, min(padding, kernel // 2))
        else:
            groups = {"depthwise": inside, "grouped": 2, "convolution": 1}[kind]
            self.step = nn.Conv2d(inside, inside, kernel, stride, padding, dilation, groups, bias=kind != "grouped")
        if kind in ("max", "average") and way not in ("plain", "inverted"):
            self.step = nn.Identity()
        self.norm = nn.BatchNorm2d(inside)
        if way in ("stacked", "inverted"):
            self.shrink = nn.Conv2d(2 * channels if way == "stacked" else inside, channels, 1)

    def forward(self, maps):
        found = self.norm(self.step(self.grow(maps) if self.way == "inverted" else maps))
        if self.way == "inverted":
            found = self.shrink(found)
        elif self.way == "added":
            found = found + maps
        elif self.way == "gated":
            found = found * torch.sigmoid(maps)
        elif self.way == "stacked":
            found = self.shrink(torch.cat((maps, found), dim=1))
        elif self.way == "squeezed":
            found = found * torch.sigmoid(maps.mean((2, 3), keepdim=True))
        return F.relu(found, inplace=True) if self.kind != "grouped" else F.silu(found)


def classifier_of(network: nn.Module, size: int, channels: int = 2) -> Classifier:
    for module in network.modules():
        if isinstance(module, nn.BatchNorm2d) and module.running_mean is not None and module.running_var is not None:
            module.running_mean.normal_(0, 0.3)
            module.running_var.uniform_(0.5, 2)
    return Classifier(
        network, mean=(0.4,) * channels, std=(0.2,) * channels, classes=tuple("abc"), input_size=size
    ).eval()


def plan_of(classifier, image, rows, columns) -> OcclusionPlan | None:
    graph_network = read_graph(classifier, image)
    return (
        None
        if graph_network is None
        else plan_occlusion(
            graph_network, affected_spans(graph_network, rows, 0), affected_spans(graph_network, columns, 1)
        )
    )


def both(classifier, images, patch, stride, **fields):
    targets = torch.arange(len(images)) % 3
    arguments = {"patch": patch, "stride": stride, "score": "logit", **fields}
    return (
        occluded_scores(classifier, images, targets, **arguments),
        occluded_scores(classifier, images, targets, incremental=False, **arguments),
    )


@pytest.fixture(autouse=True)
def always(monkeypatch):
    """Even tiny jobs are computed in windows."""
    monkeypatch.setattr(occlusion, "WORTHWHILE", 1)


@pytest.fixture
def windowed(monkeypatch):
    """What cannot be computed in windows is an error."""
    monkeypatch.setattr(occlusion, "fill_in_windows", in_windows_only)


def in_windows_only(*given, to=patched_windows.fill_in_windows):
    return to(*given) or pytest.fail("not computed in windows")


STEPS = st.tuples(
    st.sampled_from(("convolution", "grouped", "depthwise", "max", "average")),
    st.integers(1, 4),
    st.integers(1, 3),
    st.integers(1, 2),
    st.integers(0, 2),
    st.sampled_from(("plain", "plain", "inverted", "inverted", "added", "gated", "stacked", "squeezed")),
)


@settings(max_examples=30, deadline=None)
@given(
    st.lists(STEPS, min_size=1, max_size=4), st.integers(15, 26), st.integers(15, 26), st.integers(1, 9),
    st.integers(1, 9), st.sampled_from((0.3, 0.7, 1.0)), st.sampled_from((1, 10**10)), st.integers(0, 2**16),
)  # fmt: skip
def test_equals_whole_passes_on_random_networks(steps, height, width, patch, stride, dense, busy, seed):
    torch.manual_seed(seed)
    blocks: list[nn.Module] = [nn.Conv2d(2, 4, 3, padding=1)]
    size = min(height, width)
    for kind, kernel, step, dilation, padding, way in steps:
        after = (size + 2 * min(padding, kernel // 2) - dilation * (kernel - 1) - 1) // step + 1
        if way in ("plain", "inverted"):
            if after < 2:
                continue
            size = after
        blocks.append(Block(4, kind, kernel, step, dilation, padding, way))
    network = nn.Sequential(*blocks, nn.AdaptiveAvgPool2d(2), nn.Flatten(), nn.Linear(16, 3))
    classifier, images = classifier_of(network, size), torch.rand(2, 2, height, width)
    with pytest.MonkeyPatch.context() as patched, eval_without_grad(classifier), torch.no_grad():
        patched.setattr(occlusion, "WORTHWHILE", 1)
        patched.setattr(cut, "DENSE", dense)
        patched.setattr(execute, "WORK_A_GROUP", busy)
        patched.setattr(patched_windows, "_agree", lambda *_: True)  # so that a wrong plan cannot hide
        patched.setattr(occlusion, "fill_in_windows", in_windows_only)  # nor one that does not run
        patched.setattr(execute, "MAX_ROUTES", 50)
        ours, whole = both(classifier, images, patch, stride, chunk=37)
        assert read_graph(classifier, images[:1]) is not None
        clean = classifier(images)[range(2), range(2)][:, None]
        exact = both(classifier.double(), images.double(), patch, stride)[1]
    drop, noise = (clean - whole).abs().max(), (whole - exact).abs().max()  # noise is large where logits cancel out
    assert (ours - exact).abs().max() <= 1e-4 * drop + 2e-6 * whole.abs().max() + 4 * noise


def test_what_is_cheaper_computed_than_read_is_computed_with_its_rim(windowed):
    torch.manual_seed(0)
    inverted = (nn.Conv2d(2, 12, 1), nn.ReLU6(), nn.Conv2d(12, 12, 3, padding=1, groups=12), nn.Conv2d(12, 4, 1))
    pooled = (nn.Conv2d(4, 8, 1), nn.MaxPool2d(3, 2, 1))
    classifier = classifier_of(
        nn.Sequential(*inverted, *pooled, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(8, 3)), 16
    )
    images, spans = torch.rand(2, 2, 16, 16), spans_of(16, 4, 4)
    with eval_without_grad(classifier), torch.no_grad():
        plan = plan_of(classifier, images[:1], spans, spans)
    assert plan is not None
    (first, _), _, (last, _), (fourth, _), _ = plan.steps
    # 4 pixels of the images are felt in 6 of the depthwise convolution, which need 8, and in 4 after pooling, which
    # need 9; neither the 12 channels before the one nor the 8 before the other are read around
    assert plan.beyond == {first: 0.0, fourth: -torch.inf}
    reads = {pair: tuple(region.size for region in regions) for pair, regions in plan.halo_reads.items()}
    assert reads == {(first, plan.start): (8, 8), (fourth, last): (9, 9), (None, plan.steps[-1][0]): (8, 8)}
    ours, whole = both(classifier, images, 4, 4)
    torch.testing.assert_close(ours, whole, rtol=1e-5, atol=1e-6)


@pytest.fixture
def chain() -> Classifier:
    torch.manual_seed(0)
    layers = (nn.Conv2d(2, 4, 3, bias=False), nn.BatchNorm2d(4), nn.ReLU(inplace=True), nn.MaxPool2d(2))
    layers += (nn.ReLU(), nn.BatchNorm2d(4), nn.Conv2d(4, 6, 3, padding="same"), nn.Dropout(0.5), nn.SiLU(inplace=True))
    return classifier_of(nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(6, 3)), 40)


def test_a_chain_is_cut_where_it_should_be(chain, windowed):
    images = torch.rand(1, 2, 40, 40)
    spans = spans_of(40, 4, 4)
    with eval_without_grad(chain), torch.no_grad():
        plan = plan_of(chain, images, spans, spans)
        assert plan is not None
        modules = [plan.traced.get_submodule(str(node.target)) for node, _ in plan.steps]
        kinds = [type(module) for module in modules]
        # batch-norm went into the first convolution, as did the ReLU, and not over the pooling into the second; dropout
        # is gone
        assert kinds == [Convolution, nn.MaxPool2d, nn.ReLU, Scale, Convolution, nn.SiLU]
        assert [module.activation for module in modules if isinstance(module, Convolution)] == ["relu", None]
        # 4 pixels: 6 after the first convolution, 3 or 4 of 19 after pooling, 5 or 6 after the second
        assert [plan.spans[node][0].size for node, _ in plan.steps] == [6, 3, 3, 3, 5, 5]
        assert [node.name for node in plan.boundary_nodes] == [plan.steps[-1][0].name]
        whole = plan_of(chain, images, *(spans_of(40, 40, 1),) * 2)
        assert whole is not None
        assert whole.steps == ()
    ours, dense = both(chain, images, 4, 4)
    torch.testing.assert_close(ours, dense, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize(("count", "groups"), [(1, 1), (5, 1), (5, 2), (16, 2), (27, 3)])
def test_places_near_either_border_go_together(count, groups):
    found = [group.tolist() for group in execute._by_distance(torch.zeros(count, 2), groups)]
    assert sorted(position for group in found for position in group) == list(range(count))
    assert len(found) == groups
    assert all([count - 1 - position for position in reversed(group)] == group for group in found)
    assert [group[0] for group in found] == sorted(group[0] for group in found)


def test_how_many_groups_and_images_at_a_time(chain, monkeypatch):
    spans = spans_of(40, 4, 4)  # 10 places a side
    with eval_without_grad(chain), torch.no_grad():
        graph_network = read_graph(chain, torch.rand(1, 2, 40, 40))
        assert graph_network is not None
        (plan, every), *others = execute.plans_of(graph_network, spans, spans, 5)[0]
        assert every.tolist() == list(range(100))
        assert others == []
        # windows of 6 of 38, and of 5 of 19, pixels a side: the first convolution from 2 to 4, the second from 4 to 6
        assert plan.work == 6**2 * 9 * 2 * 4 + 5**2 * 9 * 4 * 6
        monkeypatch.setattr(execute, "WORK_A_GROUP", plan.work * 100 * 5 // 4)
        plans, together = execute.plans_of(graph_network, spans, spans, 5)
        assert together == 5
        assert len(plans) == 4
        assert sorted(torch.cat([numbers for _, numbers in plans]).tolist()) == list(range(100))
        # read around windows: the image, what the second convolution reads, and what is handed over
        monkeypatch.setattr(execute, "MAX_VALUES", 4 * (2 * 40**2 + 4 * 19**2 + 6 * 19**2) * 3)
        assert execute.plans_of(graph_network, spans, spans, 5)[1] == 3
        assert execute.plans_of(graph_network, spans, spans, 4)[1] == 2  # as equally large as can be
        assert execute.plans_of(graph_network, spans, spans, 4)[0][0][0].work == plan.work  # of two images: one group


def test_the_network_is_left_as_it_was(chain):
    before = {name: value.clone() for name, value in chain.state_dict().items()}
    names = [name for name, _ in chain.named_modules()]
    states = torch.get_rng_state(), random.getstate(), str(np.random.get_state())  # noqa: NPY002
    chain.train()
    both(chain, torch.rand(1, 2, 40, 40, generator=torch.Generator().manual_seed(0)), 8, 8)
    assert all(module.training for module in chain.modules())
    assert [name for name, _ in chain.named_modules()] == names
    assert chain.network[2].inplace
    assert all(torch.equal(value, before[name]) for name, value in chain.state_dict().items())
    assert torch.equal(torch.get_rng_state(), states[0])
    assert (random.getstate(), str(np.random.get_state())) == states[1:]  # noqa: NPY002


class Odd(nn.Module):
    """A small network with something that a trace gets wrong, or cannot follow."""

    def __init__(self, what: str) -> None:
        super().__init__()
        self.what, self.calls = what, 0
        self.first, self.last = nn.Conv2d(2, 4, 3), nn.Linear(4, 3)
        self.noise = torch.Generator().manual_seed(0)

    def forward(self, images):
        maps = self.first(images)
        if self.what == "torch noise":
            maps = maps + torch.randn(4, 1, 1)
        elif self.what == "python noise":
            maps = maps * random.random()
        elif self.what == "numpy noise":
            maps = maps * float(np.random.rand())  # noqa: NPY002
        elif self.what == "noise of its own":
            maps = maps + torch.randn(4, 1, 1, generator=self.noise)
        elif self.what == "a counter":
            self.calls += 1
            maps = maps * self.calls
        elif self.what == "control flow" and images.mean() > 0.1:
            maps = -maps
        elif self.what == "aliasing":
            maps = maps + F.relu_(maps.view_as(maps)) + maps
        return self.last(maps.mean((2, 3)))


@pytest.mark.parametrize("what", ["torch noise", "python noise", "numpy noise", "noise of its own", "a counter"])
def test_what_a_trace_would_freeze_is_noticed(what, monkeypatch):
    classifier, images = classifier_of(Odd(what), 12), torch.rand(1, 2, 12, 12)
    spans = spans_of(12, 3, 3)
    before = torch.get_rng_state(), random.getstate()
    with eval_without_grad(classifier), torch.no_grad():
        graph_network = read_graph(classifier, images)
        assert torch.equal(torch.get_rng_state(), before[0])
        assert random.getstate() == before[1]
        clean, scores = torch.full((1,), torch.nan), torch.full((1, 16), torch.nan)
        same, asked = patched_windows._same, []
        monkeypatch.setattr(patched_windows, "_same", lambda *given: asked.append(same(*given)) or asked[-1])
        watch = lambda logits, _: logits[:, 1]  # noqa: E731
        given = (classifier, images, [1 - images], (spans, spans), 5, watch, clean, scores[None], lambda _: None)
        assert not patched_windows.fill_in_windows(*given)
        assert graph_network is None or asked == [False]


def test_an_error_after_the_graph_was_found_right_is_not_hidden(chain, monkeypatch):
    steps, routes = [], execute._routes

    def failing(*given):
        steps.append(given)
        if len(steps) > 1:
            raise RuntimeError("no memory")
        return routes(*given)

    monkeypatch.setattr(execute, "_routes", failing)
    monkeypatch.setattr(execute, "MAX_ROUTES", 50)
    with pytest.raises(RuntimeError, match="no memory"):
        both(chain, torch.rand(1, 2, 40, 40), 4, 4)


def test_no_images_have_no_scores(chain):
    ours, dense = both(chain, torch.rand(0, 2, 40, 40), 8, 8)
    assert ours.shape == dense.shape == (0, 25)


@pytest.mark.parametrize("what", ["control flow", "aliasing", "nothing"])
def test_deterministic_oddities_give_the_dense_answer(what):
    torch.manual_seed(0)
    ours, whole = both(classifier_of(Odd(what), 12), torch.rand(2, 2, 12, 12), 3, 2)
    torch.testing.assert_close(ours, whole, rtol=1e-5, atol=1e-6)


def test_hooks_are_kept(chain):
    chain.network[2].register_forward_hook(lambda _module, _inputs, output: output * 2)
    assert trace_network(chain.network) is None
    ours, whole = both(chain, torch.rand(1, 2, 40, 40), 8, 8)
    assert torch.equal(ours, whole)


@pytest.mark.parametrize(
    "layer",
    [
        nn.Conv2d(2, 4, 3, padding=1, padding_mode="reflect"),
        nn.BatchNorm2d(2, track_running_stats=False),
        nn.InstanceNorm2d(2),
        nn.AvgPool2d(3, 2, 1, count_include_pad=False),
        nn.AvgPool2d(3, 2, ceil_mode=True),
        nn.Upsample(scale_factor=2),
        nn.ConvTranspose2d(2, 4, 2, 2),
        nn.Softmax(1),
    ],
    ids=lambda layer: type(layer).__name__,
)
def test_an_unknown_layer_ends_the_windows(layer):
    torch.manual_seed(0)
    channels = layer(torch.rand(2, 2, 8, 8)).shape[1]
    network = nn.Sequential(nn.Conv2d(2, 2, 3), layer, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(channels, 3))
    classifier, images = classifier_of(network, 20), torch.rand(2, 2, 20, 20)
    spans = spans_of(20, 4, 4)
    with eval_without_grad(classifier), torch.no_grad():
        plan = plan_of(classifier, images[:1], spans, spans)
    assert plan is not None
    assert len(plan.steps) == 1
    if type(layer) is not nn.BatchNorm2d:  # statistics of the batch depend on the batch
        ours, whole = both(classifier, images, 4, 4)
        torch.testing.assert_close(ours, whole, rtol=1e-5, atol=1e-6)


def test_memory_is_bounded_by_smaller_chunks(chain, monkeypatch, windowed):
    images, targets = torch.rand(1, 2, 40, 40), torch.tensor([0])
    whole = Occlusion(patch=5, stride=3)(chain, images, targets)
    seen, read = [], windows.Pixels.read
    monkeypatch.setattr(windows.Pixels, "read", lambda *given: seen.append(read(*given)) or seen[-1])
    monkeypatch.setattr(execute, "MAX_BYTES", 2**16)
    torch.testing.assert_close(Occlusion(patch=5, stride=3)(chain, images, targets), whole)
    assert max(maps.numel() for maps in seen) * 4 <= 2**16


def test_routes_are_bounded_too(chain, monkeypatch, windowed):
    images, route_of, routed = torch.rand(2, 2, 40, 40), execute.route_of, []
    whole = occluded_scores(chain, images, torch.tensor([0, 1]), patch=5, stride=3)
    monkeypatch.setattr(execute, "MAX_BYTES", 2**17)
    monkeypatch.setattr(execute, "route_of", lambda *given: routed.append(route_of(*given)) or routed[-1])
    torch.testing.assert_close(occluded_scores(chain, images, torch.tensor([0, 1]), patch=5, stride=3), whole)
    assert len(routed) > 3  # 169 places do not fit at once
    assert max(12 * route.at.numel() for route in routed) <= 2**17


class Reshaped(nn.Module):
    """Networks whose graphs hold sizes, or that drop the axis of a single image."""

    def __init__(self, what: str) -> None:
        super().__init__()
        self.what, self.first, self.last = what, nn.Conv2d(2, 4, 3, padding=1), nn.Linear(4, 3)
        self.head = nn.Conv2d(4, 3, 1)

    def forward(self, images):
        maps = F.relu(self.first(images))
        if self.what == "size":
            return self.last(F.adaptive_avg_pool2d(maps, 1).view(maps.size(0), -1))
        if self.what == "shape":
            return self.last(F.adaptive_avg_pool2d(maps, 1).reshape(maps.shape[0], 4))
        if self.what == "chunk":
            one, other = F.adaptive_avg_pool2d(maps, 1).chunk(2, 1)
            return self.last(torch.cat((other, one), 1).flatten(1))
        return F.adaptive_avg_pool2d(self.head(maps), 1).squeeze()


@pytest.mark.parametrize("what", ["size", "shape", "chunk", "squeeze"])
@pytest.mark.parametrize("chunk", [1, 512])
def test_sizes_in_the_graph_and_dropped_axes(what, chunk, windowed):
    torch.manual_seed(0)
    classifier, images = classifier_of(Reshaped(what), 12), torch.rand(3, 2, 12, 12)
    targets, fields = torch.tensor([0, 1, 2]), {"patch": 3, "stride": 3, "score": "logit"}
    ours = occluded_scores(classifier, images, targets, chunk=chunk, **fields)
    whole = occluded_scores(classifier, images, targets, incremental=False, **fields)
    torch.testing.assert_close(ours, whole, rtol=1e-5, atol=1e-6)


def test_what_is_not_a_number_remains_none(chain):
    chain.network[0].weight.data *= 1e30
    images = torch.rand(2, 2, 40, 40)
    images[1] *= 1e12  # the second image overflows
    ours, whole = both(chain, images, 8, 8)
    assert whole[1].isnan().any()
    torch.testing.assert_close(ours, whole, equal_nan=True, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("name", ["resnet18", "mobilenetv2_050"])
def test_real_architectures(name, windowed):
    timm = pytest.importorskip("timm")
    torch.manual_seed(0)
    classifier = classifier_of(timm.create_model(name, num_classes=3), 64, 3)
    images = torch.rand(1, 3, 64, 64)
    spans = spans_of(64, 8, 28)
    with eval_without_grad(classifier), torch.no_grad():
        plan = plan_of(classifier, images, spans, spans)
        clean = classifier(images)[0, 0]
    assert plan is not None
    assert len(plan.steps) > 5
    ours, whole = both(classifier, images, 8, 28)
    assert (ours - whole).abs().max() <= 1e-4 * (clean - whole).abs().max() + 1e-6 * whole.abs().max()
