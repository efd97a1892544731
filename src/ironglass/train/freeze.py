"""Which layers learn."""

from __future__ import annotations

from torch import nn

from ironglass.errors import InputError
from ironglass.models.classifier import Classifier


def learning_parameters(
    classifier: Classifier, trainable_from: str | None
) -> tuple[list[nn.Module], list[nn.Parameter]]:
    """The layers before `trainable_from`, which are held, and the parameters that learn.

    Raises InputError where no layer has that name.
    """
    if trainable_from is None:
        return [], list(classifier.parameters())
    layers = classifier.layers()
    inside = [name == trainable_from or name.startswith(f"{trainable_from}.") for name in layers]
    if not any(inside):
        raise InputError(f"no layer is named {trainable_from!r}: the layers are {', '.join(layers)}")
    held = list(layers.values())[: inside.index(True)]
    of_held = {id(parameter) for layer in held for parameter in layer.parameters()}
    return held, [parameter for parameter in classifier.parameters() if id(parameter) not in of_held]
