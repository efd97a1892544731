"""Sequence of calls in a forward pass: each call, and for its inputs the calls that made them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any, TypeAlias
from weakref import ref

from torch import Size, Tensor, device, dtype
from torch._C import DisableTorchFunction as _DisableTorchFunction
from torch.overrides import TorchFunctionMode

CallSequence: TypeAlias = tuple[Any, ...]

_ANSWERS = frozenset((int, float, bool, str, Size, dtype, device, type(None)))
"""Types of results that are no tensors, such as a shape or dtype queried by a network's code."""
OUTSIDE = -1
"""Maker of a tensor that existed before the pass."""


class Trace(TorchFunctionMode):
    """Records the calls of a forward pass, and for each input the call that made it.

    Two passes of one `sequence` differ in values and sizes only. Calls that torch hides, inside a scripted or a custom
    autograd function say, are not recorded.

    marked: tensors from before the pass that are distinguished from other such tensors.
    """

    def __init__(self, marked: Iterable[Tensor]) -> None:
        super().__init__()
        self._calls: list[Any] = []
        # a weak reference, since another tensor may get the address of one that is gone
        self._makers: dict[int, tuple[Any, ref[Tensor]]] = {
            id(tensor): (OUTSIDE - 1 - index, ref(tensor)) for index, tensor in enumerate(marked)
        }
        self.muted = False

    @property
    def sequence(self) -> CallSequence:
        """The calls so far."""
        return tuple(self._calls)

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        out = func(*args, **kwargs) if kwargs else func(*args)
        if not (self.muted or type(out) in _ANSWERS):
            self.record(func, args, kwargs, out)
        return out

    def untraced(self, forward: Callable[[Tensor], Tensor], x: Tensor) -> Tensor:
        """The output of a layer whose inner calls are not recorded."""
        if type(x) is Tensor:  # each call that reaches a mode costs more than many small layers do
            with _DisableTorchFunction():
                return forward(x)
        self.muted = True
        try:
            return forward(x)
        finally:
            self.muted = False

    def record(self, call: Any, args: Any, kwargs: Any, out: Any) -> None:
        """Records one call, unless it made no tensor, as a query of a shape."""
        outputs = (out,) if isinstance(out, Tensor) else tuple(tensors_in(out))
        if not outputs:
            return
        calls = self._calls
        calls.append(call)
        for argument in args:
            if isinstance(argument, Tensor):
                calls.append(self._maker(argument))
            elif isinstance(argument, tuple | list | dict):
                calls.extend(self._maker(tensor) for tensor in tensors_in(argument))
        if kwargs:
            calls.extend(self._maker(tensor) for tensor in tensors_in(kwargs))
        number = len(calls)
        for index, tensor in enumerate(outputs):
            self._makers[id(tensor)] = ((number, index) if index else number), ref(tensor)

    def _maker(self, tensor: Tensor) -> Any:
        maker = self._makers.get(id(tensor))
        return OUTSIDE if maker is None or maker[1]() is not tensor else maker[0]


def tensors_in(value: Any) -> Iterator[Tensor]:
    """The tensors in nested tuples, lists and dictionaries."""
    if isinstance(value, Tensor):
        yield value
    elif isinstance(value, tuple | list):
        for part in value:
            yield from tensors_in(part)
    elif isinstance(value, dict):
        for part in value.values():
            yield from tensors_in(part)
