"""Does a map show what the network has learned? If so it must change when the weights are made random."""

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
from ironglass.measure.maps.attribution_focus import rank_correlation
from ironglass.measure.maps.drift import ssim
from ironglass.measure.statistics import mean_interval
from ironglass.models.classifier import Classifier
from ironglass.models.exclusive import exclusive
from ironglass.models.frozen import frozen
from ironglass.types import Images, Labels, Progress

Show = Callable[[Classifier], Tensor]
"""Gives maps (n, h, w) of the images under a network."""

DEPTHS = 6
"""Numbers of layers at which the maps are compared, at most."""
LIKE_AT_THE_END = 0.5
"""Rank correlation, with all layers re-drawn, from which a map does not show what the network has learned: a quarter of
its ranks' variance (0.5²) was there without."""
LIKE_HALFWAY = 0.7
"""The same with half the layers re-drawn: half the variance (0.7²) outlives the layers that tell the classes apart."""


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

    Layers are re-drawn from the last to the first, each on top of those before: every weight from a normal
    distribution with the mean and spread of its own tensor, which need not know how the network was initialised.
    Batch-norms among them take their statistics anew from the images: with those of the old weights the network would
    shrink to nothing or blow up, and a map of nothing passes every test. Absolute values of the maps are compared, as
    `image_maps` gives them. The user's classifier is left alone.

    Two controls are judged in the same way: `random`, new noise each time, which must pass, and `edges`, a Sobel
    filter that sees no network, which must fail.

    Gives JSON-ready numbers: `n`, `seed`, `layers` (how many there are to re-draw), `depths` [{`layers`, `from`}] (how
    many are re-drawn, and the foremost of them), `halfway` (which of these is nearest to half), `methods` and
    `controls` {name: {`correlation` [mean a depth] (Spearman's), `ssim` [mean a depth], `verdict`}}. The verdict is
    "fails" where the correlation's whole interval is above LIKE_HALFWAY halfway or above LIKE_AT_THE_END at the end,
    "passes" where it is below both, else "unclear"; "unclear", too, with None for means, where every map was constant
    from the start. The paper shows curves and leaves the judgement to the reader: these limits are ours.

    Raises InputError for fewer than two images, a network without weights, and as the explainers do.
    """
    if len(images) < 2:
        raise InputError("the sanity check compares maps over several images: give at least 2")
    images, targets = images.to(classifier.device), targets.to(classifier.device)
    generator = torch.Generator().manual_seed(seed)
    methods, controls = _methods(explainers, images, targets), _controls(images, generator)
    forgetful = _copied(classifier)
    layers = last_to_first(forgetful, images[:1])
    counts = sorted({round(count) for count in np.linspace(1, len(layers), DEPTHS)})
    tick = _counter(progress, methods, (len(counts) + 1) * len(methods))
    modules = [layer for _, layer in layers]
    found = _likenesses(forgetful, modules, counts, images, methods | controls, generator, tick)
    halfway = int(np.argmin([abs(count - len(layers) / 2) for count in counts]))
    return {
        "n": len(images),
        "seed": seed,
        "layers": len(layers),
        "depths": [{"layers": count, "from": layers[count - 1][0]} for count in counts],
        "halfway": halfway,
        "methods": {name: _judged(found[name], halfway) for name in methods},
        "controls": {name: _judged(found[name], halfway) for name in controls},
    }


def _methods(explainers: dict[str, Any], images: Images, targets: Labels) -> dict[str, Show]:
    """Each explainer's maps of the targets."""
    return {
        name: lambda network, explainer=explainer: _shown(explainer(network, images, targets), images)
        for name, explainer in explainers.items()
    }


def _controls(images: Images, generator: torch.Generator) -> dict[str, Show]:
    """New noise each time, and edges, whatever the network."""
    return {"random": lambda _: noise(images, generator), "edges": lambda _: edges(images)}


def _copied(classifier: Classifier) -> Classifier:
    # not while another thread has it changed; and a copy of TorchScript's would remember what it is a copy of
    with exclusive(classifier.network), torch.no_grad():
        return deepcopy(classifier)


def _counter(progress: Progress | None, methods: dict[str, Show], total: int) -> Callable[[str], None]:
    """Tells the progress each time that one of the methods has given its maps."""
    done = iter(range(1, total + 1))
    return lambda name: progress(next(done), total) if progress and name in methods else None


def _likenesses(
    forgetful: Classifier,
    layers: list[nn.Module],
    counts: list[int],
    images: Images,
    shown: dict[str, Show],
    generator: torch.Generator,
    tick: Callable[[str], None],
) -> dict[str, list[tuple[np.ndarray, Tensor]]]:
    """Rank correlation and SSIM of each image's maps with those before, once for each count of layers re-drawn."""
    before: dict[str, Tensor] = {}
    found: dict[str, list[tuple[np.ndarray, Tensor]]] = {name: [] for name in shown}
    redrawn = 0
    for count in (0, *counts):
        redraw(layers[redrawn:count], generator)
        take_statistics(forgetful, layers[:count], images)
        redrawn = count
        for name, show in shown.items():
            maps = show(forgetful).cpu()
            if count == 0:
                before[name] = maps
            else:
                found[name].append((_likeness(before[name], maps), ssim(before[name], maps)))
            tick(name)
    return found


def edges(images: Images) -> Tensor:
    """The strength of the edges of the grey image by Sobel's filter: (n, h, w), at least 0; no network is asked."""
    grey = F.pad(images.float().mean(1, keepdim=True), (1, 1, 1, 1), mode="replicate")
    across = torch.tensor([[-1.0, 0, 1], [-2, 0, 2], [-1, 0, 1]], device=images.device)
    return F.conv2d(grey, torch.stack((across, across.mT))[:, None]).norm(dim=1)


def noise(images: Images, generator: torch.Generator) -> Tensor:
    """Maps (n, h, w) of independent numbers in [0, 1): nothing is known of the image."""
    return torch.rand(len(images), *images.shape[2:], generator=generator).to(images.device)


def last_to_first(classifier: Classifier, image: Images) -> list[tuple[str, nn.Module]]:
    """The modules with parameters of their own, by name, the last to run first; at its first run where there are more.

    One that is not called as a module stands with the module around it. Raises InputError where there are none.
    """
    started: dict[str, int] = {}
    named = dict(classifier.network.named_modules())

    def note(name: str, *_: Any) -> None:  # a hook that gave anything back would change what the module is given
        started.setdefault(name, len(started))

    with exclusive(classifier.network):
        # TorchScript's modules take no hooks
        heard = {name: module for name, module in named.items() if not isinstance(module, torch.jit.ScriptModule)}
        handles = [module.register_forward_pre_hook(partial(note, name)) for name, module in heard.items()]
        try:
            with frozen(classifier), torch.no_grad():
                classifier(image)
        finally:
            for handle in handles:
                handle.remove()

    def place(name: str) -> tuple[int, int]:
        declared = list(named).index(name) if name not in heard else 0  # in the order of their declaration instead
        while name not in started and name:
            name = name.rpartition(".")[0]
        return started.get(name, 0), declared

    own = [name for name, one in named.items() if [*one.parameters(recurse=False)] or isinstance(one, _BatchNorm)]
    if not own:
        raise InputError("the network has no weights to make random")
    return [(name or "network", named[name]) for name in sorted(own, key=place, reverse=True)]


def redraw(layers: list[nn.Module], generator: torch.Generator) -> None:
    """Puts numbers of the same mean and spread in the place of each tensor of parameters the layers own."""
    with torch.no_grad():
        for layer in layers:
            for parameter in layer.parameters(recurse=False):
                drawn = torch.randn(parameter.shape, generator=generator).to(parameter.device, parameter.dtype)
                parameter.copy_(parameter.mean() + drawn * parameter.std(correction=0))


def take_statistics(classifier: Classifier, layers: list[nn.Module], images: Images) -> None:
    """Gives the batch-norms among the layers the statistics of these images in place of those they have."""
    norms = [one for one in layers if isinstance(one, _BatchNorm) and one.track_running_stats]
    if not norms:
        return
    momenta = [norm.momentum for norm in norms]
    with frozen(classifier), torch.no_grad():
        for norm in norms:
            norm.reset_running_stats()
            norm.momentum = None  # the plain mean over batches
            norm.train()
        for some in images.tensor_split(-(-len(images) // 64)):
            classifier(some)
        taken = [[buffer.clone() for buffer in norm.buffers()] for norm in norms]
    with torch.no_grad():  # again, since `frozen` has put buffers back
        for norm, values in zip(norms, taken, strict=True):
            for buffer, value in zip(norm.buffers(), values, strict=True):
                buffer.copy_(value)
    for norm, momentum in zip(norms, momenta, strict=True):
        norm.momentum = momentum


def _shown(maps: Any, images: Images) -> Tensor:
    return image_maps(maps, (images.shape[2], images.shape[3]), absolute=True)


def _likeness(before: Tensor, after: Tensor) -> np.ndarray:
    """Rank correlation of each pair: NaN where the map was constant before, 0 where it has become so."""
    found = rank_correlation(before, after)
    constant = np.isnan(rank_correlation(before, before))
    return np.where(constant, np.nan, np.nan_to_num(found))


def _judged(depths: list[tuple[np.ndarray, Tensor]], halfway: int) -> dict[str, Any]:
    counted = ~np.isnan(depths[-1][0])
    if not counted.any():
        return {"correlation": None, "ssim": None, "verdict": "unclear"}
    correlation = [mean_interval(likeness[counted], within=(-1, 1)) for likeness, _ in depths]
    similar = [mean_interval(ssims.numpy()[counted], within=(-1, 1)) for _, ssims in depths]
    limits = ((correlation[halfway], LIKE_HALFWAY), (correlation[-1], LIKE_AT_THE_END))
    if any(mean["low"] > limit for mean, limit in limits):
        verdict = "fails"
    else:
        verdict = "passes" if all(mean["high"] < limit for mean, limit in limits) else "unclear"
    return {"correlation": correlation, "ssim": similar, "verdict": verdict}
