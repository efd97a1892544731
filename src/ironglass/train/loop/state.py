"""All that training changes."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import nn

from ironglass.models.classifier import Classifier
from ironglass.run import Run
from ironglass.train.freeze import learning_parameters
from ironglass.train.loop.average import Average
from ironglass.train.loop.checkpoint import load_checkpoint, save_checkpoint
from ironglass.train.loop.optimiser import make_optimiser
from ironglass.train.loop.step import Buffers
from ironglass.train.position import Position
from ironglass.train.recipe import Recipe

if TYPE_CHECKING:
    from accelerate import Accelerator


class State:
    """The network, its average and its optimiser, set up for a stage."""

    model: nn.Module
    """The classifier as each process trains it."""
    optimiser: torch.optim.Optimizer
    frozen_modules: list[nn.Module]

    def __init__(self, classifier: Classifier, recipe: Recipe, accelerator: Accelerator, run: Run) -> None:
        self.classifier, self.recipe, self.accelerator, self.run = classifier, recipe, accelerator, run
        self.folder = run.path / "checkpoint"
        self.average = Average(classifier, recipe.average) if recipe.average else None
        self.buffers = Buffers(classifier.network)

    @property
    def evaluated(self) -> Classifier:
        """The network that is validated and saved: the average, or the classifier itself; in evaluation mode."""
        return (self.average.classifier if self.average else self.classifier).eval()

    def enter(self, number: int, optimiser: torch.optim.Optimizer | None = None) -> None:
        """Sets up a stage, with a fresh optimiser unless one is given."""
        self.frozen_modules, learning = learning_parameters(self.classifier, self.recipe.stages[number].trainable_from)
        self.classifier.requires_grad_(False)
        for parameter in learning:
            parameter.requires_grad_(True)
        self.optimiser = optimiser or self.make_optimiser(number)
        # the classifier holds no sharded tensors; looking for some would load torch.distributed.tensor and sympy
        placed = self.accelerator.distributed_type.value != "FSDP"
        self.model = self.accelerator.prepare_model(self.classifier, device_placement=placed)

    def make_optimiser(self, number: int) -> torch.optim.Optimizer:
        """A fresh one of the stage."""
        return make_optimiser(self.classifier, self.recipe.stages[number])

    def train(self) -> None:
        """Sets training mode, except for the frozen layers."""
        self.model.train()
        for module in self.frozen_modules:
            module.training = False

    def descend(self, lr: float, steps: int) -> None:
        """Takes the optimiser step number `steps` + 1, and updates the average."""
        for group in self.optimiser.param_groups:
            group["lr"] = lr
        self.optimiser.step()
        if self.average:
            self.average.update(self.classifier, steps)

    def is_finite(self) -> bool:
        """Returns whether every weight and every buffer is a finite number."""
        tensors = [tensor for module in self._modules().values() for tensor in module.state_dict().values()]
        return all(bool(tensor.isfinite().all()) for tensor in tensors)

    def save(self, position: Position, *names: str) -> None:
        """Writes one checkpoint under each name, in turn."""
        if self.accelerator.is_main_process:
            save_checkpoint(self.run, [self.folder / name for name in names], position, self._modules(), self.optimiser)

    def load(self, name: str) -> tuple[Position, torch.optim.Optimizer]:
        """Loads the weights of a checkpoint, and returns its position and optimiser."""
        self.accelerator.wait_for_everyone()
        loaded = load_checkpoint(self.run, self.folder / name, self._modules(), self.make_optimiser)
        self.accelerator.wait_for_everyone()  # before anyone writes the file anew
        return loaded

    def _modules(self) -> dict[str, nn.Module]:
        modules: dict[str, nn.Module] = {"network": self.classifier.network}
        return modules | ({"average": self.average.classifier.network} if self.average else {})
