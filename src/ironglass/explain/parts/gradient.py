"""Gradients of the explained logit with respect to the images, in chunks that fit into memory."""

from __future__ import annotations

from collections.abc import Callable
from weakref import WeakKeyDictionary

import torch
from torch import Tensor, nn

from ironglass.engine.folding.fold import folded
from ironglass.errors import InputError
from ironglass.models.backward import differentiate
from ironglass.models.classifier import Classifier
from ironglass.models.eval_without_grad import eval_without_grad
from ironglass.models.exclusive import modules_of
from ironglass.models.memory import in_parts
from ironglass.types import Images, Labels, Logits

AUTOGRAD_BYTES = 2**28
"""Bytes that autograd may keep of one chunk; at its height a pass needs about twice as many. More are slower on the
CPU, where large tensors get fresh memory from the system at every pass."""

GPU_CHUNK_FACTOR = 4
"""How many times as many on other devices, which need large chunks to be busy."""

# Batches of so few numbers are small in any network, and not worth measuring.
SMALL_BATCH_VALUES = 2**16


NO_GRADIENT = (
    "the logits have no gradient: the network detaches, rounds or stores what it computes; choose occlusion, which"
    " needs none"
)


def no_change(_logits: Logits) -> None:
    """Leaves the backward pass as it is."""


def input_gradient(
    classifier: Classifier, images: Images, targets: Labels, prepare: Callable[[Logits], None] = no_change
) -> Images:
    """∂ logit_target / ∂ images, each image's own: float32 (n, c, h, w), units of the logit per unit of [0, 1].

    Computed inside `folded`. Float noise switches a few ReLUs whose input is 0 up to rounding, which changes the
    gradient within their receptive field; the network's own pass differs as much from float64 (docs/benchmarks.md).

    prepare: called with the logits before the backward pass. Raises InputError where the logits have no gradient.
    """
    size = chunk_size(classifier, images[:1], len(images))
    with folded(classifier), torch.no_grad():
        images, targets = images.detach(), targets.to(images.device)

        def gradient(part: slice) -> Images:
            return _gradient(classifier, images[part], targets[part], prepare)

        return torch.cat(list(in_parts(gradient, len(images), at_most=size)))


def weighted_gradient(
    classifier: Classifier,
    images: Images,
    targets: Labels,
    points: Callable[[slice, slice], Tensor],
    weights: Tensor,
    factors: Callable[[slice, slice], Tensor] | None = None,
) -> Images:
    """Σ_s weights_s · factor_s · ∂ logit_target / ∂ images at point s: float32 (n, c, h, w).

    weights: (s,).
    points: of a slice of the images and a slice of the weights, the points (s, n, c, h, w).
    factors: likewise; None for 1.

    Raises InputError where the logits have no gradient.
    """
    size = chunk_size(classifier, images[:1], len(images) * len(weights))
    with folded(classifier), torch.no_grad():
        images, targets = images.detach(), targets.to(images.device)
        weights = weights.to(images.device, torch.float32)
        batch_size, steps = max(1, size // len(weights)), min(size, len(weights))
        total = torch.zeros_like(images, dtype=torch.float32)
        for first in range(0, len(images), batch_size):
            batch = slice(first, first + batch_size)
            for begin in range(0, len(weights), steps):
                part = slice(begin, begin + steps)
                point_images = points(batch, part)
                rows, repeated = point_images.flatten(0, 1), targets[batch].repeat(len(point_images))

                def gradient(chunk: slice, rows: Tensor = rows, repeated: Labels = repeated) -> Images:
                    return _gradient(classifier, rows[chunk], repeated[chunk], no_change)

                gradients = torch.cat(list(in_parts(gradient, len(rows)))).unflatten(0, point_images.shape[:2])
                gradients = gradients if factors is None else gradients * factors(batch, part)
                total[batch] += torch.einsum("s,snchw->nchw", weights[part], gradients)
        return total


def chunk_size(classifier: Classifier, image: Images, n: int, autograd_bytes: int | None = None) -> int:
    """Number of `n` images like `image` (1, c, h, w) a forward and backward pass may hold: from 1 to n.

    autograd_bytes: bytes that autograd may keep for all of them on the CPU, AUTOGRAD_BYTES by default. Its bytes for
        one image are measured by a forward pass of the unmodified network, once for each size of image.
    """
    if n == 1 or n * image.numel() <= SMALL_BATCH_VALUES:
        return n
    measured = _measured.setdefault(classifier.network, {})
    key = (image.shape, image.dtype, image.device, *map(id, modules_of(classifier.network)))
    if key not in measured:
        measured[key] = _autograd_bytes(classifier, image)
    budget = (AUTOGRAD_BYTES if autograd_bytes is None else autograd_bytes) * (
        1 if image.device.type == "cpu" else GPU_CHUNK_FACTOR
    )
    return max(1, min(n, budget // max(1, measured[key])))


_measured: WeakKeyDictionary[nn.Module, dict[tuple, int]] = WeakKeyDictionary()


def _autograd_bytes(classifier: Classifier, image: Images) -> int:
    """Bytes that autograd keeps for a forward pass of one image, without parameters and buffers."""
    excluded = {tensor.untyped_storage().data_ptr() for tensor in (*classifier.parameters(), *classifier.buffers())}
    sizes: dict[int, int] = {}

    def note(tensor: Tensor) -> Tensor:
        storage = tensor.untyped_storage()
        sizes[storage.data_ptr()] = storage.nbytes()
        return tensor

    noting = torch.autograd.graph.saved_tensors_hooks(note, lambda tensor: tensor)
    with eval_without_grad(classifier), torch.inference_mode(False), torch.enable_grad(), noting:
        classifier(image.detach().clone().requires_grad_())
    return sum(size for address, size in sizes.items() if address not in excluded)


def score_of(logits: Logits, targets: Labels) -> Tensor:
    """The sum of the targets' logits, to be differentiated. Raises InputError where it has no gradient."""
    if not logits.requires_grad:
        raise InputError(NO_GRADIENT)
    return logits.gather(1, targets[:, None]).sum()


def _gradient(classifier: Classifier, images: Images, targets: Labels, prepare: Callable[[Logits], None]) -> Images:
    with torch.inference_mode(False), torch.enable_grad():
        images = images.detach().clone().requires_grad_()  # a clone leaves inference mode
        logits = classifier(images)
        score = score_of(logits, targets.clone())
        prepare(logits)
        gradient = differentiate(score, images)[0]
        if gradient is None:
            raise InputError(NO_GRADIENT)
        return gradient.float()
