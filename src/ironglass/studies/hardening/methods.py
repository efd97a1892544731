"""Objectives of a hardening's stages, and how many passes through the network each takes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch

from ironglass.data.dataset import Split
from ironglass.harden.metadata import eps_of, norm_of
from ironglass.models.classifier import Classifier
from ironglass.models.predict import batches
from ironglass.results.hardening.change import Method
from ironglass.results.numbers import Norm
from ironglass.studies.common.objective_names import short_name
from ironglass.studies.common.positions import spread_positions
from ironglass.train.objective import Replaying
from ironglass.train.recipe import Stage

IMAGES = 8
"""Images of the batch on which passes are counted."""


def methods_of(stages: Sequence[Stage], classifier: Classifier, train: Split) -> tuple[Method, ...]:
    """A row a stage. Passes are counted on a few training images; the classifier's weights are of no use afterwards."""
    return tuple(_method(stage.objective, classifier, train) for stage in stages)


def _method(objective: Any, classifier: Classifier, train: Split) -> Method:
    eps = eps_of(objective)
    norms: dict[str, Norm] = {"linf": "linf", "l2": "l2"}
    norm = norms.get(norm_of(objective)) if eps else None
    forward, backward = count_passes(objective, classifier, train) or (None, None)
    return Method(name=short_name(objective), eps=eps, norm=norm, forward=forward, backward=backward)


def count_passes(objective: Any, classifier: Classifier, train: Split) -> tuple[int, int] | None:
    """Forward and backward passes through the network for one batch in an epoch, every replay counted.

    None where the objective fails on so few images, or calls the network past the classifier.
    """
    counts = {"forward": 0, "backward": 0}

    def count(module: torch.nn.Module, inputs: Any, outputs: Any) -> None:
        counts["forward"] += 1
        if isinstance(outputs, torch.Tensor) and outputs.requires_grad:
            outputs.register_hook(count_backward)

    def count_backward(gradient: torch.Tensor) -> None:
        counts["backward"] += 1

    images, labels = next(batches(train.take(spread_positions(len(train), IMAGES)), IMAGES, classifier.device))
    was_training, state = classifier.training, torch.random.get_rng_state()
    hook = classifier.register_forward_hook(count)
    classifier.train()
    try:
        one_batch = objective.replayed() if isinstance(objective, Replaying) else objective
        for _ in range(objective.replays if isinstance(objective, Replaying) else 1):
            loss, _ = one_batch(classifier, images, labels)
            loss.backward()
    except Exception:  # an objective of anybody's own, on an odd batch: nothing but the count depends on it
        return None
    finally:
        hook.remove()
        classifier.train(was_training)
        classifier.zero_grad()
        torch.random.set_rng_state(state)
    return (counts["forward"], counts["backward"]) if counts["forward"] else None
