"""Every form in which networks give their logits, and every form that is refused."""

from collections import OrderedDict, namedtuple
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest
import torch
from torch import Tensor, nn

import ironglass as ig
from ironglass.data.dataset import Split
from ironglass.errors import InputError
from ironglass.models.reading.outputs import read_outputs

K = 4
Out = namedtuple("Out", "aux logits")
Two = namedtuple("Two", "first second")


@dataclass
class Answer:
    logits: Tensor
    hidden: Tensor


class Attribute:
    def __init__(self, logits: Tensor) -> None:
        self.logits = logits


class Shaped(nn.Module):
    """A small network whose logits are given in another form."""

    def __init__(self, form: Callable[[Tensor], Any], k: int = K) -> None:
        super().__init__()
        self.body = nn.Sequential(
            nn.Conv2d(3, 6, 3), nn.ReLU(), nn.AdaptiveAvgPool2d(3), nn.Flatten(), nn.Linear(54, k)
        )
        self.form = form

    def forward(self, x: Tensor) -> Any:
        return self.form(self.body(x))


def classifier_of(form: Callable[[Tensor], Any], k: int = K, outputs: int | None = None) -> ig.Classifier:
    torch.manual_seed(0)
    network = Shaped(form, outputs or k).eval()
    return ig.Classifier(network, mean=(0.4,) * 3, std=(0.3,) * 3, classes=[f"c{i}" for i in range(k)], input_size=12)


def uses(classifier: ig.Classifier, n: int) -> dict[str, Callable[[], Any]]:
    """Each public way to put images through a classifier."""
    k = len(classifier.classes)
    images = torch.rand(n, 3, 12, 12, generator=torch.Generator().manual_seed(1))
    labels = torch.arange(n) % k
    split = Split(
        (images.permute(0, 2, 3, 1).numpy() * 255).astype("uint8"), labels.numpy(), tuple(str(i) for i in range(n))
    )
    return {
        "classifier": lambda: classifier(images).detach(),
        "saliency": lambda: ig.explain(classifier, images, labels, "saliency"),
        "occlusion": lambda: ig.explain(classifier, images, labels, "occlusion", patch=6, stride=2),
        "grad-cam": lambda: ig.explain(classifier, images, labels)["body.0"],
        "pgd": lambda: ig.attack(classifier, images, labels, "pgd-3", eps=0.1).adversarial,
        "square": lambda: ig.attack(classifier, images, labels, "square-10", eps=0.1).adversarial,
        "evaluate": lambda: ig.evaluate(classifier, split)[1],
    }


USES = tuple(uses(classifier_of(lambda z: z), 5))
FORMS: dict[str, Callable[[Tensor], Any]] = {
    "tuple": lambda z: (z, z * 0),
    "tuple of one": lambda z: (z,),
    "features first": lambda z: (z.repeat(1, 5), z),
    "list": lambda z: [z, None, z.mean()],
    "dict": lambda z: {"features": z.repeat(1, 3), "logits": z, "loss": z.mean()},
    "one of a dict": lambda z: {"scores": z},
    "auxiliary first": lambda z: {"aux": z * 0, "scores": z},
    "segmentation's": lambda z: OrderedDict(out=z, aux=z * 0),
    "named tuple": lambda z: Out(z * 0, z),
    "dataclass": lambda z: Answer(z, z * 0),
    "an attribute": lambda z: Attribute(z),
    "1 x 1": lambda z: z[:, :, None, None],
    "1 x 1 in a tuple": lambda z: (z[:, :, None],),
    "squeezed": lambda z: z.squeeze(),
}


@pytest.mark.parametrize("n", [1, 2, K, 5])
@pytest.mark.parametrize("form", FORMS)
def test_each_form_gives_what_plain_logits_give_in_every_use(form: str, n: int) -> None:
    plain, adapted = uses(classifier_of(lambda z: z), n), uses(classifier_of(FORMS[form]), n)
    for name in USES if n == 5 else ("classifier", "evaluate", "saliency"):
        torch.testing.assert_close(adapted[name](), plain[name](), rtol=1e-4, atol=1e-5, msg=f"{form}, {name}")


