"""The sanity check of explanations by randomising the network's weights."""

from __future__ import annotations

from collections.abc import Callable
from copy import deepcopy
from functools import partial
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.nn.modules.batchnorm import _BatchNorm

from ironglass.errors import InputError
from ironglass.measure.maps.attribution import image_maps
from ironglass.measure.maps.attribution_focus import centred_ranks, correlation_of_ranks
from ironglass.measure.maps.drift import ssim
from ironglass.measure.statistics import mean_interval
from ironglass.models.classifier import Classifier
from ironglass.models.eval_without_grad import eval_without_grad
from ironglass.models.exclusive import exclusive
from ironglass.types import Images, Labels, Progress

Show = Callable[[Classifier], Tensor]
"""Function of a network that gives maps (n, h, w) of the images."""

DEPTHS = 6
"""Largest number of depths at which maps are compared."""
MAX_SIMILARITY_AT_END = 0.5
"""Rank correlation with all layers randomised above which a map does not reflect training: a quarter of its ranks'
variance (0.5²) does not depend on it."""
MAX_SIMILARITY_HALFWAY = 0.7
"""The same with half the layers randomised: half the variance (0.7²) does not depend on the last layers."""


def sanity_check(
    classifier: Classifier,
    images: Images,
    targets: Labels,
    explainers: dict[str, Any],
    *,
    seed: int = 0,
    progress: Progress | None = None,
) -> dict[str, Any]:
    """Similarity of maps before and after the weights are randomised (Adebayo et al. 2018, arXiv 1810.03292).

    Layers are randomised cumulatively from the last to the first: every weight is drawn from a normal distribution with
    the mean and deviation of its tensor, for which the initialisation need not be known. Statistics of batch-norms
    among them are recomputed on the images: with the old ones activations would vanish or explode, and a map of zeros
    passes every test. Absolute values of `image_maps` are compared. The user's classifier is unchanged.

    Two controls are assessed in the same way: `random`, new noise each time, which must pass, and `edges`, a Sobel
    filter independent of the network, which must fail.

    Returns JSON-ready numbers: `n`, `seed`, `layers` (number of layers), `depths` [{`layers`, `from`}] (number of
    randomised layers, and the first of them), `halfway` (index of the depth nearest to half), `methods` and
    `controls` {name: {`correlation` [mean a depth] (Spearman's), `ssim` [mean a depth], `verdict`}}. The verdict is
    "fails" where the correlation's whole interval is above MAX_SIMILARITY_HALFWAY halfway or above
    MAX_SIMILARITY_AT_END at the end, "passes" where it is below both, else "unclear"; also "unclear", with None for
    means, where every map was constant from the start. The paper shows curves only: these limits are ours.

    Raises InputError for fewer than two images, a network without weights, and as the explainers do.
    """
    if len(images) < 2:
        raise InputError("the sanity check compares maps over several images: give at least 2")
    images, targets = images.to(classifier.device), targets.to(classifier.device)
    generator = torch.Generator().manual_seed(seed)
    methods, controls = _methods(explainers, images, targets), _controls(images, generator)
    randomised = _copied(classifier)
    layers = last_to_first(randomised, images[:1])
    counts = sorted({round(count) for count in np.linspace(1, len(layers), DEPTHS)})
    tick = _counter(progress, methods, (len(counts) + 1) * len(methods))
    modules = [layer for _, layer in layers]
    similarities = _similarities(randomised, modules, counts, images, methods | controls, generator, tick)
    halfway = int(np.argmin([abs(count - len(layers) / 2) for count in counts]))
    return {
        "n": len(images),
        "seed": seed,
        "layers": len(layers),
        "depths": [{"layers": count, "from": layers[count - 1][0]} for count in counts],
        "halfway": halfway,
        "methods": {name: _summary(similarities[name], halfway) for name in methods},
        "controls": {name: _summary(similarities[name], halfway) for name in controls},
    }


def _methods(explainers: dict[str, Any], images: Images, targets: Labels) -> dict[str, Show]:
    """Each explainer's maps of the targets."""
    return {
        name: lambda network, explainer=explainer: _absolute_maps(explainer(network, images, targets), images)
        for name, explainer in explainers.items()
    }


def _controls(images: Images, generator: torch.Generator) -> dict[str, Show]:
    """New noise each time, and edges, whatever the network."""
    sobel = edges(images)
    return {"random": lambda _: noise(images, generator), "edges": lambda _: sobel}


def _copied(classifier: Classifier) -> Classifier:
    # not while another thread has changed it; and without gradients, since a copy of TorchScript keeps its graph
    with exclusive(classifier.network), torch.no_grad():
        return deepcopy(classifier)


def _counter(progress: Progress | None, methods: dict[str, Show], total: int) -> Callable[[str], None]:
    """A function that reports progress each time one of the methods has computed its maps."""
    done = iter(range(1, total + 1))
    return lambda name: progress(next(done), total) if progress and name in methods else None


def _similarities(
    randomised: Classifier,
    layers: list[nn.Module],
    counts: list[int],
    images: Images,
    maps_of: dict[str, Show],
    generator: torch.Generator,
    tick: Callable[[str], None],
) -> dict[str, list[tuple[np.ndarray, Tensor]]]:
    """Rank correlation and SSIM of each image's maps with the original ones, for each number of randomised layers."""
    before: dict[str, tuple[Tensor, np.ndarray]] = {}
    similarities: dict[str, list[tuple[np.ndarray, Tensor]]] = {name: [] for name in maps_of}
    redrawn = 0
    for count in (0, *counts):
        redraw(layers[redrawn:count], generator)
        take_statistics(randomised, layers[:count], images)
        redrawn = count
        for name, show in maps_of.items():
            maps = show(randomised).cpu()
            if count == 0:
                before[name] = maps, centred_ranks(maps)
            else:
                maps_before, ranks = before[name]
                similarities[name].append((_similarity(ranks, centred_ranks(maps)), ssim(maps_before, maps)))
            tick(name)
    return similarities


