"""Augmentation by a callable of the user's own, or by torchvision's transforms."""

from __future__ import annotations

import inspect
import random
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, TypeAlias, cast

import numpy as np
import torch
from torch import Tensor, nn

from ironglass.choices import shown
from ironglass.data.augment import Augment
from ironglass.data.augmentation.fingerprint import fingerprint
from ironglass.data.dataset import Split
from ironglass.errors import InputError
from ironglass.types import Images, Labels, Pixels

Augmentation: TypeAlias = "Augment | OwnAugment"
ROUNDING = 1e-5
"""By how much images may leave [0, 1], as resampling does, before they are cut to it."""
TRIAL_IMAGES = 8
"""Training images that an augmentation is tried on."""


@dataclass(frozen=True)
class OwnAugment:
    """Random changes of a batch by a callable, once a training step.

    call: takes images, float32 (n, c, h, w) in [0, 1], and gives images of the same shape, type and range; or takes
        images and labels, int64 (n,), and gives both. One of torchvision's transforms is called image by image,
        (c, h, w), since it draws once a call. It draws from torch's, numpy's or Python's default generator, which are
        seeded before every batch.
    description: its record in `recipe.json`, by which a resumed run knows the same one.
    """

    call: Callable[..., Any] = field(repr=False)
    description: str

    def __call__(self, images: Images, labels: Labels, classes: int, seed: int) -> tuple[Images, Labels]:
        """Images and labels of a batch. Raises InputError for what is no batch of this shape, type and range."""
        with seeded(seed):
            try:
                result = self._called(images, labels)
            except InputError:
                raise
            except Exception as error:
                raise self.refusal(f"failed: {type(error).__name__}: {' '.join(str(error).split())}") from error
        changed, new_labels = result
        if not isinstance(changed, Tensor) or changed.shape != images.shape or changed.dtype != torch.float32:
            raise self.refusal(f"gave images {_form(changed)}, not float32 {tuple(images.shape)}")
        low, high = (float(bound) for bound in torch.aminmax(changed.detach()))
        if not (low >= -ROUNDING and high <= 1 + ROUNDING):
            raise self.refusal(f"gave values from {low:.4g} to {high:.4g}: they have to stay in [0, 1]")
        if not isinstance(new_labels, Tensor) or new_labels.shape != labels.shape or new_labels.dtype != torch.int64:
            raise self.refusal(f"gave labels {_form(new_labels)}: they have to stay class numbers, int64 (n,)")
        if not 0 <= int(new_labels.min()) <= int(new_labels.max()) < classes:
            raise self.refusal(f"gave labels beyond 0 to {classes - 1}")
        changed = changed.detach().to(images.device, memory_format=torch.channels_last).clamp(0, 1)
        return changed, new_labels.to(images.device)

    def _called(self, images: Images, labels: Labels) -> tuple[Any, Any]:
        if _is_torchvision(self.call):
            return torch.stack([self.call(image) for image in images]), labels
        if not _takes_labels(self.call):
            return self.call(images), labels
        result = self.call(images, labels)
        if not isinstance(result, tuple) or len(cast("tuple[Any, ...]", result)) != 2:
            raise self.refusal("takes images and labels, and has to give both")
        return cast("tuple[Any, Any]", result)

    def refusal(self, fault: str) -> InputError:
        """The error that names the callable and its fault."""
        name = getattr(self.call, "__qualname__", type(self.call).__name__)
        return InputError(f"the augmentation {name} {fault}")


def as_augment(value: Any) -> Augmentation:
    """An `Augment`, or the fields of one, as `Augment`; any other callable as `OwnAugment`. Raises InputError."""
    if isinstance(value, Augment | OwnAugment):
        return value
    if isinstance(value, Mapping):
        fields = {str(name): entry for name, entry in cast("Mapping[str, Any]", value).items()}
        if fields.pop("kind", "Augment") != "Augment":
            raise InputError(
                "augment was an object of a Python program, which recipe.json only describes: give it anew"
            )
        return Augment(**fields)
    if isinstance(value, type) or not callable(value):
        example = "an ironglass.Augment(...), a function of images, or one of torchvision's transforms"
        raise InputError(f"augment is {shown(value)}: give {example}")
    _takes_labels(value)
    return OwnAugment(value, fingerprint(value))


def augmented(
    augment: Augmentation, pixels: Pixels, labels: Labels, *, classes: int, seed: int
) -> tuple[Images, Labels]:
    """A batch under either kind; equal seeds give equal bits."""
    if isinstance(augment, Augment):
        return augment(pixels, torch.Generator(pixels.device).manual_seed(seed)), labels
    images = pixels.to(torch.float32, memory_format=torch.channels_last, copy=True)
    images = images.div_(255) if pixels.dtype == torch.uint8 else images
    return augment(images, labels.clone(), classes, seed)


def check_augment(augment: Augmentation, split: Split, classes: int, device: torch.device) -> None:
    """Tries a user's augmentation on a few images, twice. Raises InputError where it breaks its contract."""
    if isinstance(augment, Augment):
        return
    index = np.arange(min(TRIAL_IMAGES, len(split)))
    pixels, labels = (part.to(device) for part in split.batch(index))
    devices = [device] if device.type == "cuda" else []
    with torch.random.fork_rng(devices):
        first, again = (augmented(augment, pixels, labels, classes=classes, seed=0) for _ in range(2))
    if not all(torch.equal(one, other) for one, other in zip(first, again, strict=True)):
        raise augment.refusal(
            "gives other images for the same seed of torch, numpy and random, so that a resumed training would differ: "
            "draw from their default generators"
        )


@contextmanager
def seeded(seed: int) -> Iterator[None]:
    """Seeds every default generator; Python's and numpy's are as before afterwards, torch's is the caller's to keep."""
    state, legacy_state = random.getstate(), np.random.get_state()  # noqa: NPY002  (which users draw from)
    torch.manual_seed(seed)
    random.seed(seed)
    np.random.seed(seed % 2**32)  # noqa: NPY002
    try:
        yield
    finally:
        random.setstate(state)
        np.random.set_state(legacy_state)  # noqa: NPY002


def _is_torchvision(call: Any) -> bool:
    parts = call.modules() if isinstance(call, nn.Module) else (call,)
    return any(type(part).__module__.startswith("torchvision.transforms") for part in parts)


def _takes_labels(call: Any) -> bool:
    """True for two arguments, False for one. Raises InputError for a callable that takes neither."""
    try:
        signature = inspect.signature(call)
    except ValueError:  # of a builtin
        return False
    for arguments in (("images",), ("images", "labels")):
        try:
            signature.bind(*arguments)
        except TypeError:
            continue
        return len(arguments) == 2
    name = getattr(call, "__qualname__", type(call).__name__)
    raise InputError(f"the augmentation {name} takes neither (images) nor (images, labels)")


def _form(value: Any) -> str:
    if isinstance(value, Tensor):
        return f"{str(value.dtype).removeprefix('torch.')} {tuple(value.shape)}"
    return f"of type {type(value).__name__}"
