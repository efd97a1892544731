"""The first blocks of one network in another."""

from __future__ import annotations

import torch
from pydantic import Field
from torch import Tensor

from ironglass.errors import InputError
from ironglass.fields import dataclass
from ironglass.models.classifier import Classifier
from ironglass.models.loading.load import load_classifier
from ironglass.models.reading.layers import is_innermost
from ironglass.models.structure.blocks import Depth, blocks_of


@dataclass(frozen=True, kw_only=True, config={"extra": "forbid"})
class Transplant:
    """A network that starts with the first blocks of another (Yosinski et al. 2014, arXiv 1411.1792).

    Layers that are not copied keep the values that they were initialised with from the seed. Which layers are trained
    then is up to the stages: held by `trainable_from` they make Yosinski's AnB, fine-tuned AnB+.

    source: the other network, by a name that `load_classifier` knows, such as a run folder.
    blocks: how many to copy, the stem with the first of them; 0 for none, "head" for all but the last layer.
    pretrained: whether the source has its published weights.
    weights: a local checkpoint for the source.
    """

    source: str
    blocks: Depth = Field(default="head")
    pretrained: bool = False
    weights: str | None = None

    def into(self, classifier: Classifier) -> Classifier:
        """The classifier, with the blocks copied into it. Raises InputError, naming it, for what does not fit."""
        # with its own classes: their number decides the shape of the last layer, which is never copied
        source = load_classifier(
            self.source,
            size=classifier.input_size,
            channels=classifier.channels,
            pretrained=self.pretrained,
            weights=self.weights,
        )
        return transplant(classifier, source, self.blocks)


@torch.no_grad()
def transplant(classifier: Classifier, source: Classifier, blocks: Depth) -> Classifier:
    """Copies weights and statistics of the source's first blocks, bit for bit, and gives back the classifier.

    With the first block come the stem and what belongs to no layer, as a transformer's positions. Nothing is copied
    where anything does not fit: raises InputError with the tensor's name and both shapes.
    """
    blocks_found = blocks_of(classifier)
    end = blocks_found.end(blocks)
    if end == 0:
        return classifier
    state, source_state = classifier.network.state_dict(), source.network.state_dict()
    copied = {
        name: tensor for name, tensor in state.items() if name not in _tensors_of(classifier, blocks_found.layers[end:])
    }
    for name, tensor in copied.items():
        _check(name, tensor, source_state.get(name), source)
    for name, tensor in copied.items():
        tensor.copy_(source_state[name])
    return classifier


def _tensors_of(classifier: Classifier, layers: tuple[str, ...]) -> set[str]:
    """The names of the layers' own tensors, as the network's state has them."""
    network = classifier.network
    return {
        f"{name}.{tensor}"
        for name in layers
        for tensor in network.get_submodule(name).state_dict()
        if is_innermost(network.get_submodule(name)) or "." not in tensor
    }


def _check(name: str, tensor: Tensor, source_tensor: Tensor | None, source: Classifier) -> None:
    """Raises InputError unless the other tensor is there, of the same shape."""
    prefix = f"{source.source or 'the source'} cannot give its first blocks"
    if source_tensor is None:
        raise InputError(f"{prefix}: it has no {name!r}, so it is another architecture; name one of the model's own")
    if source_tensor.shape != tensor.shape:
        raise InputError(
            f"{prefix}: its {name!r} has shape {tuple(source_tensor.shape)} where the model has {tuple(tensor.shape)}; "
            "name one of the same widths"
        )
