"""The model summary, against counts made by hand."""

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from ironglass.models import Classifier, load_classifier
from ironglass.models.summary import summarise


def classifier_of(network: nn.Module, size: int = 8) -> Classifier:
    return Classifier(network, mean=(0.5,) * 3, std=(0.5,) * 3, classes=tuple("abc"), input_size=size)


class Padded(nn.Conv2d):
    """A convolution that holds a module."""

    def __init__(self, *sizes: int) -> None:
        super().__init__(*sizes)
        self.pad = nn.ZeroPad2d(1)

    def forward(self, x):
        return self._conv_forward(self.pad(x), self.weight, self.bias)


class Own(nn.Module):
    """Tokens of 4 × 4 pixels, made into others by `mix`, averaged."""

    def __init__(self, mix: nn.Module) -> None:
        super().__init__()
        self.patches, self.mix, self.head = nn.Conv2d(3, 8, 4, stride=4), mix, nn.Linear(8, 3)

    def forward(self, x):
        tokens = self.mix(self.patches(x).flatten(2).mT)
        return self.head((tokens[0] if isinstance(tokens, tuple) else tokens).mean(1))


class Attention(nn.Module):
    def __init__(self, how: str) -> None:
        super().__init__()
        self.qkv, self.how = nn.Linear(8, 24), how
        self.torch = nn.MultiheadAttention(8, 2, batch_first=True)

    def forward(self, x):
        if self.how == "module":
            return self.torch(x, x, x, need_weights=False)[0]
        q, k, v = (part.unflatten(2, (2, 4)).transpose(1, 2) for part in self.qkv(x).chunk(3, -1))
        mixed = F.scaled_dot_product_attention(q, k, v) if self.how == "fused" else (q @ k.mT).softmax(-1) @ v
        return mixed.transpose(1, 2).flatten(2)


# 4 tokens of 8 numbers: patches 3·16·8·4, head 8·3
AROUND = 3 * 16 * 8 * 4 + 8 * 3
ATTENDING = 4 * 8 * 24 + 2 * (4 * 4 * 8)  # q, k and v; q·k and weights·v


@pytest.mark.parametrize(
    ("mix", "work"),
    [
        (nn.Identity(), 0),
        (Attention("plain"), ATTENDING),
        (Attention("fused"), ATTENDING),
        (Attention("module"), ATTENDING + 4 * 8 * 8),  # and the projection behind
        (nn.TransformerEncoderLayer(8, 2, 16, batch_first=True), ATTENDING + 4 * 8 * 8 + 2 * 4 * 8 * 16),
        (nn.LSTM(8, 8, batch_first=True), 4 * 4 * (8 * 8 + 8 * 8)),
        (nn.LSTM(8, 4, batch_first=True, bidirectional=True), 2 * 4 * 4 * (8 * 4 + 4 * 4)),
        (nn.GRU(8, 8, batch_first=True), 4 * 3 * (8 * 8 + 8 * 8)),
    ],
    ids=["nothing", "plain", "fused", "module", "encoder", "lstm", "two ways", "gru"],
)
@pytest.mark.parametrize("mode", ["eval", "train"])
def test_counts_are_those_by_hand(mix, work, mode) -> None:
    classifier = classifier_of(Own(mix)).train(mode == "train")
    with torch.no_grad():
        text, numbers = summarise(classifier)
    assert numbers["multiply_adds"] == AROUND + work
    assert f"{AROUND + work:,}" in text
    assert all(module.training == (mode == "train") for module in classifier.modules())
    assert not any(module._forward_hooks or module._forward_pre_hooks for module in classifier.modules())


def test_counts_of_logistic_regression_are_those_by_hand() -> None:
    classifier = load_classifier("logistic", classes=("a", "b", "c"), size=8, channels=1).train()
    text, numbers = summarise(classifier)
    assert numbers["parameters"] == numbers["trainable"] == 64 * 3 + 3
    assert numbers["multiply_adds"] == 64 * 3
    assert "Linear" in text
    assert classifier.training


def test_a_convolution_that_holds_a_module_and_one_that_runs_twice_count() -> None:
    padded, twice = Padded(3, 3, 3), nn.Conv2d(3, 3, 1)
    network = nn.Sequential(padded, twice, nn.ReLU(), twice, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(3, 3))
    network[6].weight.requires_grad_(False)
    text, numbers = summarise(classifier_of(network))
    once, again, head = 9 * 9 * 64, 2 * 9 * 64, 9
    assert numbers["multiply_adds"] == once + again + head
    assert numbers["parameters"] == 9 * 9 + 3 + 9 + 3 + 9 + 3
    assert numbers["parameters"] - numbers["trainable"] == 9
    lines = {line.split("  ")[1].strip(): line.split() for line in text.splitlines() if line.startswith("  ")}
    assert lines["Padded (0)"][-2:] == [str(84), f"{once:,}"]
    assert lines["Conv2d (1)"][-2:] == [str(12), f"{again:,}"]
    assert "1 × 3 × 8 × 8" in " ".join(lines["ReLU (2)"])


@pytest.mark.filterwarnings("ignore:.torch.jit:FutureWarning")
def test_what_torch_cannot_count_is_not_given_a_number() -> None:
    class Loud(torch.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            if torch.utils._python_dispatch._len_torch_dispatch_stack():
                raise NotImplementedError("no such mode here")
            return x.clone()

        @staticmethod
        def backward(ctx, *gradients):
            return gradients[0]

    class Refusing(nn.Module):
        def forward(self, x):
            return Loud.apply(x)

    for network in (
        nn.Sequential(Refusing(), nn.Flatten(), nn.Linear(192, 3)),
        torch.jit.trace(nn.Sequential(nn.Flatten(), nn.Linear(192, 3)), torch.rand(1, 3, 8, 8)),
    ):
        text, numbers = summarise(classifier_of(network))
        assert numbers["multiply_adds"] is None or numbers["multiply_adds"] == 192 * 3
        assert numbers["parameters"] == 192 * 3 + 3
        assert ("not counted" in text) == (numbers["multiply_adds"] is None)
    text, numbers = summarise(classifier_of(nn.Sequential(Refusing(), nn.Flatten(), nn.Linear(192, 3))))
    assert numbers["multiply_adds"] is None
    assert "no such mode here" in text


def test_a_network_that_was_never_used_is_counted_once():
    network = nn.Sequential(nn.Conv2d(3, 8, 3, padding=1, bias=False), nn.Flatten(), nn.Linear(8 * 64, 2))
    classifier = Classifier(network, mean=(0.5,) * 3, std=(0.5,) * 3, classes=("a", "b"), input_size=8)
    assert summarise(classifier)[1]["multiply_adds"] == 8 * 8 * 8 * 27 + 8 * 64 * 2
