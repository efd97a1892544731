"""The operations of one forward pass, recorded with their values as they run."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_flatten, tree_map

from ironglass.errors import InputError
from ironglass.models.classifier import Classifier
from ironglass.types import Images, Logits


@dataclass(frozen=True)
class Value:
    """A recorded tensor, by its index; stands for the tensor in the arguments of a step."""

    index: int


@dataclass(frozen=True)
class Step:
    """One operation.

    op: the overload packet, such as `torch.ops.aten.convolution`.
    run: the overload, which never writes to its arguments' recorded values.
    args, kwargs: as it was called, with a `Value` for each tensor that depends on the images.
    outputs: indices of its outputs; None for one that is no tensor of floats.
    """

    op: Any
    run: Any
    args: tuple[Any, ...]
    kwargs: dict[str, Any]
    outputs: tuple[int | None, ...]

    @property
    def inputs(self) -> list[int]:
        """Indices of the arguments that depend on the images, in their order."""
        return [leaf.index for leaf in tree_flatten((self.args, self.kwargs))[0] if isinstance(leaf, Value)]


@dataclass
class Record:
    """The steps of a forward pass from the images, value 0, to the logits; `values` by index."""

    steps: list[Step] = field(default_factory=list)
    values: list[Tensor] = field(default_factory=list)
    logits: int = -1

    def filled(self, arguments: Any) -> Any:
        """Arguments with tensors in place of every `Value`."""
        return tree_map(
            lambda leaf: self.values[leaf.index] if isinstance(leaf, Value) else leaf,
            arguments,
            is_leaf=lambda leaf: isinstance(leaf, Value),
        )


def record_pass(classifier: Classifier, images: Images) -> tuple[Logits, Record]:
    """The logits of the images and the steps that led to them.

    The network's own code runs, once, so that any control flow is followed. Raises InputError where it writes into a
    tensor that is later read by another name, and where nothing recorded leads to the logits.
    """
    recorder = _Recorder(images)
    with torch.inference_mode(False), torch.no_grad():
        classifier(images[:1])  # how outputs are read is found in the first pass, which is then another
        with recorder, _watched(classifier.network):
            logits = classifier(recorder.record.values[0])
    if (index := recorder.index_of(logits)) is None:
        raise InputError("the logits do not depend on the image by operations of torch: choose occlusion")
    recorder.record.logits = index
    return logits, recorder.record


@contextmanager
def _watched(network: nn.Module) -> Iterator[None]:
    """Inside: the network has a hook, so that a pass is not cut where memory runs out, but fails."""
    if isinstance(network, torch.jit.ScriptModule):  # which takes none
        yield
        return
    handle = network.register_forward_hook(lambda *_: None)
    try:
        yield
    finally:
        handle.remove()


class _Recorder(TorchDispatchMode):
    def __init__(self, images: Images) -> None:
        super().__init__()
        self.record = Record()
        self._indices: dict[int, int] = {}
        self._stale: set[int] = set()
        self._alive: list[Tensor] = []
        self._add(images.detach().clone())

    def index_of(self, tensor: Any) -> int | None:
        return self._indices.get(id(tensor))

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        leaves = [leaf for leaf in tree_flatten((args, kwargs))[0] if isinstance(leaf, Tensor)]
        if any(id(leaf) in self._stale for leaf in leaves):
            raise InputError(
                f"the network writes in place into a tensor that {func} reads by another name, which relevance cannot "
                "follow: choose another method"
            )
        indices = [self._indices.get(id(leaf)) for leaf in leaves]
        overwritten = list(_overwritten(func, args, kwargs))
        if all(index is None for index in indices) and not overwritten:
            return func(*args, **kwargs)
        named = tree_map(self._named, (args, kwargs))
        for tensor in overwritten:
            self._preserve(tensor)
        output = func(*args, **kwargs)
        if all(index is None for index in indices):
            return output
        for tensor in overwritten:
            self._indices.pop(id(tensor), None)
        outputs = tuple(map(self._add, output if isinstance(output, tuple | list) else (output,)))
        self.record.steps.append(Step(func.overloadpacket, func, named[0], named[1], outputs))
        return output

    def _named(self, leaf: Any) -> Any:
        index = self._indices.get(id(leaf)) if isinstance(leaf, Tensor) else None
        return leaf if index is None else Value(index)

    def _add(self, output: Any) -> int | None:
        """The index of an output, new."""
        if not isinstance(output, Tensor) or not output.is_floating_point():
            return None
        self.record.values.append(output)  # kept alive, so that no other tensor gets its id
        self._indices[id(output)] = len(self.record.values) - 1
        return len(self.record.values) - 1

    def _preserve(self, tensor: Tensor) -> None:
        """Puts copies in place of all values that are about to be overwritten with this tensor."""
        storage = tensor.untyped_storage().data_ptr()
        for index, value in enumerate(self.record.values):
            if value.untyped_storage().data_ptr() == storage:
                self._alive.append(value)  # its id must not become another's
                if value is not tensor and self._indices.get(id(value)) == index:
                    self._stale.add(id(value))
                self.record.values[index] = value.clone()


def _overwritten(func: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Iterator[Tensor]:
    """The arguments that an operation writes to."""
    if not func._schema.is_mutable:
        return
    for position, argument in enumerate(func._schema.arguments):
        value = args[position] if position < len(args) else kwargs.get(argument.name)
        if argument.alias_info is not None and argument.alias_info.is_write and isinstance(value, Tensor):
            yield value
