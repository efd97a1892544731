"""One pass in training mode before anything is written, to find faults that would appear in the first step."""

from __future__ import annotations

import torch

from ironglass.data.dataset import Split
from ironglass.errors import InputError
from ironglass.models.classifier import Classifier
from ironglass.models.exclusive import exclusive
from ironglass.models.predict import batches
from ironglass.models.reading.forward_pass import collect_auxiliary_outputs
from ironglass.types import Logits

HALF = (torch.float16, torch.bfloat16)


def rehearse(classifier: Classifier, split: Split) -> int:
    """Passes a few training images, and leaves network and random state as they were.

    Gives back how many auxiliary outputs the network has in training mode. Raises InputError for a network in half
    precision, for one that gives a tuple of a single tensor, for outputs that are no logits in either mode, and for
    logits without a gradient.
    """
    network = classifier.network
    classifier.settle()
    if half := {parameter.dtype for parameter in network.parameters() if parameter.dtype in HALF}:
        name = str(half.pop()).removeprefix("torch.")
        raise InputError(
            f"the network is in {name}, in which small steps of training round to nothing: build it with .float()"
        )
    if "output 0 of 1 " in classifier.adaptation:
        raise InputError(
            "the network's forward gives a tuple of one tensor, behind whose return a comma may be too many: give the"
            " tensor itself to train it (of a transformers model, take return_dict=True)"
        )
    images = next(batches(split.take(slice(0, 4)), 4, classifier.device))[0]
    with exclusive(network):
        logits, others = _training_pass(classifier, images)
    if not logits.requires_grad:
        raise InputError(
            "the network's outputs have no gradient to its weights, so that it cannot be trained: its forward detaches"
            " what it computes, or computes outside torch"
        )
    return others


def _training_pass(classifier: Classifier, images: torch.Tensor) -> tuple[Logits, int]:
    """The logits, and the number of auxiliary ones, with gradients to the weights."""
    modes = [(module, module.training) for module in classifier.modules()]
    flags = [(tensor, tensor.requires_grad) for tensor in classifier.parameters()]
    buffers = [(module, dict(module._buffers)) for module in classifier.modules()]  # some networks put others there
    values = [(tensor, tensor.clone()) for tensor in classifier.buffers()]
    devices = [classifier.device] if classifier.device.type == "cuda" else []
    try:
        with torch.random.fork_rng(devices), torch.inference_mode(False), torch.enable_grad():
            classifier.train()
            for parameter, _ in flags:
                parameter.requires_grad_(parameter.dtype.is_floating_point)
            with collect_auxiliary_outputs() as passes:
                logits = classifier(images)
            return logits, len(passes[0]) if passes else 0
    finally:
        for module, mode in modes:
            module.training = mode
        with torch.no_grad():
            for parameter, flag in flags:
                parameter.requires_grad_(flag)
            for module, before in buffers:
                module._buffers.update(before)
            for buffer, value in values:
                buffer.copy_(value)