def edges(images: Images) -> Tensor:
    """Edge strength of the grey image by Sobel's filter: (n, h, w), at least 0; independent of any network."""
    grey = F.pad(images.float().mean(1, keepdim=True), (1, 1, 1, 1), mode="replicate")
    across = torch.tensor([[-1.0, 0, 1], [-2, 0, 2], [-1, 0, 1]], device=images.device)
    return F.conv2d(grey, torch.stack((across, across.mT))[:, None]).norm(dim=1)


def noise(images: Images, generator: torch.Generator) -> Tensor:
    """Maps (n, h, w) of independent uniform numbers in [0, 1)."""
    return torch.rand(len(images), *images.shape[2:], generator=generator).to(images.device)


def last_to_first(classifier: Classifier, image: Images) -> list[tuple[str, nn.Module]]:
    """The modules with parameters of their own, by name, in reverse order of their first run.

    A module that is not called as one is ordered by its parent. Raises InputError where there are none.
    """
    started: dict[str, int] = {}
    named = dict(classifier.network.named_modules())

    def note(name: str, *_: Any) -> None:  # a hook that returned a value would replace the module's input
        started.setdefault(name, len(started))

    with exclusive(classifier.network):
        # TorchScript's modules take no hooks
        hooked = {name: module for name, module in named.items() if not isinstance(module, torch.jit.ScriptModule)}
        handles = [module.register_forward_pre_hook(partial(note, name)) for name, module in hooked.items()]
        try:
            with eval_without_grad(classifier), torch.no_grad():
                classifier(image)
        finally:
            for handle in handles:
                handle.remove()

    def order_key(name: str) -> tuple[int, int]:
        declared = list(named).index(name) if name not in hooked else 0  # in the order of their declaration instead
        while name not in started and name:
            name = name.rpartition(".")[0]
        return started.get(name, 0), declared

    with_parameters = [
        name for name, child in named.items() if [*child.parameters(recurse=False)] or isinstance(child, _BatchNorm)
    ]
    if not with_parameters:
        raise InputError("the network has no weights to make random")
    return [(name or "network", named[name]) for name in sorted(with_parameters, key=order_key, reverse=True)]


def redraw(layers: list[nn.Module], generator: torch.Generator) -> None:
    """Replaces each parameter tensor of the layers by normal draws of the same mean and deviation."""
    with torch.no_grad():
        for layer in layers:
            for parameter in layer.parameters(recurse=False):
                drawn = torch.randn(parameter.shape, generator=generator).to(parameter.device, parameter.dtype)
                parameter.copy_(parameter.mean() + drawn * parameter.std(correction=0))


def take_statistics(classifier: Classifier, layers: list[nn.Module], images: Images) -> None:
    """Recomputes the statistics of batch-norms among the layers on these images."""
    norms = [module for module in layers if isinstance(module, _BatchNorm) and module.track_running_stats]
    if not norms:
        return
    momenta = [norm.momentum for norm in norms]
    with eval_without_grad(classifier), torch.no_grad():
        for norm in norms:
            norm.reset_running_stats()
            norm.momentum = None  # the plain mean over batches
            norm.train()
        for batch in images.tensor_split(-(-len(images) // 64)):
            classifier(batch)
        statistics = [[buffer.clone() for buffer in norm.buffers()] for norm in norms]
    with torch.no_grad():  # again, since `eval_without_grad` has put buffers back
        for norm, values in zip(norms, statistics, strict=True):
            for buffer, value in zip(norm.buffers(), values, strict=True):
                buffer.copy_(value)
    for norm, momentum in zip(norms, momenta, strict=True):
        norm.momentum = momentum


def _absolute_maps(maps: Any, images: Images) -> Tensor:
    return image_maps(maps, (images.shape[2], images.shape[3]), absolute=True)


def _similarity(before: np.ndarray, after: np.ndarray) -> np.ndarray:
    """Rank correlation of each pair of `centred_ranks`: NaN where the map was constant before, 0 where it has become
    so."""
    return np.where(np.isnan(before).any(1), np.nan, np.nan_to_num(correlation_of_ranks(before, after)))


def _summary(depths: list[tuple[np.ndarray, Tensor]], halfway: int) -> dict[str, Any]:
    counted = ~np.isnan(depths[-1][0])
    if not counted.any():
        return {"correlation": None, "ssim": None, "verdict": "unclear"}
    correlation = [mean_interval(similarity[counted], within=(-1, 1)) for similarity, _ in depths]
    similar = [mean_interval(ssims.numpy()[counted], within=(-1, 1)) for _, ssims in depths]
    limits = ((correlation[halfway], MAX_SIMILARITY_HALFWAY), (correlation[-1], MAX_SIMILARITY_AT_END))
    if any(mean["low"] > limit for mean, limit in limits):
        verdict = "fails"
    else:
        verdict = "passes" if all(mean["high"] < limit for mean, limit in limits) else "unclear"
    return {"correlation": correlation, "ssim": similar, "verdict": verdict}
