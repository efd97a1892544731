"""Features of a classifier: what its last linear layer reads."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from ironglass.data.dataset import Split
from ironglass.models.classifier import Classifier
from ironglass.models.eval_without_grad import eval_without_grad
from ironglass.models.predict import batches
from ironglass.types import Progress

BATCH = 64


def penultimate_features(classifier: Classifier, split: Split, progress: Progress | None = None) -> np.ndarray | None:
    """The input of the last linear layer that runs, of every image, float32 (n, d), in the split's order.

    None where no layer on (n, d) ends the network: where there is none, or its inputs are not one row an image.
    """
    layers = [module for module in classifier.modules() if isinstance(module, nn.Linear)]
    inputs: list[Tensor] = []

    def record(_module: nn.Module, args: tuple[Any, ...]) -> None:
        inputs[:] = [value for value in args[:1] if isinstance(value, Tensor)]

    handles = [layer.register_forward_pre_hook(record) for layer in layers]
    chunks: list[np.ndarray] = []
    try:
        with eval_without_grad(classifier), torch.no_grad():
            for images, _ in batches(split, BATCH, classifier.device):
                inputs.clear()
                classifier(images)
                if not inputs or inputs[0].ndim != 2 or len(inputs[0]) != len(images):
                    return None
                chunks.append(inputs[0].float().cpu().numpy())
                if progress:
                    progress(min(BATCH * len(chunks), len(split)), len(split))
    finally:
        for handle in handles:
            handle.remove()
    features = np.concatenate(chunks)
    return features if np.isfinite(features).all() else None
