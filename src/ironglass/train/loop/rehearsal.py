"""One pass in training mode, and a trial of own objectives, to find faults before anything is written."""

from __future__ import annotations

import copy
from typing import Any, TypeVar

import numpy as np
import torch

from ironglass.data.augmentation.own import augmented, seeded
from ironglass.data.dataset import Split
from ironglass.errors import InputError
from ironglass.models.classifier import Classifier
from ironglass.models.exclusive import exclusive
from ironglass.models.memory import is_out_of_memory
from ironglass.models.predict import batches
from ironglass.models.reading.forward_pass import collect_auxiliary_outputs
from ironglass.train.loop.step import is_foreign, loss_and_logits
from ironglass.train.objective import Objective, Replaying
from ironglass.train.ramp import scaled
from ironglass.train.recipe import Recipe, Stage
from ironglass.types import Logits

Copied = TypeVar("Copied")
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


def rehearse_objectives(classifier: Classifier, recipe: Recipe, split: Split) -> None:
    """Tries each stage's objective, if it is a user's own, on the first training images, as many as a step takes.

    A copy of the classifier is tried, if it can be copied, so that network, gradients and random state are as they
    were. Memory that runs out is left to training, which then takes smaller parts of a batch. Raises InputError for an
    objective that fails, or gives anything else than `Objective` names.
    """
    for stage in recipe.stages:
        if not is_foreign(stage.objective):
            continue
        index = np.arange(min(stage.batch_size, len(split)))
        pixels, labels = (part.to(classifier.device) for part in split.batch(index))
        devices = [classifier.device] if classifier.device.type == "cuda" else []
        try:
            with exclusive(classifier.network):
                trained = _copied(classifier)
            if trained is classifier:
                continue
            trained.requires_grad_(True).train()
            objective = _objective(stage)
            images, labels = augmented(recipe.augment, pixels, labels, classes=len(classifier.classes), seed=0)
            with torch.random.fork_rng(devices), seeded(0), torch.inference_mode(False), torch.enable_grad():
                logits = loss_and_logits(objective, trained, images, labels)[1]
        except (RuntimeError, MemoryError) as error:
            if not is_out_of_memory(error):
                raise
            continue
        if logits.shape[1] != len(classifier.classes):
            raise InputError(
                f"the objective {_name(stage.objective)} gives logits of {logits.shape[1]} classes, of which the"
                f" network has {len(classifier.classes)}: give the network's own outputs"
            )


def _objective(stage: Stage) -> Any:
    """A copy as the first step takes it: halfway up a ramp, and for one batch. Raises InputError where it fails."""
    objective: Any = _copied(stage.objective)
    try:
        objective = scaled(objective, 0.5 if stage.eps_ramp else 1)
        objective = objective.replayed() if isinstance(objective, Replaying) else objective
    except Exception as error:
        raise InputError(f"the objective {_name(stage.objective)} failed: {type(error).__name__}: {error}") from error
    if not callable(objective):
        raise InputError(f"the objective {_name(stage.objective)} makes {objective!r} of itself: give an objective")
    return objective


def _name(objective: Objective) -> str:
    return getattr(objective, "__qualname__", type(objective).__name__)


def _copied(value: Copied) -> Copied:
    """A copy, whose state the trial may change; the value itself where it cannot be copied."""
    try:
        return copy.deepcopy(value)
    except Exception:  # whatever a user's object holds
        return value


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
