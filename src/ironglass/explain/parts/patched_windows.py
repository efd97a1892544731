"""Scores of occluded images that are computed in the windows that a patch changes, and checked against whole passes."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from ironglass.engine.occlusion.execute import occluded_logits, plans_of
from ironglass.engine.occlusion.graph_network import read_graph
from ironglass.engine.threads import in_threads, is_safe_in_threads
from ironglass.explain.parts.patch_grid import occluded
from ironglass.models.classifier import Classifier
from ironglass.types import Images, Logits

# Allowed difference of the traced graph's logits, relative to the largest logit.
TOLERANCE = 1e-4


def fill_in_windows(
    classifier: Classifier,
    images: Images,
    fillings: Sequence[Images],
    grid: tuple[Tensor, Tensor],
    chunk: int,
    score_of: Callable[[Logits, Tensor], Tensor],
    clean_logits: Logits,
    scores: Tensor,
    report: Callable[[int], None],
) -> bool:
    """Fills in the scores, recomputing only what the patch changes. False, with `scores` invalid, where no trace is to
    be had, or gives other logits than the network: of any image, or under a filling at three positions on the first."""
    rows, columns = grid
    network = read_graph(classifier, images[:1])
    if network is None:
        return False
    middle = len(rows) // 2 * len(columns) + len(columns) // 2
    checked = torch.tensor([0, middle, scores.shape[2] - 1], device=images.device)
    first = (rows, columns, torch.zeros_like(checked), checked)
    expected = [classifier(occluded(images, filling, *first)) for filling in fillings]
    (plans, batch_size), runs = plans_of(network, rows, columns, len(images)), False

    def fill_in(batch: Tensor, go_on: Callable[[], bool]) -> bool:
        nonlocal runs
        try:
            filled = [filling[batch] for filling in fillings]
            logits, chunks = occluded_logits(network, plans, classifier, images[batch], filled, chunk)
            if not _same(logits, clean_logits[batch]):
                return False
            for number, image, position, logits in chunks:
                image = batch[image]
                if not go_on() or not _agree(logits[image == 0], position[image == 0], expected[number], checked):
                    return False
                scores[number, image, position] = score_of(logits, image)
                runs = True
        except RuntimeError:  # a size that the trace recorded as a constant
            if runs:
                raise
            return False
        return True

    batches = torch.arange(len(images), device=images.device).split(batch_size)
    with in_threads(fill_in, batches, at_once=images.is_cpu and is_safe_in_threads(network.traced)) as results:
        for batch, right in zip(batches, results, strict=True):
            if not right:
                return False
            report((int(batch[-1]) + 1) * len(fillings))
    return True


def _agree(logits: Logits, positions: Tensor, expected: Logits, checked: Tensor) -> bool:
    """Returns whether the logits at the checked positions equal the expected ones."""
    checked_index, index = torch.nonzero(checked[:, None] == positions, as_tuple=True)
    return logits.shape[1:] == expected.shape[1:] and _same(logits[index], expected[checked_index])


def _same(logits: Logits, expected: Logits) -> bool:
    """Returns whether logits are equal up to float noise; False for NaN."""
    if logits.shape != expected.shape:
        return False
    largest = expected.abs().amax() if expected.numel() else 0.0
    return bool(((logits - expected).abs() <= TOLERANCE * largest).all())
