"""`fit`: training that is recorded in a run folder."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

import torch

from ironglass.data.augmentation.own import check_augment
from ironglass.data.dataset import Dataset
from ironglass.data.match import match_classes
from ironglass.errors import InputError
from ironglass.fields import expect
from ironglass.models.classifier import Classifier
from ironglass.models.loading.weights import load_state, read_state
from ironglass.run import Run
from ironglass.train.display import displayed
from ironglass.train.freeze import learning_parameters
from ironglass.train.guarding import Watching, say_alarms, watch_of
from ironglass.train.interrupt import Interruption
from ironglass.train.loop.balance import check_balance
from ironglass.train.loop.loop import Loop
from ironglass.train.loop.rehearsal import rehearse, rehearse_objectives
from ironglass.train.recipe import Recipe
from ironglass.train.record import as_json
from ironglass.train.status import Status
from ironglass.train.watch import Watch

if TYPE_CHECKING:
    from accelerate import Accelerator


def fit(
    classifier: Classifier,
    dataset: Dataset,
    recipe: Recipe,
    folder: str | Path,
    *,
    resume: bool = False,
    progress: Callable[[Status], None] | bool = True,
    watch: Watching = "guard",
) -> Run:
    """Trains the classifier in place, keeps the best epoch's weights, and gives back the run's folder.

    The best epoch has the highest validation accuracy, or score of the `watch`; without a validation split it is the
    last. Equal seeds give equal bits, also after an interruption. A step whose loss is not finite is skipped; after
    five in a row training goes back an epoch, with half the learning rate. Where memory runs out, batches are cut.

    Args:
        classifier: trained in place; afterwards it has the kept weights, in evaluation mode.
        dataset: its training and validation split are used; classes are matched by name.
        recipe: stages, augmentation, averaging and seed.
        folder: the run folder.
        resume: whether to go on with what is in the folder.
        progress: called with a `Status` after every step; True for a bar, and a line an epoch; False for nothing.
        watch: called after every epoch, see `train.watch.Watch`: it may score epochs and take training back. "guard"
            for the guard against catastrophic overfitting where an objective is adversarial: PGD and FGSM at its eps
            on up to 256 validation images, of which the epoch that stands PGD best is kept, and training goes back
            where it collapses, which a Notice says. None for none.

    Raises:
        InputError: for a folder in use, classes that do not match, too little memory, a loss that stays no number.
        KeyboardInterrupt: when interrupted, with a checkpoint written.

    Example:
        >>> import ironglass as ig
        >>> dataset = ig.load_dataset("digits")
        >>> classifier = ig.load_classifier("logistic", classes=dataset.classes, size=32, channels=1)
        >>> recipe = ig.Recipe(stages=(ig.Stage(epochs=1, batch_size=128),))
        >>> run = ig.fit(classifier, dataset, recipe, "runs/first", progress=False)
        >>> run.history[0]["epoch"]
        1
    """
    expect(
        classifier, Classifier, "classifier", "what ironglass.load_classifier gives, or an ironglass.Classifier(...)"
    )
    expect(dataset, Dataset, "dataset", "what ironglass.load_dataset gives")
    expect(recipe, Recipe, "recipe", "an ironglass.Recipe(...)")
    return _fit_in_folder(
        classifier, match_classes(dataset, classifier.classes), recipe, Path(folder), resume, progress, watch
    )


def _fit_in_folder(
    classifier: Classifier,
    dataset: Dataset,
    recipe: Recipe,
    folder: Path,
    resume: bool,
    progress: Callable[[Status], None] | bool,
    watch: Watching,
) -> Run:
    """Trains with the run folder locked and the progress display open."""
    from accelerate import Accelerator  # late: only training needs it

    check_recipe(classifier, dataset, recipe)
    watched = watch_of(watch, recipe, dataset)
    accelerator = Accelerator(cpu=classifier.device.type == "cpu")
    with ExitStack() as resources:
        with accelerator.main_process_first():
            hold = Run.hold(folder, as_json(recipe), resume=resume, first=accelerator.is_main_process)
            run = resources.enter_context(hold)
        if progress is True and accelerator.is_main_process and "training" not in run.results:
            epochs = sum(stage.epochs for stage in recipe.stages)
            progress = resources.enter_context(displayed(run, epochs))
        fresh = "training" not in run.results
        _train(run, classifier, dataset, recipe, accelerator, progress if callable(progress) else None, watched)
        if fresh and watch == "guard" and accelerator.is_main_process:
            say_alarms(run.results["training"])
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
    """Trains unless the run is complete, then loads the best weights into the classifier."""
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
    path = run.path / "model.safetensors"
    load_state(classifier.network, read_state(path), path)


def check_recipe(classifier: Classifier, dataset: Dataset, recipe: Recipe) -> None:
    """Raises InputError for faults that would otherwise appear only once training has begun."""
    if dataset.channels != classifier.channels:
        raise InputError(
            f"{dataset.name} has {dataset.channels} channels and the classifier takes {classifier.channels}:"
            " load the data with channels as the classifier has"
        )
    if len(dataset.train) < 2:
        raise InputError(f"{dataset.name} has {len(dataset.train)} training images: training needs at least 2")
    check_balance(recipe)
    for stage in recipe.stages:
        learning_parameters(classifier, stage.trainable_from)  # a wrong name shall not wait for its stage
    check_augment(recipe.augment, dataset.train, len(classifier.classes), classifier.device)
    others = rehearse(classifier, dataset.train)
    if not others and any(stage.aux_weight for stage in recipe.stages):
        raise InputError("aux_weight is given, and the network has no auxiliary outputs in training: leave it out")
    rehearse_objectives(classifier, recipe, dataset.train)