@pytest.mark.parametrize("form", ["tuple", "dict", "1 x 1"])
def test_says_what_it_adapted(form: str) -> None:
    classifier = classifier_of(FORMS[form])
    assert classifier.adaptation == ""
    classifier(torch.rand(3, 3, 12, 12))
    assert {"tuple": "output 0 of 2", "dict": "'logits'", "1 x 1": "(n, 4, 1, 1)"}[form] in classifier.adaptation
    plain = classifier_of(lambda z: z)
    plain(torch.rand(3, 3, 12, 12))
    assert plain.adaptation == ""


@pytest.mark.parametrize("n", [1, 2, 3, 7])
@pytest.mark.parametrize("squeezed", [False, True])
def test_a_single_logit_is_two_exactly(n: int, squeezed: bool) -> None:
    form = (lambda z: z.squeeze()) if squeezed else (lambda z: z)
    one = classifier_of(form, 2, 1)
    images, labels = torch.rand(n, 3, 12, 12), torch.arange(n) % 2
    z = one.network.body((images - 0.4) / 0.3)[:, 0].detach()
    logits = one(images).detach()
    assert torch.equal(logits[:, 1] - logits[:, 0], z)
    torch.testing.assert_close(logits.softmax(1)[:, 1], z.sigmoid())
    binary = nn.functional.binary_cross_entropy_with_logits(z, labels.float())
    torch.testing.assert_close(nn.functional.cross_entropy(logits, labels), binary)
    maps = [ig.explain(one, images, torch.full((n,), which), "saliency") for which in (0, 1)]
    torch.testing.assert_close(maps[0], -maps[1])
    assert maps[1].abs().sum() > 0


REFUSED: dict[str, tuple[Callable[[Tensor], Any], int, str]] = {
    "too many": (lambda z: z, 7, r"7 outputs .* 4 class names"),
    "too few": (lambda z: z, 3, r"3 outputs .* 4 class names"),
    "a single one": (lambda z: z, 1, r"1 outputs .* 4 class names"),
    "transposed": (lambda z: z.T, K, r"4 class names, its axes exchanged"),
    "summed": (lambda z: z.sum(0), K, r"one row of 4 outputs for . images and 4 class names"),
    "averaged": (lambda z: z.mean(0, keepdim=True), K, r"one row of 4 outputs"),
    "a map": (lambda z: z[:, :, None].expand(-1, -1, 5), K, r"\(., 4, 5\) for . images and 4 class names"),
    "classes": (lambda z: z.argmax(1), K, r"int64 .* 4 class names"),
    "integers": (lambda z: z.long(), K, r"int64 .* 4 class names"),
    "a number": (lambda z: z.sum(), K, r"4 class names"),
    "nothing": (lambda z: None, K, r"None .* 4\) logits"),
    "a word": (lambda z: "cat", K, r"a str"),
    "an empty tuple": (lambda z: (), K, r"no tensor .* 4 class names"),
    "a tuple of others": (lambda z: (z[:, :3], z.sum()), K, r"0: \(., 3\).* 4 class names"),
    "a dict's too many": (lambda z: {"logits": z}, 6, r"'logits'.* 6 outputs .* 4 class names"),
    "two of a dict": (lambda z: {"a": z, "b": z}, K, r"several outputs .*a, b"),
    "an error": (lambda z: 1 / 0, K, r"forward fails on images of 3 × 12 × 12: ZeroDivisionError"),
    "an exit": (lambda z: exit(0), K, r"forward fails .* SystemExit"),
    "complex": (lambda z: z.to(torch.complex64), K, r"complex64"),
}


@pytest.mark.parametrize("n", [K, 5])
@pytest.mark.parametrize("which", REFUSED)
def test_what_is_no_logits_is_refused_in_every_use(which: str, n: int) -> None:
    form, outputs, says = REFUSED[which]
    classifier = classifier_of(form, K, outputs)  # making it raises nothing
    before = torch.get_rng_state()
    for name, use in uses(classifier, n).items():
        with pytest.raises(InputError, match=says) as refusal:
            use()
        assert "\n" not in str(refusal.value), name
    if n == K:
        assert torch.equal(torch.get_rng_state(), before)
    assert not classifier.network.training
    assert all(parameter.requires_grad for parameter in classifier.parameters())


