"""A classifier as a graph of operations that can be bounded."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from ironglass.engine.bounds.affine import normalisation
from ironglass.engine.bounds.operation import Operation
from ironglass.engine.bounds.translate import UNCOVERED, Translation
from ironglass.engine.occlusion.trace import traced_graph
from ironglass.errors import InputError
from ironglass.models.classifier import Classifier
from ironglass.models.eval_without_grad import eval_without_grad


@dataclass(frozen=True)
class Step:
    """One operation of the graph. inputs: positions of the steps that it reads, 0 for the images themselves."""

    operation: Operation
    inputs: tuple[int, ...]


@dataclass(frozen=True)
class BoundGraph:
    """The operations between images in [0, 1] and logits, in float64, in the order in which they are computed.

    steps: the first is at position 1, since 0 stands for the images.
    shapes: of each position's value, without the batch; those of the images first, of the logits last.
    """

    steps: tuple[Step, ...]
    shapes: tuple[torch.Size, ...]

    @property
    def is_affine(self) -> bool:
        """True where the logits are an affine function of the image."""
        return all(step.operation.is_affine for step in self.steps)

    def logits(self, images: Tensor) -> Tensor:
        """Logits float64 (n, k) of images (n, c, h, w)."""
        values = [images.double()]
        for step in self.steps:
            values.append(step.operation.forward([values[position] for position in step.inputs]))
        return values[-1]


def bound_graph(classifier: Classifier, size: tuple[int, int]) -> BoundGraph:
    """The classifier's graph for images of that height and width.

    Raises InputError for a network that cannot be traced, an operation that is not covered, by its name, outputs that
    are not the logits themselves, and half precision.
    """
    tensors = (*classifier.network.parameters(), *classifier.network.buffers())
    for dtype in {tensor.dtype for tensor in tensors if tensor.dtype.is_floating_point}:
        if dtype not in (torch.float32, torch.float64):
            raise InputError(f"the network computes in {str(dtype).removeprefix('torch.')}: {_TO_FLOAT}")
    if not classifier.is_plain:
        raise InputError(f"{UNCOVERED} this network's outputs as they are read: {classifier.adaptation}")
    with eval_without_grad(classifier), torch.no_grad():
        traced = traced_graph(classifier.network)
        if traced is None:
            raise InputError(
                f"{UNCOVERED} this network: torch.fx cannot trace it (its code branches on values, has hooks or draws "
                "random numbers); smoothing needs no trace"
            )
        images = torch.zeros((1, classifier.channels, *size), dtype=torch.float64, device=classifier.device)
        first = normalisation(images, classifier.mean, classifier.std)
        translation = Translation(traced, Step(first, (0,)), first.forward([images]), Step)
        steps = translation.steps()
    sample = translation.samples[-1]
    if sample.shape != (1, len(classifier.classes)):
        raise InputError(f"{UNCOVERED} outputs of shape {tuple(sample.shape)} for one image: logits are needed")
    return BoundGraph(tuple(steps), (images.shape[1:], *(value.shape[1:] for value in translation.samples)))


_TO_FLOAT = "bounds are for float32 and float64, so convert it by classifier.float()"
