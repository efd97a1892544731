"""Augmentation of the user's own: its contract, what breaks it, and by what text it is known again."""

import random
import subprocess
import sys
from functools import partial
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torchvision.transforms import v2

from ironglass.data.augment import Augment
from ironglass.data.augmentation.fingerprint import fingerprint
from ironglass.data.augmentation.own import OwnAugment, as_augment, augmented, check_augment
from ironglass.data.dataset import Split
from ironglass.errors import InputError

CPU = torch.device("cpu")
PIXELS = torch.from_numpy(np.random.default_rng(0).integers(0, 256, (6, 3, 8, 8), dtype=np.uint8))
LABELS = torch.tensor([0, 1, 2, 0, 1, 2])
SPLIT = Split(PIXELS.permute(0, 2, 3, 1).numpy(), LABELS.numpy(), tuple("abcdef"))


def noisy(images: Tensor) -> Tensor:
    return (images + 0.1 * torch.randn_like(images)).clamp(0, 1)


def relabelled(images: Tensor, labels: Tensor) -> tuple[Tensor, Tensor]:
    return images.flip(3), (labels + 1) % 3


class Everything:
    """Draws from each default generator."""

    def __init__(self, strength: float) -> None:
        self.strength = strength

    def __call__(self, images: Tensor) -> Tensor:
        amount = torch.rand(()) + random.random() + np.random.rand()  # noqa: NPY002
        return images * float(1 - self.strength * amount / 3)


def run(call: Any, seed: int = 0) -> tuple[Tensor, Tensor]:
    return augmented(as_augment(call), PIXELS, LABELS, classes=3, seed=seed)


def test_a_function_of_images_or_of_images_and_labels() -> None:
    images, labels = run(noisy)
    assert torch.equal(labels, LABELS)
    assert (images.shape, images.dtype) == (PIXELS.shape, torch.float32)
    torch.manual_seed(0)
    torch.testing.assert_close(images, noisy(PIXELS.float().contiguous(memory_format=torch.channels_last) / 255))
    images, labels = run(relabelled)
    assert torch.equal(labels, (LABELS + 1) % 3)
    assert torch.equal(images, PIXELS.flip(3) / 255)


@pytest.mark.parametrize("call", [noisy, Everything(0.5), v2.RandomHorizontalFlip(), partial(noisy)])
def test_the_seed_alone_decides(call: Any) -> None:
    states = random.getstate(), np.random.get_state()[1]  # noqa: NPY002
    first = run(call, 5)[0]
    random.random()
    np.random.rand()  # noqa: NPY002
    random.setstate(states[0])
    assert torch.equal(run(call, 5)[0], first)
    assert any(not torch.equal(run(call, seed)[0], first) for seed in range(6, 10))
    assert random.getstate() == states[0]


def test_transforms_of_torchvision_draw_for_every_image() -> None:
    """v2's RandomHorizontalFlip draws once a call, so that a batch would be flipped as one."""
    flipped = [
        torch.equal(image, plain.flip(2) / 255)
        for image, plain in zip(run(v2.RandomHorizontalFlip())[0], PIXELS, strict=True)
    ]
    assert 0 < sum(flipped) < 6
    nested = nn.Sequential(nn.Identity(), v2.Compose([v2.RandomHorizontalFlip(), v2.RandomVerticalFlip()]))
    images = run(nested)[0]
    assert len({tuple(image.flatten()[:8].tolist()) for image in images}) == 6


