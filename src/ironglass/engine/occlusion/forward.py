"""Many passes without gradients through the traced network, its batch-norms and activations fused into convolutions."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import TypeAlias

import torch
from torch import fx

from ironglass.engine.folding.fold import folded, is_folded
from ironglass.engine.kernels.onednn import onednn_supports
from ironglass.engine.occlusion.fused_conv import Convolution
from ironglass.engine.occlusion.graph_network import normalised
from ironglass.engine.occlusion.trace import trace_network
from ironglass.models.classifier import Classifier
from ironglass.models.eval_without_grad import eval_without_grad
from ironglass.models.memory import is_out_of_memory
from ironglass.types import Images, Logits

Forward: TypeAlias = Callable[[Images], Logits]

MIN_IMAGES = 128
"""Images of a call from which on tracing, 0.01 to 0.25 s, is cheap by comparison."""
TOLERANCE = 1e-4
"""Allowed difference from the network's own logits, as a share of the largest."""


@contextmanager
def fused_forward(classifier: Classifier, n: int) -> Iterator[Forward]:
    """Inside: a function of images that gives the classifier's logits up to float noise, without gradients, by fewer
    passes over memory than `folded`.

    The network is traced, and every pair of convolution and activation is one call of oneDNN. Where it cannot be
    traced, for few images and on other devices than the CPU it is the classifier inside `folded`. Checked within the
    call: the first pass, each of another size, and then the fourth, the sixteenth and so on, are compared with the
    network's own for the first and the last image; where they differ, `folded` does that pass and all that follow.

    n: images that will pass.
    """
    with eval_without_grad(classifier), torch.no_grad(), ExitStack() as stack:
        traced = _traced(classifier) if n >= MIN_IMAGES and not is_folded(classifier) else None
        if traced is None:
            yield stack.enter_context(folded(classifier))
        else:
            yield _Checked(classifier, traced, stack)


class _Checked:
    """The traced network's logits, compared now and then with the network's own."""

    def __init__(self, classifier: Classifier, traced: fx.GraphModule, stack: ExitStack) -> None:
        self._classifier, self._traced, self._stack = classifier, traced, stack
        self._differs, self._number, self._sizes = False, 0, set[torch.Size]()

    def __call__(self, images: Images) -> Logits:
        if self._differs:
            return self._classifier(images)
        self._number += 1
        logits = self._fused(images)
        if logits is None:
            self._differs = True
            self._stack.enter_context(folded(self._classifier))
            return self._classifier(images)
        return logits

    def _fused(self, images: Images) -> Logits | None:
        """The traced network's logits, None where they are not the network's own."""
        due = images.shape not in self._sizes or (self._number & (self._number - 1) == 0 and self._number % 3 == 1)
        self._sizes.add(images.shape)
        rows = [0, len(images) - 1] if len(images) > 1 else [0]
        expected = self._classifier(images[rows]) if due else None
        if not onednn_supports(images) or not self._classifier.is_plain:
            return None
        try:
            logits = self._traced(normalised(self._classifier, images))
        except (RuntimeError, ValueError, TypeError) as error:  # a size that the trace recorded as a constant
            if is_out_of_memory(error):
                raise
            return None
        if not isinstance(logits, torch.Tensor) or logits.shape != (len(images), len(self._classifier.classes)):
            return None
        if expected is not None:
            bound = TOLERANCE * expected.abs().amax()
            if not bool(((logits[rows] - expected).abs() <= bound).all()):  # not so for NaN
                return None
        return logits


def _traced(classifier: Classifier) -> fx.GraphModule | None:
    """The network as a graph with fused convolutions; None where there is none to be fused, or no graph."""
    if classifier.device.type != "cpu" or not classifier.is_plain:
        return None
    with torch.inference_mode(False), torch.no_grad():
        traced = trace_network(classifier.network)
    if traced is None or not any(isinstance(module, Convolution) for module in traced.modules()):
        return None
    return traced
