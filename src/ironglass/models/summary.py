"""What a network is made of."""

from __future__ import annotations

from typing import Any

import torchinfo

from ironglass.models.classifier import Classifier


def summarise(classifier: Classifier) -> tuple[str, dict[str, Any]]:
    """torchinfo's table of the network for one image, and the numbers that stand in `results.json` under `model`."""
    modes = [(module, module.training) for module in classifier.modules()]
    try:
        info = torchinfo.summary(
            classifier.network,
            input_size=(1, classifier.channels, *classifier.input_size),
            device=classifier.device,
            depth=4,
            col_names=("output_size", "kernel_size", "num_params", "mult_adds"),
            row_settings=("var_names",),
            verbose=0,
            mode="eval",
        )
    finally:
        for module, mode in modes:
            module.training = mode
    numbers = {
        "name": classifier.source or type(classifier.network).__name__,
        "parameters": info.total_params,
        "trainable": info.trainable_params,
        "multiply_adds": info.total_mult_adds,
        "input_size": list(classifier.input_size),
        "channels": classifier.channels,
    }
    return str(info), numbers
