"""The training loop: stages, epochs and steps, with the position saved often enough to lose little."""

from __future__ import annotations

import math
import shutil
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import nn

from ironglass.data.augment import Augment
from ironglass.data.augmentation.own import augmented
from ironglass.data.dataset import Dataset
from ironglass.errors import Diverged, InputError
from ironglass.models.classifier import Classifier
from ironglass.models.exclusive import exclusive
from ironglass.run import Run
from ironglass.run.stored_recipes import upgrade_recipe
from ironglass.train.interrupt import Interruption
from ironglass.train.loop.balance import balanced_objective, epoch_order
from ironglass.train.loop.checkpoint import GOOD, MOST_MERIT, STATE
from ironglass.train.loop.descent import descend
from ironglass.train.loop.epoch_end import epoch_row, keep_weights, mark_best
from ironglass.train.loop.events import write_events
from ironglass.train.loop.prefix import Prefix, frozen_prefix
from ironglass.train.loop.state import State
from ironglass.train.objective import CrossEntropy, Replaying
from ironglass.train.plateau import has_flattened
from ironglass.train.position import Position
from ironglass.train.ramp import eps_share, scaled
from ironglass.train.recipe import Recipe, Stage
from ironglass.train.record import as_json, training_record
from ironglass.train.schedule import SCHEDULES
from ironglass.train.status import Status, status_of
from ironglass.train.watch import Watch

if TYPE_CHECKING:
    from accelerate import Accelerator