REFUSED = {
    "another shape": (
        lambda images: images[:, :, 1:],
        r"gave images float32 \(6, 3, 7, 8\), not float32 \(6, 3, 8, 8\)",
    ),
    "another type": (lambda images: images.double(), r"gave images float64"),
    "no tensor": (lambda images: [*images], "gave images of type list"),
    "beyond the range": (lambda images: images * 2, r"gave values from 0 to 2: they have to stay in \[0, 1\]"),
    "no number": (lambda images: images / 0 * 0, "gave values from nan to nan"),
    "an error": (lambda images: images.nothing, "failed: AttributeError: 'Tensor' object has no attribute 'nothing'"),
    "one of two": (lambda images, labels: images, "takes images and labels, and has to give both"),
    "soft labels": (lambda images, labels: (images, nn.functional.one_hot(labels, 3)), r"gave labels int64 \(6, 3\)"),
    "float labels": (lambda images, labels: (images, labels.float()), r"gave labels float32 \(6,\)"),
    "no such class": (lambda images, labels: (images, labels + 1), "gave labels beyond 0 to 2"),
    "a size of its own": (v2.Resize((4, 4)), r"Resize gave images float32 \(6, 3, 4, 4\)"),
    "normalised images": (v2.Normalize((0.5,) * 3, (0.2,) * 3), "Normalize gave values from -2.5 to 2.5"),
    "labels for MixUp": (v2.MixUp(num_classes=3), "MixUp failed: "),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_breaks_the_contract_is_one_line(name: str) -> None:
    call, says = REFUSED[name]
    with pytest.raises(InputError, match=says) as caught:
        check_augment(as_augment(call), SPLIT, 3, CPU)
    assert "\n" not in str(caught.value)
    assert str(caught.value).startswith("the augmentation ")


def test_an_own_generator_is_refused() -> None:
    generator = torch.Generator()
    own = lambda images: (images * torch.rand((), generator=generator)).clamp(0, 1)  # noqa: E731
    with pytest.raises(InputError, match="gives other images for the same seed of torch, numpy and random"):
        check_augment(as_augment(own), SPLIT, 3, CPU)


def test_the_trial_leaves_no_trace() -> None:
    before = torch.get_rng_state()
    check_augment(as_augment(noisy), SPLIT, 3, CPU)
    check_augment(Augment(crop=2), SPLIT, 3, CPU)
    assert torch.equal(torch.get_rng_state(), before)


@pytest.mark.parametrize(
    ("value", "says"),
    [
        (3, "augment is 3: give an ironglass.Augment"),
        (None, "augment is None"),
        (Everything, "augment is .*Everything"),
        (lambda: None, r"takes neither \(images\) nor \(images, labels\)"),
        ({"flipp": True}, r"no field 'flipp' \(did you mean flip\?\); Augment has"),
        ({"kind": "OwnAugment", "description": "5f noisy"}, "which recipe.json only describes: give it anew"),
    ],
)
def test_what_is_no_augmentation_is_refused(value: Any, says: str) -> None:
    with pytest.raises(InputError, match=says):
        as_augment(value)


def test_fields_are_an_augment() -> None:
    assert as_augment({"kind": "Augment", "flip": True}) == as_augment({"flip": True}) == Augment(flip=True)
    own = as_augment(noisy)
    assert isinstance(own, OwnAugment)
    assert as_augment(own) is own


def shifted(by: float) -> Any:
    return lambda images: (images + by).clamp(0, 1)


def test_another_callable_has_another_text() -> None:
    texts = [
        fingerprint(call)
        for call in (
            noisy,
            relabelled,
            shifted(0.1),
            shifted(0.2),
            lambda images: images,
            lambda images: images.flip(3),
            Everything(0.5),
            Everything(0.25),
            partial(shifted, by=1),
            partial(shifted, by=2),
            v2.RandomRotation(10),
            v2.RandomRotation(20),
            v2.Compose([v2.RandomRotation(10)]),
            v2.Lambda(shifted(0.1)),
            v2.Lambda(shifted(0.2)),
        )
    ]
    assert len(set(texts)) == len(texts)
    assert not any("0x" in text for text in texts)
    assert [fingerprint(call) for call in (noisy, shifted(0.1), Everything(0.5), v2.RandomRotation(10))] == [
        texts[0], texts[2], texts[6], texts[10],
    ]  # fmt: skip


def test_the_text_is_the_same_in_another_process() -> None:
    program = (
        "from functools import partial\nfrom ironglass.data.augmentation.fingerprint import fingerprint\n"
        "def f(images, mode='b'):\n    return images if mode in {'a', 'b', 'c', 'd'} else None\n"
        "text = fingerprint(partial(f, mode='c'))\nprint(text)\n"
    )
    here: dict[str, Any] = {}
    exec(program, here)
    environment = {"PYTHONHASHSEED": "1", "OMP_NUM_THREADS": "1"}
    there = subprocess.run([sys.executable, "-c", program], env=environment, capture_output=True, text=True, check=True)
    assert there.stdout.strip() == here["text"]
