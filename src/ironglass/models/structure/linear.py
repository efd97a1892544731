"""Linear classifiers: detection, and weights as pictures."""

from __future__ import annotations

from torch import Tensor, nn

from ironglass.models.classifier import Classifier


def linear_weights(classifier: Classifier) -> tuple[Tensor, Tensor] | None:
    """The weights (k, c, h, w) and biases (k,) with logits = Σ weights · images + biases, for images in [0, 1].

    The normalisation is in them. None unless the network is a plain chain of which a linear layer alone computes
    anything, and that once.
    """
    network = classifier.network
    if type(network) is not nn.Sequential:
        return None
    layers = [layer for layer in network if not isinstance(layer, nn.Flatten | nn.Identity | nn.Dropout)]
    if len(layers) != 1 or type(layers[0]) is not nn.Linear:
        return None
    weights = layers[0].weight.detach().unflatten(1, (classifier.channels, *classifier.input_size)) / classifier.std
    biases = -(weights * classifier.mean).sum((1, 2, 3))
    return weights, biases if layers[0].bias is None else biases + layers[0].bias.detach()
