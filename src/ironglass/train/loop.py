"""The training loop: stages, epochs and steps, with the position saved often enough to lose little."""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from accelerate import Accelerator
from accelerate.utils import broadcast_object_list
from torch import nn
from torch.nn import functional

from ironglass.data.dataset import Dataset
from ironglass.errors import InputError
from ironglass.models.classifier import Classifier
from ironglass.models.predict import logits_of
from ironglass.models.save import save_classifier
from ironglass.run import Run
from ironglass.train.average import Average
from ironglass.train.checkpoint import Position, load_checkpoint, save_checkpoint
from ironglass.train.events import write_events
from ironglass.train.freeze import learning_parameters
from ironglass.train.interrupt import Interruption
from ironglass.train.optimiser import make_optimiser
from ironglass.train.recipe import Recipe, Stage
from ironglass.train.record import as_json
from ironglass.train.schedule import SCHEDULES
from ironglass.train.status import Status, merit

CHECKPOINT_SECONDS = 15.0
SYNC_STEPS = 10  # reading the loss off an accelerator makes it wait


def mixed_seed(*numbers: int) -> int:
    """One seed of 63 bits from several numbers, well mixed."""
    return int(np.random.SeedSequence(numbers).generate_state(1, np.uint64)[0] >> np.uint64(1))


