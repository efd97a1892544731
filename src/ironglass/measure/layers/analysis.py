"""Contribution of each convolutional layer, as numbers and one sentence."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from ironglass.data.dataset import Split
from ironglass.errors import InputError
from ironglass.measure.layers.linear_probe import probe
from ironglass.measure.layers.sentence import note
from ironglass.measure.maps.attribution_focus import attribution_focus
from ironglass.measure.statistics import Rate, rate_of
from ironglass.models.classifier import Classifier
from ironglass.models.eval_without_grad import eval_without_grad
from ironglass.models.exclusive import exclusive
from ironglass.models.predict import batches, predicted
from ironglass.types import Labels, Progress


def layer_notes(
    classifier: Classifier,
    train: Split,
    test: Split,
    *,
    patch: int,
    stride: int,
    images: int = 500,
    samples: int = 64,
    batch_size: int = 64,
    progress: Progress | None = None,
) -> dict[str, Any]:
    """The section `layers` of `results.json`, for every convolution in the order of running.

    Concentration and agreement are measured on at most `samples` images of `test`, evenly spaced; accuracies on at most
    `images`. The probe is trained on all of `train`, which also gives the mean by which `without_layer` replaces a
    layer's output. A layer that runs more than once is measured at its last run and replaced at every run. patch,
    stride: of the grey occlusion, in pixels. Raises InputError.
    """
    layers = _layers_of(classifier, train, test)
    test, sample = _spread(test, images), _spread(test, samples)
    parts = (train, sample, test) + 2 * len(layers) * (test,)
    tick = _counter(progress, sum(-(-len(part) // batch_size) for part in parts))

    train_features, _, _ = _outputs(classifier, layers, train, batch_size, tick)
    size = {"patch": patch, "stride": stride, "batch_size": batch_size}
    focus = attribution_focus(classifier, tuple(layers), sample, **size, tick=tick)
    test_features, shapes, clean = _outputs(classifier, layers, test, batch_size, tick)
    chance = float(np.bincount(test.labels).max() / len(test))
    rows = []
    for name, layer in layers.items():
        guesses = _probed(name, train_features[name], train.labels, test_features[name])
        mean = train_features[name].mean(0).to(classifier.device)
        row = {
            "name": name,
            "shape": shapes[name],
            **focus[name],
            "probe": rate_of(guesses == test.labels),
            "without_layout": _accuracy_with(classifier, layer, _flatten, test, batch_size, tick),
            "without_layer": _accuracy_with(classifier, layer, _constant(mean), test, batch_size, tick),
        }
        rows.append(row | {"note": note(row, clean=clean["value"], chance=chance)})
    return {
        "samples": len(sample),
        "probe_train": len(train),
        "probe_test": len(test),
        "chance": chance,
        "clean": clean,
        "layers": rows,
    }


def _layers_of(classifier: Classifier, train: Split, test: Split) -> dict[str, nn.Conv2d]:
    """The layers to analyse. Raises InputError where there are none, or no images."""
    if not len(train) or not len(test):
        raise InputError("layer notes need training and test images: one of the splits is empty")
    layers = classifier.convolutions()
    if not layers:
        raise InputError("the network has no convolutional layer to note anything of")
    return layers


def _probed(name: str, train_features: Tensor, labels: np.ndarray, test_features: Tensor) -> np.ndarray:
    """The probe's predictions from a layer's outputs. Raises InputError for outputs that are not finite."""
    if not (train_features.isfinite().all() and test_features.isfinite().all()):
        raise InputError(f"layer {name!r} gives numbers that are not finite: its weights are broken, train anew")
    return probe(train_features, labels, test_features)


def _outputs(
    classifier: Classifier, layers: dict[str, nn.Conv2d], split: Split, batch_size: int, tick: Callable[[], None]
) -> tuple[dict[str, Tensor], dict[str, list[int]], Rate]:
    """Every layer's spatially averaged output (n, c), on the CPU; its shape [c, h, w]; and the accuracy."""
    latest: dict[str, Tensor] = {}
    outputs: dict[str, list[Tensor]] = {name: [] for name in layers}
    shapes: dict[str, list[int]] = {}

    def hook_of(name: str) -> Callable[..., None]:
        def hook(_module: nn.Module, _inputs: tuple, output: Tensor) -> None:
            latest[name], shapes[name] = output.mean((2, 3)).float().cpu(), list(output.shape[1:])

        return hook

    with exclusive(classifier.network):
        handles = [layer.register_forward_hook(hook_of(name)) for name, layer in layers.items()]
        try:
            right = _right(
                classifier, split, batch_size, tick, lambda: [outputs[name].append(latest[name]) for name in layers]
            )
        finally:
            for handle in handles:
                handle.remove()
    return {name: torch.cat(parts) for name, parts in outputs.items()}, shapes, rate_of(right)


def _accuracy_with(
    classifier: Classifier,
    layer: nn.Module,
    change: Callable[[Tensor], Tensor],
    split: Split,
    batch_size: int,
    tick: Callable[[], None],
) -> Rate:
    with exclusive(classifier.network), replaced(layer, change):
        return rate_of(_right(classifier, split, batch_size, tick))


@contextmanager
def replaced(layer: nn.Module, change: Callable[[Tensor], Tensor]) -> Iterator[None]:
    """Inside: the layer's output (n, c, h, w) is replaced by `change(output)`."""
    # a copy of its own memory, since an in-place activation may follow
    handle = layer.register_forward_hook(
        lambda _module, _inputs, output: change(output).expand_as(output).clone(memory_format=torch.contiguous_format)
    )
    try:
        yield
    finally:
        handle.remove()


def _flatten(output: Tensor) -> Tensor:
    return output.mean((2, 3), keepdim=True)


def _constant(mean: Tensor) -> Callable[[Tensor], Tensor]:
    return lambda output: mean.to(output.dtype).view(1, -1, 1, 1)


def _right(
    classifier: Classifier,
    split: Split,
    batch_size: int,
    tick: Callable[[], None],
    after: Callable[[], Any] = lambda: None,
) -> np.ndarray:
    right = []
    with eval_without_grad(classifier), torch.inference_mode():
        for pixels, labels in batches(split, batch_size, classifier.device):
            right.append(_is_right(classifier, pixels, labels))
            after()
            tick()
    return np.concatenate(right)


def _is_right(classifier: Classifier, images: Tensor, labels: Labels) -> np.ndarray:
    return (predicted(classifier(images)) == labels).cpu().numpy()


def _spread(split: Split, count: int) -> Split:
    """At most `count` images, evenly spaced: splits are often sorted by class."""
    if count >= len(split):
        return split
    return split.take(np.linspace(0, len(split) - 1, count).round().astype(int))


def _counter(progress: Progress | None, total: int) -> Callable[[], None]:
    done = iter(range(1, total + 1))
    return lambda: progress(next(done), total) if progress else None
