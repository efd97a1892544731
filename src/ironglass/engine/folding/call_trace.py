"""The way that a forward pass takes through a network: its calls, and which of them made what each one reads."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any, TypeAlias
from weakref import ref

from torch import Size, Tensor, device, dtype
from torch._C import DisableTorchFunction as _DisableTorchFunction
from torch.overrides import TorchFunctionMode

Way: TypeAlias = tuple[Any, ...]

_ANSWERS = frozenset((int, float, bool, str, Size, dtype, device, type(None)))
"""Kinds of what is no tensor, most of them answers to a question of a network's code about its input."""
OUTSIDE = -1
"""Stands for a tensor that was there before the pass."""


class Trace(TorchFunctionMode):
    """Writes down the calls of a forward pass, and for each the call that made what it reads.

    Two passes of one `way` differ in numbers and sizes only. A call that torch hides, inside a scripted or a custom
    autograd function say, is not seen.

    marked: tensors of before the pass whose readers are told apart from those of others.
    """

    def __init__(self, marked: Iterable[Tensor]) -> None:
        super().__init__()
        self._calls: list[Any] = []
        # a weak reference, since another tensor may get the address of one that is gone
        self._made: dict[int, tuple[Any, ref[Tensor]]] = {
            id(tensor): (OUTSIDE - 1 - index, ref(tensor)) for index, tensor in enumerate(marked)
        }
        self.muted = False

    @property
    def way(self) -> Way:
        """The calls so far."""
        return tuple(self._calls)

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        out = func(*args, **kwargs) if kwargs else func(*args)
        if not (self.muted or type(out) in _ANSWERS):
            self.note(func, args, kwargs, out)
        return out

    def unseen(self, forward: Callable[[Tensor], Tensor], x: Tensor) -> Tensor:
        """The output of a layer of which the calls inside are not written down."""
        if type(x) is Tensor:  # each call that reaches a mode costs more than many small layers do
            with _DisableTorchFunction():
                return forward(x)
        self.muted = True
        try:
            return forward(x)
        finally:
            self.muted = False

    def note(self, call: Any, args: Any, kwargs: Any, out: Any) -> None:
        """Writes down one call, unless it made no tensor: then it was a question, of a shape say."""
        made = (out,) if isinstance(out, Tensor) else tuple(tensors_in(out))
        if not made:
            return
        calls = self._calls
        calls.append(call)
        for given in args:
            if isinstance(given, Tensor):
                calls.append(self._maker(given))
            elif isinstance(given, tuple | list | dict):
                calls.extend(self._maker(tensor) for tensor in tensors_in(given))
        if kwargs:
            calls.extend(self._maker(tensor) for tensor in tensors_in(kwargs))
        number = len(calls)
        for index, tensor in enumerate(made):
            self._made[id(tensor)] = ((number, index) if index else number), ref(tensor)

    def _maker(self, tensor: Tensor) -> Any:
        known = self._made.get(id(tensor))
        return OUTSIDE if known is None or known[1]() is not tensor else known[0]


def tensors_in(given: Any) -> Iterator[Tensor]:
    """The tensors in nested tuples, lists and dictionaries."""
    if isinstance(given, Tensor):
        yield given
    elif isinstance(given, tuple | list):
        for part in given:
            yield from tensors_in(part)
    elif isinstance(given, dict):
        for part in given.values():
            yield from tensors_in(part)