CHECKPOINT_SECONDS = 15.0
PROGRESS_STEPS = 10
STREAK = 5  # skipped steps in a row that make a rollback
ROLLBACKS = 5


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
        watch: Watch | None = None,
    ) -> None:
        self.classifier, self.dataset, self.recipe, self.run = classifier, dataset, recipe, run
        self.accelerator, self.interruption, self.progress, self.watch = accelerator, interruption, progress, watch
        self.state = State(classifier, recipe, accelerator, run)
        self.position = Position(watch=as_json(watch))
        self.clock = self.saved_at = time.monotonic()
        self.prefix: Prefix | None = None
        self.model: nn.Module = classifier

    def go(self) -> None:
        """Runs the remaining epochs of every stage, and records the training."""
        if (self.state.folder / STATE).is_file():
            self.position, optimiser = self.state.load(STATE)
            if upgrade_recipe(self.position.watch) != as_json(self.watch):
                raise InputError(f"{self.run.path} was trained under another watch, or none: resume with the same")
            self._enter(optimiser)
        else:
            self._enter()
            self.state.save(self.position, *[MOST_MERIT] * (self.watch is not None), GOOD, STATE)
        self.clock = time.monotonic()
        while True:
            if not self._is_over():
                self._epoch()
            elif self.position.stage + 1 < len(self.recipe.stages):
                self.position.stage += 1
                self._enter()
            else:
                break
        if self.accelerator.is_main_process:
            self.run.write_history(self.position.rows)  # which may have been lost where nothing was left to train
            write_events(self.run.path, self.position.rows)
            self.run.record("training", training_record(self.position, self.recipe))
            shutil.rmtree(self.state.folder)
        self.accelerator.wait_for_everyone()

    def _enter(self, optimiser: torch.optim.Optimizer | None = None) -> None:
        """Sets up the stage that the position is in."""
        self.state.enter(self.position.stage, optimiser)
        plain = self.recipe.augment == Augment() and type(self._stage.objective) is CrossEntropy
        alone = self.accelerator.num_processes == 1
        # adversarial objectives and augmentation need the whole network
        self.prefix = (
            frozen_prefix(self.classifier, self.state.frozen_modules, self.dataset.train)
            if self.state.frozen_modules and plain and alone
            else None
        )

    @property
    def _stage(self) -> Stage:
        return self.recipe.stages[self.position.stage]

    def _is_over(self) -> bool:
        losses, until = [row["train_loss"] for row in self._settled_rows()], self._stage.until
        return len(self.position.rows_of_stage()) >= self._stage.epochs or (
            until is not None and has_flattened(losses, until)
        )

    def _settled_rows(self) -> list[dict[str, Any]]:
        """The stage's history, without the epochs in which eps grew, and the loss with it."""
        return self.position.rows_of_stage()[math.ceil(self._stage.eps_ramp) :]

    def _epoch(self) -> None:
        """Trains the rest of an epoch, to its end or to a rollback."""
        position, stage, train, rows = self.position, self._stage, self.dataset.train, self.position.rows_of_stage()
        self.state.train()
        self.model = self.prefix.train() if self.prefix else self.state.model
        size = min(stage.batch_size, len(train))
        steps = len(train) // size
        order = epoch_order(train.labels, self.recipe, position.epoch)
        objective = balanced_objective(stage.objective, self.recipe, train.labels, len(self.classifier.classes))
        losses = [row["validation_loss"] or row["train_loss"] for row in self._settled_rows()]
        schedule, last = SCHEDULES[stage.schedule], stage.last_lr / stage.peak_lr if stage.last_lr else 0.1
        rank, ranks = self.accelerator.process_index, self.accelerator.num_processes
        while position.step < steps and position.streak < STREAK:
            done = (len(rows) + position.step / steps) / stage.epochs
            position.lr = stage.peak_lr * schedule(done, losses, last) * position.lr_factor
            batch = order[position.step * size : (position.step + 1) * size][rank::ranks]
            share = eps_share(stage.eps_ramp, len(rows) + position.step / steps)
            self._step(np.sort(batch), scaled(objective, share))  # sorted, as stored images lie
            position.step += 1
            if position.step % PROGRESS_STEPS == 0 or position.step == steps:
                self._report_progress(steps)
            self._pause()
        if position.streak >= STREAK:
            self._roll_back()
        else:
            self._close_epoch()

    def _step(self, index: np.ndarray, objective: Any) -> None:
        """The optimiser steps of one batch: one, or `replays` of a replaying objective."""
        position, device = self.position, self.classifier.device
        seed = mixed_seed(self.recipe.seed, position.epoch, position.step, self.accelerator.process_index)
        if self.prefix:
            images, labels = self.prefix.batch(index, device), torch.from_numpy(self.dataset.train.labels[index])
        else:
            pixels, labels = (part.to(device) for part in self.dataset.train.batch(index))
            classes = len(self.classifier.classes)
            images, labels = augmented(self.recipe.augment, pixels, labels, classes=classes, seed=seed)
        labels = labels.to(device)
        replayed = objective.replayed() if isinstance(objective, Replaying) else objective
        for replay in range(objective.replays if isinstance(objective, Replaying) else 1):
            with exclusive(self.classifier.network):  # no other thread may see, or change, half a step
                replay_seed = mixed_seed(seed, replay) if replay else seed
                if not descend(self.model, self.state, position, replayed, images, labels, replay_seed):
                    return

    def _report_progress(self, steps: int) -> None:
        if self.progress and self.accelerator.is_main_process:
            seconds = self.position.epoch_seconds + time.monotonic() - self.clock
            rate = self.accelerator.num_processes * self.position.sums[2] / max(seconds, 1e-9)
            self.progress(status_of(self.position, self.recipe, steps, rate))

    def _pause(self) -> None:
        """Saves and stops between two steps, when it is time or an interruption is requested."""
        alone = self.accelerator.num_processes == 1  # the others' sums would be lost
        if alone and (self.interruption.requested or time.monotonic() - self.saved_at > CHECKPOINT_SECONDS):
            self._save()
        if self.interruption.requested:
            raise KeyboardInterrupt

    def _close_epoch(self) -> None:
        """Scores the epoch, writes the history, saves the weights if they are the best so far, and a checkpoint."""
        from accelerate.utils import broadcast_object_list

        position = self.position
        self._stop_clock()
        [row] = broadcast_object_list([epoch_row(self.state, self.dataset, self.watch, position)])
        if row is None:
            return self._roll_back()
        position.rows = mark_best([*position.rows, row], watched=self.watch is not None)
        row = position.rows[-1]
        if self.accelerator.is_main_process:
            keep_weights(self.run, self.state.evaluated, row)
            self.run.write_history(position.rows)
        position.epoch, position.step, position.sums, position.skipped = position.epoch + 1, 0, [0.0, 0.0, 0.0], 0
        position.seconds, position.epoch_seconds = position.seconds + position.epoch_seconds, 0.0
        self.clock = time.monotonic()  # validation is not training time
        alarm = row.get("alarm", False)
        if alarm:
            self._go_back()
        self._save(
            *[MOST_MERIT] * (self.watch is not None and row["best"] and not alarm and not row["in_doubt"]),
            *[GOOD] * (not row["in_doubt"]),
        )

    def _roll_back(self) -> None:
        """Restores the end of the last sound epoch, with half the learning rate."""
        position = self.position
        if len(position.rollbacks) == ROLLBACKS:
            raise Diverged(
                f"the loss is no finite number in epoch {position.epoch + 1}, step {position.step}, after {ROLLBACKS}"
                " rollbacks to half the learning rate each: lower peak_lr, and start again"
            )
        self._stop_clock()
        good, optimiser = self.state.load(GOOD)
        self.position = position.rolled_back(good)
        self._enter(optimiser)
        if self.accelerator.is_main_process:
            self.run.write_history(self.position.rows)

    def _go_back(self) -> None:
        """Restores the weights of the epoch of highest merit, with half the learning rate; the epoch count goes on."""
        position = self.position
        best, optimiser = self.state.load(MOST_MERIT)
        position.alarms = [
            *position.alarms,
            {"epoch": position.epoch, "back_to": best.epoch, "factor": position.lr_factor / 2},
        ]
        position.streak = 0
        self._enter(optimiser if best.stage == position.stage else None)

    def _stop_clock(self) -> None:
        now = time.monotonic()
        self.position.epoch_seconds, self.clock = self.position.epoch_seconds + now - self.clock, now

    def _save(self, *others: str) -> None:
        """Writes checkpoints, the current state last: a kill in between costs a few repeated steps."""
        self._stop_clock()
        self.saved_at = self.clock
        self.state.save(self.position, *others, STATE)
