"""The end of an epoch: checks of the state, its scores, and the choice of the best epoch."""

from __future__ import annotations

import math
from typing import Any

import torch
from torch.nn.functional import cross_entropy

from ironglass.data.dataset import Dataset
from ironglass.models.classifier import Classifier
from ironglass.models.loading.save import save_classifier, write_state
from ironglass.models.predict import logits_of
from ironglass.run import Run
from ironglass.train.loop.state import State
from ironglass.train.position import Position
from ironglass.train.ramp import eps_share
from ironglass.train.recipe import stage_name
from ironglass.train.watch import Watch


def validate(classifier: Classifier, dataset: Dataset) -> dict[str, float | None]:
    """Loss and accuracy on the validation images, None where there are none."""
    if "validation" not in dataset.splits:
        return {"validation_loss": None, "validation_accuracy": None}
    split = dataset.validation
    logits, labels = logits_of(classifier, split), torch.from_numpy(split.labels.copy())
    return {
        "validation_loss": float(cross_entropy(classifier.as_logits(logits), labels)),
        "validation_accuracy": float((logits.argmax(1) == labels).double().mean()),
    }


def judge(classifier: Classifier, dataset: Dataset, watch: Watch | None, position: Position) -> dict[str, Any] | None:
    """Scores the classifier at the end of an epoch, for the epoch's row; None where a score is not finite."""
    scores: dict[str, Any] = validate(classifier, dataset)
    if not all(number is None or math.isfinite(number) for number in scores.values()):
        return None
    scores |= {"skipped": position.skipped, "in_doubt": position.streak > 0}
    if watch:
        watched = watch(classifier, position.rows)
        scores = watched.numbers | scores | {"merit": watched.merit, "alarm": watched.alarm}
    return scores


def epoch_row(state: State, dataset: Dataset, watch: Watch | None, position: Position) -> dict[str, Any] | None:
    """The epoch's row in the history, or None where a weight or a score is not finite."""
    totals: Any = torch.tensor(position.sums, dtype=torch.float64, device=state.classifier.device)
    totals = state.accelerator.reduce(totals)
    loss, right, count = totals.tolist()
    if not count or not state.is_finite():
        return None
    row = {
        "stage": position.stage,
        "stage_name": stage_name(state.recipe.stages, position.stage),
        "epoch": position.epoch + 1,
        "lr": position.lr,
        "train_loss": loss / count,
        "train_accuracy": right / count,
        **_growth(state, position),
        "seconds": round(position.epoch_seconds, 3),
        "images_per_second": round(count / position.epoch_seconds, 1),
    }
    scores = judge(state.evaluated, dataset, watch, position)
    if scores is None:
        return None
    if row.get("eps_share", 1.0) < 1 and "alarm" in scores:
        scores["alarm"] = False  # a network that has met small changes only is fooled by larger ones
    return row | scores


def _growth(state: State, position: Position) -> dict[str, float]:
    """The share of eps that the epoch's last step trained against, in a stage whose eps grows."""
    stage, before = state.recipe.stages[position.stage], len(position.rows_of_stage())
    last = (position.step - 1) / position.step
    return {"eps_share": eps_share(stage.eps_ramp, before + last)} if stage.eps_ramp else {}


def keep_weights(run: Run, classifier: Classifier, row: dict[str, Any]) -> None:
    """Saves the weights that the row marks as the best so far."""
    if row["best"]:
        save_classifier(classifier, run.path)
    if row.get("clean_best"):
        write_state(classifier.network.state_dict(), run.path / "model-clean-best.safetensors", run=run)


def merit(row: dict[str, Any]) -> tuple[float, ...]:
    """Sort key for the epoch of best clean accuracy; without validation, the last epoch is the best.

    An epoch whose last steps were skipped is in doubt, and comes after all others; before it come those in which eps
    still grew, whose accuracy on unchanged images is that of less hardening.
    """
    settled = 0 if row["in_doubt"] else 1 + (row.get("eps_share", 1.0) >= 1)
    if row["validation_accuracy"] is None:
        return (settled, row["epoch"], 0.0)
    return (settled, row["validation_accuracy"], -row["validation_loss"])


def watched_merit(row: dict[str, Any]) -> tuple[float, ...]:
    """Sort key for the best epoch: no alarm first, then the highest score of the watch."""
    settled, *clean = merit(row)
    return (settled, not row["alarm"], row["merit"], *clean)


def mark_best(rows: list[dict[str, Any]], *, watched: bool) -> list[dict[str, Any]]:
    """The rows with `best` set for the one whose weights are kept, the first of equals. Under a watch that is the best
    by its score, and `clean_best` marks the best by validation accuracy."""
    best = max(rows, key=watched_merit if watched else merit)
    clean = max(rows, key=merit)
    return [row | {"best": row is best} | ({"clean_best": row is clean} if watched else {}) for row in rows]
