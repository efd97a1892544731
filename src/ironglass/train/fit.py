"""Training on the record: the face of the room."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

import torch
from accelerate import Accelerator

from ironglass.data.dataset import Dataset
from ironglass.data.match import match_classes
from ironglass.errors import InputError
from ironglass.fields import expect
from ironglass.models.classifier import Classifier
from ironglass.models.loading.weights import load_state, read_state
from ironglass.run import Run
from ironglass.train.display import displayed
from ironglass.train.freeze import learning_parameters
from ironglass.train.interrupt import Interruption
from ironglass.train.loop.loop import Loop
from ironglass.train.loop.rehearsal import rehearse
from ironglass.train.recipe import Recipe
from ironglass.train.record import as_json
from ironglass.train.status import Status
from ironglass.train.watch import Watch


def fit(
    classifier: Classifier,
    dataset: Dataset,
    recipe: Recipe,
    folder: str | Path,
    *,
    resume: bool = False,
    progress: Callable[[Status], None] | bool = True,
    watch: Watch | None = None,
) -> Run:
    """Trains the classifier in place, keeps the best epoch's weights, and gives back the run's folder.

    The best epoch is the one of highest validation accuracy, of lower loss where equal; without a validation split it
    is the last. Equal seeds give equal bits on the same machine, also after an interruption: after Ctrl-C or a kill the
    same call with `resume` goes on from the last checkpoint, in the middle of an epoch if need be. Under `accelerate
    launch` each process takes its share of every batch, and checkpoints are written between epochs only.

    A step whose loss is NaN or infinite is skipped and counted. Five in a row, or an epoch that ends without a finite
    state, take training back to the end of the last epoch that ended well, with half the learning rate from then on.
    Where memory runs out, the batch is passed in parts half the size, from then on, and their gradients added up: the
    same mean loss, but batch-norm sees the parts (not under several processes).

    progress: called with a `Status` after every step; True for a bar on standard error or in the notebook's cell, with
    a line for every finished epoch, which stays; False for nothing.

    watch: looks at the classifier after every epoch. The best epoch is then the one of most merit in its eyes, and the
    one of highest validation accuracy is kept beside it as `model-clean-best.safetensors`. On its alarm weights,
    averages and the optimiser go back to the epoch of most merit so far, or to the start, and training goes on with the
    next epoch and half the learning rate: the budget of epochs holds, and the draws are new ones.

    Raises InputError where the folder is in use, the classes do not match, memory does not hold two images or the loss
    stays no number after five rollbacks, and KeyboardInterrupt, with a checkpoint written, when interrupted.
    """
    expect(
        classifier, Classifier, "classifier", "what ironglass.load_classifier gives, or an ironglass.Classifier(...)"
    )
    expect(dataset, Dataset, "dataset", "what ironglass.load_dataset gives")
    expect(recipe, Recipe, "recipe", "an ironglass.Recipe(...)")
    dataset = match_classes(dataset, classifier.classes)
    check_recipe(classifier, dataset, recipe)
    accelerator = Accelerator(cpu=classifier.device.type == "cpu")
    with ExitStack() as held:
        with accelerator.main_process_first():
            asked = Run.hold(folder, as_json(recipe), resume=resume, first=accelerator.is_main_process)
            run = held.enter_context(asked)
        if progress is True and accelerator.is_main_process and "training" not in run.results:
            epochs = sum(stage.epochs for stage in recipe.stages)
            progress = held.enter_context(displayed(run, epochs))
        _train(run, classifier, dataset, recipe, accelerator, progress if callable(progress) else None, watch)
    return run


def _train(
    run: Run,
    classifier: Classifier,
    dataset: Dataset,
    recipe: Recipe,
    accelerator: Accelerator,
    progress: Callable[[Status], None] | None,
    watch: Watch | None,
) -> None:
    """Trains as far as that is not done, and leaves the classifier with the kept weights."""
    if "training" not in run.results:
        devices = [classifier.device] if classifier.device.type == "cuda" else []
        deterministic = torch.backends.cudnn.deterministic
        try:
            torch.backends.cudnn.deterministic = True
            with torch.random.fork_rng(devices=devices), Interruption() as interruption:
                Loop(classifier, dataset, recipe, run, accelerator, interruption, progress, watch).go()
        finally:
            torch.backends.cudnn.deterministic = deterministic
            classifier.requires_grad_(True).eval()
    kept = run.path / "model.safetensors"
    load_state(classifier.network, read_state(kept), kept)


def check_recipe(classifier: Classifier, dataset: Dataset, recipe: Recipe) -> None:
    """Raises InputError for what would only come to light when training has begun."""
    if dataset.channels != classifier.channels:
        raise InputError(
            f"{dataset.name} has {dataset.channels} channels and the classifier takes {classifier.channels}:"
            " load the data with channels as the classifier has"
        )
    if len(dataset.train) < 2:
        raise InputError(f"{dataset.name} has {len(dataset.train)} training images: training needs at least 2")
    for stage in recipe.stages:
        learning_parameters(classifier, stage.trainable_from)  # a wrong name shall not wait for its stage
    others = rehearse(classifier, dataset.train)
    if not others and any(stage.aux_weight for stage in recipe.stages):
        raise InputError("aux_weight is given, and the network has no auxiliary outputs in training: leave it out")
