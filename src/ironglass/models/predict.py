"""Logits of a whole split."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import torch

from ironglass.data.dataset import Split
from ironglass.data.pixels import to_images
from ironglass.models.batch_dependence import MAX_PROBE_IMAGES, depends_on, warn_of_batches, warn_of_chance
from ironglass.models.classifier import Classifier
from ironglass.models.eval_without_grad import eval_without_grad
from ironglass.models.memory import in_parts
from ironglass.types import Images, Labels, Logits, Progress


def batches(split: Split, size: int, device: torch.device | str = "cpu") -> Iterator[tuple[Images, Labels]]:
    """The split's images in [0, 1] and labels in order, `size` at a time, on `device`."""
    for start in range(0, len(split), size):
        pixels, labels = split.batch(np.arange(start, min(start + size, len(split))))
        yield to_images(pixels.to(device)), labels.to(device)


def logits_of(
    classifier: Classifier, split: Split, *, batch_size: int = 256, progress: Progress | None = None
) -> Logits:
    """Logits (n, k) of every image, on the CPU; the classifier's mode is as before afterwards.

    One image at a time, with a Notice, where the answer to an image depends on its batch, as a few of them tell.
    """
    chunks = []
    # not inference_mode: a network that calls autograd itself, as some defences do, cannot run in it
    with eval_without_grad(classifier), torch.no_grad():
        if batch_size > 1 and len(split) > 1:
            probes = np.linspace(0, len(split) - 1, min(MAX_PROBE_IMAGES, len(split))).round().astype(int)
            match depends_on(classifier, next(batches(split.take(probes), MAX_PROBE_IMAGES, classifier.device))[0]):
                case "batch":
                    warn_of_batches()
                    batch_size = 1
                case "chance":
                    warn_of_chance()
        for start in range(0, len(split), batch_size):
            size = min(batch_size, len(split) - start)

            def logits(part: slice, start: int = start) -> Logits:
                pixels, _ = split.batch(np.arange(start + part.start, start + part.stop))
                return classifier(to_images(pixels.to(classifier.device))).float().cpu()

            chunks += in_parts(logits, size)
            if progress:
                progress(start + size, len(split))
    return torch.cat(chunks)


def predicted(logits: Logits) -> Labels:
    """The class of the largest logit, int64 (n,); -1, which is no class, where there is none: a NaN in the row, two
    logits of +∞, or all of −∞. Such an image is not judged, and counts as wrong."""
    undefined = logits.isnan().any(1) | (logits == torch.inf).sum(1).gt(1) | (logits == -torch.inf).all(1)
    return torch.where(undefined, -1, logits.argmax(1))