def test_a_sum_over_a_batch_of_as_many_images_as_classes_is_seen() -> None:
    two = classifier_of(lambda z: z.sum(0), 2)
    with pytest.raises(InputError, match="one row of 2 outputs"):
        two(torch.rand(2, 3, 12, 12))
    with pytest.raises(InputError, match="one row of 2 outputs"):
        two(torch.rand(1, 3, 12, 12))


def test_a_head_exchanged_later_is_read_anew() -> None:
    classifier = classifier_of(lambda z: z)
    images = torch.rand(5, 3, 12, 12)
    classifier(images)
    classifier.network.body[4] = nn.Linear(54, 9)
    with pytest.raises(InputError, match="9 outputs"):
        classifier(images)
    classifier.network = Shaped(FORMS["dict"])
    assert classifier(images).shape == (5, K)
    assert "'logits'" in classifier.adaptation


def test_a_tensor_of_names_and_others() -> None:
    z = torch.rand(3, K)
    found = read_outputs({"out": z, "aux": [z + 1, z + 2], "features": z.repeat(1, 2)}, 3, K)
    assert found.logits is z
    assert [bool((other == z + step).all()) for step, other in enumerate(found.others, 1)] == [True, True]
    assert read_outputs(Two(z, z.sum()), 3, K).logits is z


class Single(nn.Module):
    """One number an image: above 0, or above one half behind `last`, where the image is light."""

    def __init__(self, last, shape):
        super().__init__()
        self.last, self.shape = last, shape
        self.linear = nn.Linear(64, 1)
        nn.init.constant_(self.linear.weight, 1.0)
        nn.init.zeros_(self.linear.bias)

    def forward(self, x):
        return self.shape(self.last(self.linear(x.flatten(1))))


SQUASHES = {
    "sigmoid": (nn.Sigmoid(), True),
    "functional": (torch.sigmoid, True),
    "softmax of two": (lambda z: torch.cat((-z / 2, z / 2), 1).softmax(1)[:, 1], True),
    "none": (nn.Identity(), False),
    "small logits": (lambda z: z * 1e-3, False),
    "tanh": (torch.tanh, False),
}


@pytest.mark.parametrize(
    "shape", [lambda z: z, lambda z: z.reshape(-1), lambda z: {"logits": z}], ids=["n1", "n", "dict"]
)
@pytest.mark.parametrize("squash", SQUASHES)
def test_a_single_output_is_a_logit_or_a_probability(squash, shape):
    last, probability = SQUASHES[squash]
    classifier = ig.Classifier(
        Single(last, shape).eval(), mean=(0.5,), std=(0.25,), classes=("dark", "light"), input_size=8
    )
    dark, light = torch.full((20, 1, 8, 8), 0.48), torch.full((20, 1, 8, 8), 0.52)
    images, labels = torch.cat((dark, light)), torch.tensor([0] * 20 + [1] * 20)
    logits = classifier(images)
    assert (logits.argmax(1) == labels).all()
    assert ("probability" in classifier.adaptation) == probability
    if squash in ("sigmoid", "functional", "softmax of two", "none"):
        torch.testing.assert_close(
            logits.softmax(1)[:, 1], torch.sigmoid((images - 0.5).sum((1, 2, 3)) / 0.25), atol=1e-4, rtol=1e-3
        )
    if squash != "tanh":  # behind which a random start may find no slope
        assert ig.attack(classifier, images, labels, "pgd-10", eps=0.1).fooled.all()
    assert not ig.attack(classifier, images, labels, "pgd-10", eps=0.01).fooled.any()
    pixels = (images.permute(0, 2, 3, 1).numpy() * 255).round().astype("uint8")
    found = ig.evaluate(classifier, Split(pixels, labels.numpy(), tuple(map(str, range(40)))))[0]
    assert found["accuracy"]["value"] == 1
