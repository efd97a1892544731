"""Contribution of each convolutional layer, in numbers and a sentence."""

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
from ironglass.measure.statistics import Rate, wilson
from ironglass.models.classifier import Classifier
from ironglass.models.exclusive import exclusive
from ironglass.models.frozen import frozen
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
    """The numbers that stand in `results.json` under `layers`, for every convolution in the order in which they run.

    concentration and agreement come from at most `samples` images of `test`, evenly spaced; the accuracies from at
    most `images`. The probe learns from all of `train`, which also gives the mean that `without_layer` puts in a
    layer's place. A layer that runs more than once is measured at its last run and replaced at every run. patch,
    stride: of the grey occlusion, in pixels. Raises InputError.
    """
    layers = _noted(classifier, train, test)
    test, shown = _spread(test, images), _spread(test, samples)
    parts = (train, shown, test) + 2 * len(layers) * (test,)
    tick = _counter(progress, sum(-(-len(part) // batch_size) for part in parts))

    learned, _, _ = _outputs(classifier, layers, train, batch_size, tick)
    size = {"patch": patch, "stride": stride, "batch_size": batch_size}
    focus = attribution_focus(classifier, tuple(layers), shown, **size, tick=tick)
    tested, shapes, clean = _outputs(classifier, layers, test, batch_size, tick)
    chance = float(np.bincount(test.labels).max() / len(test))
    rows = []
    for name, layer in layers.items():
        guesses = _probed(name, learned[name], train.labels, tested[name])
        mean = learned[name].mean(0).to(classifier.device)
        row = {
            "name": name,
            "shape": shapes[name],
            **focus[name],
            "probe": _rate(guesses == test.labels),
            "without_layout": _accuracy_with(classifier, layer, _flatten, test, batch_size, tick),
            "without_layer": _accuracy_with(classifier, layer, _constant(mean), test, batch_size, tick),
        }
        rows.append(row | {"note": note(row, clean=clean["value"], chance=chance)})
    return {
        "samples": len(shown),
        "probe_train": len(train),
        "probe_test": len(test),
        "chance": chance,
        "clean": clean,
        "layers": rows,
    }


def _noted(classifier: Classifier, train: Split, test: Split) -> dict[str, nn.Conv2d]:
    """The layers to note something of. Raises InputError where there are none, or no images."""
    if not len(train) or not len(test):
        raise InputError("layer notes need training and test images: one of the splits is empty")
    layers = classifier.convolutions()
    if not layers:
        raise InputError("the network has no convolutional layer to note anything of")
    return layers


def _probed(name: str, learned: Tensor, labels: np.ndarray, tested: Tensor) -> np.ndarray:
    """The probe's guesses from a layer's outputs. Raises InputError for outputs that are no finite numbers."""
    if not (learned.isfinite().all() and tested.isfinite().all()):
        raise InputError(f"layer {name!r} gives numbers that are not finite: its weights are broken, train anew")
    return probe(learned, labels, tested)


def _outputs(
    classifier: Classifier, layers: dict[str, nn.Conv2d], split: Split, batch_size: int, tick: Callable[[], None]
) -> tuple[dict[str, Tensor], dict[str, list[int]], Rate]:
    """Every layer's output averaged over space (n, c), on the CPU; its shape [c, h, w]; the accuracy on the way."""
    latest: dict[str, Tensor] = {}
    found: dict[str, list[Tensor]] = {name: [] for name in layers}
    shapes: dict[str, list[int]] = {}

    def keep(name: str) -> Callable[..., None]:
        def hook(_module: nn.Module, _inputs: tuple, output: Tensor) -> None:
            latest[name], shapes[name] = output.mean((2, 3)).float().cpu(), list(output.shape[1:])

        return hook

    with exclusive(classifier.network):
        handles = [layer.register_forward_hook(keep(name)) for name, layer in layers.items()]
        try:
            right = _right(
                classifier, split, batch_size, tick, lambda: [found[name].append(latest[name]) for name in layers]
            )
        finally:
            for handle in handles:
                handle.remove()
    return {name: torch.cat(parts) for name, parts in found.items()}, shapes, _rate(right)


def _accuracy_with(
    classifier: Classifier,
    layer: nn.Module,
    change: Callable[[Tensor], Tensor],
    split: Split,
    batch_size: int,
    tick: Callable[[], None],
) -> Rate:
    with exclusive(classifier.network), replaced(layer, change):
        return _rate(_right(classifier, split, batch_size, tick))


@contextmanager
def replaced(layer: nn.Module, change: Callable[[Tensor], Tensor]) -> Iterator[None]:
    """Inside: the layer gives `change(output)` of its output (n, c, h, w)."""
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
    with frozen(classifier), torch.inference_mode():
        for pixels, labels in batches(split, batch_size, classifier.device):
            right.append(_is_right(classifier, pixels, labels))
            after()
            tick()
    return np.concatenate(right)


def _is_right(classifier: Classifier, images: Tensor, labels: Labels) -> np.ndarray:
    return (predicted(classifier(images)) == labels).cpu().numpy()


def _rate(right: np.ndarray) -> Rate:
    return wilson(int(right.sum()), len(right))


def _spread(split: Split, count: int) -> Split:
    """At most `count` images, evenly spaced: splits are often sorted by class."""
    if count >= len(split):
        return split
    return split.take(np.linspace(0, len(split) - 1, count).round().astype(int))


def _counter(progress: Progress | None, total: int) -> Callable[[], None]:
    done = iter(range(1, total + 1))
    return lambda: progress(next(done), total) if progress else None
