"""Whatever a network does to itself in a pass, it is as before after every call; what cannot be used is named."""

import copy
import warnings

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional as F
from torch.utils.checkpoint import checkpoint

import ironglass as ig
from ironglass.data.dataset import Split
from ironglass.engine.folding.fold import _cached_of
from ironglass.errors import Notice
from ironglass.models.eval_without_grad import eval_without_grad

K = 4


class Restless(nn.Module):
    """Changes its own buffers in every pass."""

    def __init__(self, how):
        super().__init__()
        self.how = how
        self.conv, self.norm, self.head = nn.Conv2d(3, 6, 3, padding=1), nn.BatchNorm2d(6), nn.Linear(6, K)
        self.register_buffer("passes", torch.zeros(()))

    def train(self, mode=True):
        super().train(mode)
        if self.how == "always training":
            self.norm.train()
        return self

    def forward(self, x):
        match self.how:
            case "in place":
                self.passes += 1
            case "assigned":
                self.passes = self.passes + 1
            case "data":
                self.passes.data.add_(1)
        return self.head(self.norm(self.conv(x)).relu().mean((2, 3)))


def classifier_of(network):
    classes = [f"c{i}" for i in range(K)]
    return ig.Classifier(network, mean=(0.4,) * 3, std=(0.3,) * 3, classes=classes, input_size=12)


def split_of(n):
    pixels = np.random.default_rng(0).integers(0, 256, (n, 12, 12, 3), dtype=np.uint8)
    return Split(pixels, np.arange(n) % K, tuple(str(i) for i in range(n)))


USES = {
    "evaluate": lambda c, s: ig.evaluate(c, s)[1],
    "saliency": lambda c, s: ig.explain(c, *s[:], "saliency"),
    "grad-cam": lambda c, s: ig.explain(c, *s[:], "grad-cam"),
    "occlusion": lambda c, s: ig.explain(c, *s[:], "occlusion", patch=6, stride=6),
    "pgd": lambda c, s: ig.attack(c, *s[:], "pgd-3").adversarial,
    "square": lambda c, s: ig.attack(c, *s[:], "square-5").adversarial,
}


@pytest.mark.parametrize("how", ["in place", "assigned", "data", "always training"])
@pytest.mark.parametrize("use", USES)
@pytest.mark.filterwarnings("ignore::ironglass.errors.Notice")
def test_buffers_are_as_before(how, use):
    torch.manual_seed(0)
    network = Restless(how).eval()
    before, own = copy.deepcopy(network.state_dict()), dict(network.named_buffers())
    USES[use](classifier_of(network), split_of(6))
    after = network.state_dict()
    assert all(torch.equal(before[name], after[name]) for name in before)
    assert all(buffer is own[name] for name, buffer in network.named_buffers())


def plain_network():
    torch.manual_seed(0)
    return nn.Sequential(
        nn.Conv2d(3, 6, 3), nn.BatchNorm2d(6), nn.ReLU(), nn.AdaptiveAvgPool2d(2), nn.Flatten(), nn.Linear(24, K)
    )


@pytest.mark.parametrize("use", USES)
def test_a_live_exported_program_is_used_as_it_is(use):
    network = plain_network().eval()
    sizes = ({0: torch.export.Dim("n", min=1)},)
    program = torch.export.export(network, (torch.rand(2, 3, 12, 12),), dynamic_shapes=sizes).module()
    modes = [module.training for module in program.modules()]
    if use == "grad-cam":
        with pytest.raises(ig.InputError, match="no convolutional layer"):
            USES[use](classifier_of(program), split_of(6))
    else:
        found, expected = (USES[use](classifier_of(one), split_of(6)) for one in (program, network))
        torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-5)
    assert modes == [module.training for module in program.modules()]