class Loop:
    """One training run. Whatever is random is drawn from the seed and the position, so nothing else need be saved."""

    def __init__(
        self,
        classifier: Classifier,
        dataset: Dataset,
        recipe: Recipe,
        run: Run,
        accelerator: Accelerator,
        interruption: Interruption,
        progress: Callable[[Status], None] | None,
    ) -> None:
        self.classifier, self.dataset, self.recipe, self.run = classifier, dataset, recipe, run
        self.accelerator, self.interruption, self.progress = accelerator, interruption, progress
        self.average = Average(classifier, recipe.average) if recipe.average else None
        self.checkpoint = run.path / "checkpoint" / "state.safetensors"
        self.position = Position()
        self.sums = torch.zeros(3, dtype=torch.float64, device=classifier.device)  # loss, correct, seen
        self.clock = self.saved_at = time.monotonic()

    def go(self) -> None:
        """Runs what is left of every stage, and records the whole."""
        optimiser = None
        if self.checkpoint.is_file():
            self.position, optimiser = load_checkpoint(self.checkpoint, self._modules(), self._optimiser)
            self.sums = torch.tensor(self.position.sums, dtype=torch.float64, device=self.classifier.device)
        self.clock = time.monotonic()
        ends = np.cumsum([stage.epochs for stage in self.recipe.stages])
        for number in range(self.position.stage, len(self.recipe.stages)):
            if number > self.position.stage or optimiser is None:
                self.position.stage, optimiser = number, self._optimiser(number)
            self._stage(number, int(ends[number]), optimiser)
        if self.accelerator.is_main_process:
            self._record()
        self.accelerator.wait_for_everyone()

    def _modules(self) -> dict[str, nn.Module]:
        modules: dict[str, nn.Module] = {"network": self.classifier.network}
        return modules | ({"average": self.average.classifier.network} if self.average else {})

    def _optimiser(self, number: int) -> torch.optim.Optimizer:
        return make_optimiser(self.classifier, self.recipe.stages[number])

    def _stage(self, number: int, last: int, optimiser: torch.optim.Optimizer) -> None:
        stage = self.recipe.stages[number]
        held, learning = learning_parameters(self.classifier, stage.trainable_from)
        self.classifier.requires_grad_(False)
        for parameter in learning:
            parameter.requires_grad_(True)
        model = self.accelerator.prepare_model(self.classifier)
        while self.position.epoch < last:
            model.train()
            for layer in held:
                layer.eval()
            self._epoch(model, stage, last - stage.epochs, optimiser)

    def _epoch(self, model: nn.Module, stage: Stage, first: int, optimiser: torch.optim.Optimizer) -> None:
        at, train = self.position, self.dataset.train
        size = min(stage.batch_size, len(train))
        steps = len(train) // size
        order = np.random.default_rng([self.recipe.seed, at.epoch]).permutation(len(train))
        losses = [row["validation_loss"] or row["train_loss"] for row in at.rows[first:]]
        schedule = SCHEDULES[stage.schedule]
        rank, ranks = self.accelerator.process_index, self.accelerator.num_processes
        while at.step < steps:
            done = (at.epoch - first + at.step / steps) / stage.epochs
            at.lr = stage.peak_lr * schedule(done, losses)
            for group in optimiser.param_groups:
                group["lr"] = at.lr
            mine = order[at.step * size : (at.step + 1) * size][rank::ranks]
            self._step(model, stage, np.sort(mine), optimiser)  # sorted, since stored images lie in that order
            if self.average:
                self.average.update(self.classifier, at.steps)
            at.step, at.steps = at.step + 1, at.steps + 1
            if at.step % SYNC_STEPS == 0 or at.step == steps:
                self._tell(steps)
            self._pause(optimiser)
        self._close_epoch(optimiser)

    def _step(self, model: nn.Module, stage: Stage, index: np.ndarray, optimiser: torch.optim.Optimizer) -> None:
        at, device = self.position, self.classifier.device
        seed = mixed_seed(self.recipe.seed, at.epoch, at.step, self.accelerator.process_index)
        torch.manual_seed(seed)  # for dropout
        pixels, labels = self.dataset.train.batch(index)
        generator = torch.Generator(device).manual_seed(seed)
        images, labels = self.recipe.augment(pixels.to(device), generator), labels.to(device)
        loss, logits = stage.objective(model, images, labels)
        optimiser.zero_grad(set_to_none=True)
        self.accelerator.backward(loss)
        optimiser.step()
        with torch.no_grad():
            right = (logits.argmax(1) == labels).sum()
            self.sums += torch.stack([loss.double() * len(labels), right.double(), torch.tensor(len(labels)).to(right)])

    def _tell(self, steps: int) -> None:
        """Reports progress; the one place in an epoch where an accelerator is waited for."""
        loss, right, seen = self.sums.tolist()
        if not np.isfinite(loss):
            at = self.position
            raise InputError(
                f"the loss is {loss} in epoch {at.epoch + 1}, step {at.step}: lower peak_lr, and start again"
            )
        if self.progress and self.accelerator.is_main_process:
            epochs = sum(stage.epochs for stage in self.recipe.stages)
            seconds = self.position.epoch_seconds + time.monotonic() - self.clock
            self.progress(
                Status(
                    step=self.position.epoch * steps + self.position.step,
                    steps=epochs * steps,
                    epoch=self.position.epoch + 1,
                    epochs=epochs,
                    loss=loss / seen,
                    accuracy=right / seen,
                    images_per_second=self.accelerator.num_processes * seen / max(seconds, 1e-9),
                )
            )

    def _pause(self, optimiser: torch.optim.Optimizer) -> None:
        """Between two steps: the place to save, and to stop when asked to."""
        alone = self.accelerator.num_processes == 1  # the others' sums would be lost
        if self.interruption.asked:
            if alone:
                self._save(optimiser)
            raise KeyboardInterrupt
        if alone and time.monotonic() - self.saved_at > CHECKPOINT_SECONDS:
            self._save(optimiser)

    def _save(self, optimiser: torch.optim.Optimizer) -> None:
        at, now = self.position, time.monotonic()
        at.sums = self.sums.tolist()
        at.epoch_seconds, self.clock, self.saved_at = at.epoch_seconds + now - self.clock, now, now
        save_checkpoint(self.checkpoint, at, self._modules(), optimiser)

    def _close_epoch(self, optimiser: torch.optim.Optimizer) -> None:
        """Validates, writes the history, keeps the weights if they are the best yet, and saves."""
        at = self.position
        sums: Any = self.accelerator.reduce(self.sums)
        loss, right, seen = sums.tolist()
        seconds = at.epoch_seconds + time.monotonic() - self.clock
        judged = self.average.classifier if self.average else self.classifier
        row = {
            "stage": at.stage,
            "epoch": at.epoch + 1,
            "lr": at.lr,
            "train_loss": loss / seen,
            "train_accuracy": right / seen,
            **self._validate(judged),
            "seconds": round(seconds, 3),
            "images_per_second": round(seen / seconds, 1),
        }
        [row] = broadcast_object_list([row]) if self.accelerator.num_processes > 1 else [row]
        row["best"] = all(merit(row) > merit(other) for other in at.rows)
        at.rows = [other | {"best": other["best"] and not row["best"]} for other in at.rows] + [row]
        at.epoch, at.step, at.epoch_seconds, at.seconds = at.epoch + 1, 0, 0.0, at.seconds + seconds
        self.sums.zero_()
        self.clock = time.monotonic()
        if self.accelerator.is_main_process:
            if row["best"]:
                save_classifier(judged, self.run.path)
            self.run.write_history(at.rows)
            self._save(optimiser)

    def _validate(self, classifier: Classifier) -> dict[str, float | None]:
        if "validation" not in self.dataset.splits:
            return {"validation_loss": None, "validation_accuracy": None}
        split = self.dataset.validation
        logits, labels = logits_of(classifier, split), torch.from_numpy(split.labels.copy())
        return {
            "validation_loss": float(functional.cross_entropy(logits, labels)),
            "validation_accuracy": float((logits.argmax(1) == labels).double().mean()),
        }

    def _record(self) -> None:
        rows = self.position.rows
        write_events(self.run.path, rows)
        training = {
            "seconds": round(self.position.seconds, 2),
            "epochs": len(rows),
            "best_epoch": next(row["epoch"] for row in rows if row["best"]),
            "stages": as_json(self.recipe)["stages"],
        }
        self.run.record("training", training)
        shutil.rmtree(self.checkpoint.parent)
