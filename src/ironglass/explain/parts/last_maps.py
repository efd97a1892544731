"""The last layer of a network whose output has rows and columns, activation and pooling included."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from ironglass.errors import InputError
from ironglass.explain.parts.layers import find_layers, first_norms, recorded_outputs
from ironglass.explain.parts.layout import Layout, layouts_of
from ironglass.models.classifier import Classifier
from ironglass.models.eval_without_grad import eval_without_grad
from ironglass.types import Images


def last_maps(classifier: Classifier, images: Images) -> str:
    """The name of the last module to finish whose output has rows and columns, of more than one position.

    A block or its activation, where there is one, and not the convolution before it. In a transformer the first norm
    of the last block, since of the last block's output only the class token may count. Raises InputError where no
    module has such an output.
    """
    network, images = classifier.network, images[:1]
    if first_norms(network):
        candidates = find_layers(network, None)
    else:
        if not find_layers(network, None):
            raise InputError("the network has no convolutional layer to explain: choose occlusion")
        modules: dict[str, nn.Module] = {name: module for name, module in network.named_modules() if name}
        with recorded_outputs(modules, _unchanged) as outputs, eval_without_grad(classifier), torch.no_grad():
            classifier(images)
        candidates = {name: modules[name] for name, output in outputs.items() if output.ndim > 2}
    for name in reversed(candidates):
        layout = layouts_of(classifier, {name: candidates[name]}, images).get(name)
        if isinstance(layout, Layout) and not layout.single:
            return name
    raise InputError("no layer of the network has an output with rows and columns: choose occlusion")


def _unchanged(_name: str, output: Tensor) -> Tensor:
    return output
