"""Layers that are held give every image the same answer in every epoch: it is computed once."""

from __future__ import annotations

import copy

import numpy as np
import torch
from torch import Tensor, nn

from ironglass.data.dataset import Split
from ironglass.models.classifier import Classifier
from ironglass.models.frozen import frozen
from ironglass.models.predict import batches
from ironglass.types import Images, Logits

MOST_BYTES = 2 << 30
"""Of memory that the answers may take."""
_BATCH = 256
_CHECKED = 16


class Prefix:
    """Cached activations of the frozen layers for each training image, and the rest of the network.

    tail: the network with the held modules left out; its weights and statistics are the network's own.
    """

    def __init__(self, network: nn.Module, tail: nn.Module, answers: Tensor) -> None:
        self.network, self.tail, self.answers = network, tail, answers

    def train(self) -> nn.Module:
        """The tail, each module in the mode that the network's is in."""
        modules = dict(self.network.named_modules())
        for name, module in self.tail.named_modules():
            module.training = modules[name].training
        return self.tail

    def batch(self, index: np.ndarray, device: torch.device) -> Tensor:
        """The held layers' answers to the images at `index`."""
        some = self.answers[torch.from_numpy(index)].to(device)
        return some.permute(0, 3, 1, 2) if some.ndim == 4 else some


class _Reached(BaseException):
    """Ends a forward pass behind the last held module. No Exception, which the classifier would take for a failure."""


def held_prefix(classifier: Classifier, held: list[nn.Module], split: Split) -> Prefix | None:
    """The held layers' answers to the split's images; None where they cannot stand for them.

    So it is where they take more than MOST_BYTES, and where the network does not go on from the last held module's
    answer alone, as inside a residual block. That is found by trying: both ways must give the same logits.
    """
    network, held_ids = classifier.network, {id(module) for module in held}
    roots = {
        name: module
        for name, module in network.named_modules()
        if id(module) in held_ids
        and all(id(inner) in held_ids for inner in module.modules())
        and id(network.get_submodule(name.rpartition(".")[0])) not in held_ids
    }
    images = next(batches(split, _CHECKED, classifier.device))[0]
    with frozen(classifier), torch.no_grad():
        last = _last_to_run(classifier, roots, images)
        if last is None:
            return None
        answer = _answer(classifier, last, images)
        if answer is None or answer[0].nbytes * len(split) > MOST_BYTES:
            return None
        tail = _without(network, list(roots))
        if tail is None or not _same(classifier, tail, images, answer, held_ids):
            return None
        answers = None
        done = 0
        for some, _ in batches(split, _BATCH, classifier.device):
            found = _answer(classifier, last, some)
            assert found is not None
            found = (found.permute(0, 2, 3, 1) if found.ndim == 4 else found).contiguous().cpu()
            answers = found.new_empty(len(split), *found.shape[1:]) if answers is None else answers
            answers[done : done + len(found)] = found
            done += len(found)
    assert answers is not None
    return Prefix(network, tail, answers)


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


def _answer(classifier: Classifier, last: nn.Module, images: Images) -> Tensor | None:
    found: list[Tensor] = []

    def stop(_module: nn.Module, _inputs: tuple, output: object) -> None:
        if isinstance(output, Tensor):
            found.append(output)
        raise _Reached

    handle = last.register_forward_hook(stop)
    try:
        classifier(images)
    except _Reached:
        pass
    finally:
        handle.remove()
    return found[0] if found and len(found[0]) == len(images) else None


def _without(network: nn.Module, names: list[str]) -> nn.Module | None:
    """A copy of the network's structure, with its own tensors, in which the named modules do nothing."""
    tensors = [*network.parameters(), *network.buffers()]
    try:
        tail = copy.deepcopy(network, {id(tensor): tensor for tensor in tensors})
    except Exception:  # some module of the user's that cannot be copied
        return None
    for name in names:
        parent, _, leaf = name.rpartition(".")
        setattr(tail.get_submodule(parent), leaf, nn.Identity())
    return tail


def _same(classifier: Classifier, tail: nn.Module, images: Images, answer: Tensor, held_ids: set[int]) -> bool:
    """Returns whether both ways give the same logits, also where modules between the layers know that they are in
    training."""
    network, layers = classifier.network, {id(layer) for layer in classifier.layers().values()}
    between = [
        name for name, one in network.named_modules() if id(one) not in layers | held_ids and list(one.children())
    ]
    modules = dict(tail.named_modules())
    for training in (False, True):
        for name in between:
            network.get_submodule(name).training = modules[name].training = training
        try:
            if not torch.allclose(_drawn(classifier, images), _drawn(tail, answer), rtol=1e-4, atol=1e-5):
                return False
        except Exception:  # the network does not go on from this answer
            return False
    return True


def _drawn(network: nn.Module, given: Tensor) -> Logits:
    """Logits by draws that start from one seed, in double precision for the comparison."""
    with torch.random.fork_rng(devices=[given.device] if given.device.type == "cuda" else []):
        torch.manual_seed(0)
        return network(given).double()
