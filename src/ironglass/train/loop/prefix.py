"""Cached activations of frozen layers, which do not change between epochs."""

from __future__ import annotations

import copy

import numpy as np
import torch
from torch import Tensor, nn

from ironglass.data.dataset import Split
from ironglass.models.classifier import Classifier
from ironglass.models.eval_without_grad import eval_without_grad
from ironglass.models.predict import batches
from ironglass.types import Images, Logits

MOST_BYTES = 2 << 30
"""Memory limit of the cached activations."""
_BATCH = 256
_CHECKED = 16


class Prefix:
    """Cached activations of the frozen layers for each training image, and the rest of the network.

    tail: the network without the frozen modules; its weights and statistics are the network's own.
    """

    def __init__(self, network: nn.Module, tail: nn.Module, activations: Tensor) -> None:
        self.network, self.tail, self.activations = network, tail, activations

    def train(self) -> nn.Module:
        """The tail, each module in the mode that the network's is in."""
        modules = dict(self.network.named_modules())
        for name, module in self.tail.named_modules():
            module.training = modules[name].training
        return self.tail

    def batch(self, index: np.ndarray, device: torch.device) -> Tensor:
        """The frozen layers' activations for the images at `index`."""
        activations = self.activations[torch.from_numpy(index)].to(device)
        return activations.permute(0, 3, 1, 2) if activations.ndim == 4 else activations


class _Reached(BaseException):
    """Ends a forward pass after the last frozen module. No Exception, which the classifier would take for a failure."""


def frozen_prefix(classifier: Classifier, frozen_modules: list[nn.Module], split: Split) -> Prefix | None:
    """The frozen layers' activations for the split's images; None where they cannot replace the layers.

    They cannot where they take more than MOST_BYTES, and where the rest of the network needs more than the last frozen
    module's output, as inside a residual block. That is tested: both ways must give the same logits.
    """
    network, frozen_ids = classifier.network, {id(module) for module in frozen_modules}
    roots = {
        name: module
        for name, module in network.named_modules()
        if id(module) in frozen_ids
        and all(id(inner) in frozen_ids for inner in module.modules())
        and id(network.get_submodule(name.rpartition(".")[0])) not in frozen_ids
    }
    images = next(batches(split, _CHECKED, classifier.device))[0]
    with eval_without_grad(classifier), torch.no_grad():
        last = _last_to_run(classifier, roots, images)
        if last is None:
            return None
        activation = _activation(classifier, last, images)
        if activation is None or activation[0].nbytes * len(split) > MOST_BYTES:
            return None
        tail = _without(network, list(roots))
        if tail is None or not _same(classifier, tail, images, activation, frozen_ids):
            return None
        activations = None
        done = 0
        for part_images, _ in batches(split, _BATCH, classifier.device):
            part = _activation(classifier, last, part_images)
            assert part is not None
            part = (part.permute(0, 2, 3, 1) if part.ndim == 4 else part).contiguous().cpu()
            activations = part.new_empty(len(split), *part.shape[1:]) if activations is None else activations
            activations[done : done + len(part)] = part
            done += len(part)
    assert activations is not None
    return Prefix(network, tail, activations)


def _last_to_run(classifier: Classifier, roots: dict[str, nn.Module], images: Images) -> nn.Module | None:
    order: list[nn.Module] = []
    handles = [
        module.register_forward_hook(lambda module, _in, _out: order.append(module)) for module in roots.values()
    ]
    try:
        classifier(images)
    finally:
        for handle in handles:
            handle.remove()
    return order[-1] if order and len(order) == len(set(order)) else None  # one that runs twice is no prefix


def _activation(classifier: Classifier, last: nn.Module, images: Images) -> Tensor | None:
    outputs: list[Tensor] = []

    def stop(_module: nn.Module, _inputs: tuple, output: object) -> None:
        if isinstance(output, Tensor):
            outputs.append(output)
        raise _Reached

    handle = last.register_forward_hook(stop)
    try:
        classifier(images)
    except _Reached:
        pass
    finally:
        handle.remove()
    return outputs[0] if outputs and len(outputs[0]) == len(images) else None


def _without(network: nn.Module, names: list[str]) -> nn.Module | None:
    """A copy of the network that shares its tensors, with the named modules replaced by identities."""
    tensors = [*network.parameters(), *network.buffers()]
    try:
        tail = copy.deepcopy(network, {id(tensor): tensor for tensor in tensors})
    except Exception:  # some module of the user's that cannot be copied
        return None
    for name in names:
        parent, _, leaf = name.rpartition(".")
        setattr(tail.get_submodule(parent), leaf, nn.Identity())
    return tail


def _same(classifier: Classifier, tail: nn.Module, images: Images, activation: Tensor, frozen_ids: set[int]) -> bool:
    """Returns whether both ways give the same logits, also where modules between the layers know that they are in
    training."""
    network, layers = classifier.network, {id(layer) for layer in classifier.layers().values()}
    between = [
        name
        for name, module in network.named_modules()
        if id(module) not in layers | frozen_ids and list(module.children())
    ]
    modules = dict(tail.named_modules())
    for training in (False, True):
        for name in between:
            network.get_submodule(name).training = modules[name].training = training
        try:
            if not torch.allclose(_drawn(classifier, images), _drawn(tail, activation), rtol=1e-4, atol=1e-5):
                return False
        except Exception:  # the network does not run from this activation
            return False
    return True


def _drawn(network: nn.Module, inputs: Tensor) -> Logits:
    """Logits with seeded draws, in double precision for the comparison."""
    with torch.random.fork_rng(devices=[inputs.device] if inputs.device.type == "cuda" else []):
        torch.manual_seed(0)
        return network(inputs).double()