@pytest.mark.filterwarnings("ignore::FutureWarning", "ignore::DeprecationWarning")
@pytest.mark.parametrize("use", ["evaluate", "saliency", "pgd"])
def test_a_frozen_script_is_used_as_it_is(use):
    network = plain_network().eval()
    script = torch.jit.freeze(torch.jit.trace(network, torch.rand(2, 3, 12, 12)))
    found, expected = (USES[use](classifier_of(one), split_of(6)) for one in (script, network))
    torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-5)


@pytest.mark.filterwarnings("ignore:The .grad attribute of a Tensor")  # torch's own
def test_a_network_compiled_by_its_own_method_is_left_whole():
    network = plain_network().eval()
    compiled = copy.deepcopy(network)
    compiled.compile(backend="eager")
    classifier = classifier_of(compiled)
    found, expected = (USES["saliency"](one, split_of(4)) for one in (classifier, classifier_of(network)))
    with eval_without_grad(classifier):
        assert not _cached_of(classifier).plan.convolutions
    torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-5)


def test_tensors_without_values_or_gradients_are_named():
    with torch.device("meta"):
        bare = plain_network()
    with pytest.raises(ig.InputError, match=r"'0\.weight' has no values"):
        classifier_of(bare)
    with torch.inference_mode():
        inert = plain_network()
    with pytest.raises(ig.InputError, match=r"'0\.weight' was made inside torch\.inference_mode"):
        classifier_of(inert)
    network = plain_network().eval()
    with torch.inference_mode():
        made = classifier_of(network)
    assert USES["saliency"](made, split_of(2)).any()


class Cut(nn.Module):
    """A trunk, and a head, between which the gradient is lost in one way or another."""

    def __init__(self, how):
        super().__init__()
        self.how, self.kept = how, {}
        self.trunk, self.head = (
            nn.Conv2d(3, 6, 3),
            nn.Sequential(nn.Conv2d(6, 6, 3), nn.ReLU(), nn.Flatten(), nn.Linear(384, K)),
        )

    def forward(self, x):
        match self.how:
            case "no_grad":
                with torch.no_grad():
                    maps = self.trunk(x)
            case "checkpointed":
                maps = checkpoint(self.trunk, x, use_reentrant=True)
            case "kept":
                key = float(x.detach().sum())
                if key not in self.kept:
                    self.kept[key] = self.trunk(x).detach().requires_grad_()
                maps = self.kept[key]
        return self.head(maps)


@pytest.mark.filterwarnings("ignore:None of the inputs")
@pytest.mark.parametrize("how", ["no_grad", "checkpointed", "kept"])
@pytest.mark.parametrize("method", ["saliency", "integrated-gradients", "guided-backprop"])
def test_a_gradient_that_cannot_be_had_is_refused(how, method):
    torch.manual_seed(0)
    with pytest.raises(ig.InputError, match=r"gradient|backward pass fails|checkpointing"):
        ig.explain(classifier_of(Cut(how).eval()), *split_of(2)[:], method)


@pytest.mark.filterwarnings("ignore:None of the inputs")
@pytest.mark.parametrize("how", ["no_grad", "checkpointed"])
def test_a_layer_that_no_gradient_reaches_is_named(how):
    torch.manual_seed(0)
    with pytest.warns(Notice, match="no gradient of the logits reaches trunk"):
        maps = ig.explain(classifier_of(Cut(how).eval()), *split_of(2)[:], "grad-cam")
    assert not maps["trunk"].any()
    assert maps["head.0"].any()


class Lots(nn.Module):
    """Dropout that does not ask for the mode."""

    def __init__(self):
        super().__init__()
        self.body = plain_network()

    def forward(self, x):
        return self.body(F.dropout(x, 0.3))


def test_of_a_network_that_draws_lots_evaluation_says_so():
    with pytest.warns(Notice, match="is not deterministic"):
        ig.evaluate(classifier_of(Lots().eval()), split_of(16))
    with warnings.catch_warnings():
        warnings.simplefilter("error", Notice)
        ig.evaluate(classifier_of(plain_network().eval()), split_of(16))
