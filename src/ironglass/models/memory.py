"""Handling of out-of-memory errors on any device: the batch is halved, or one line says how much was requested.

Two ways, one for each kind of work. `in_parts` is for work on images apart from each other that draws nothing: it is
done a part of the images at a time. `in_room` is for gradients within an attack, whose draws are a batch's: the work
stays whole, and only the network's passes inside it are cut, each part computed anew in the backward pass.
"""

from __future__ import annotations

import math
import re
import threading
from collections.abc import Callable, Iterator
from typing import TypeVar
from weakref import WeakKeyDictionary

import torch
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint, set_checkpoint_early_stop

from ironglass.errors import InputError
from ironglass.types import Images, Logits

T = TypeVar("T")

NO_MEMORY = (
    "out of memory",
    "can't allocate memory",
    "not enough memory",
)  # torch's words: CUDA and MPS, Linux, Windows

_REQUESTED = re.compile(
    r"(?:tried|unable) to allocate ([\d.]+ ?(?:bytes|[KMGT]i?B)|\d+)|not enough memory: you tried to allocate (\d+)",
    re.IGNORECASE,
)

_fitting_batches: WeakKeyDictionary[nn.Module, int] = WeakKeyDictionary()
"""Largest batch that fitted, of networks for which memory has run out."""
_local = threading.local()


def is_out_of_memory(error: BaseException) -> bool:
    """Returns whether it was memory that ran out, on an accelerator or on the CPU, for which torch has no type of its
    own."""
    if isinstance(error, torch.OutOfMemoryError | MemoryError):
        return True
    return isinstance(error, RuntimeError) and any(words in str(error) for words in NO_MEMORY)


def requested_memory(error: BaseException) -> str:
    """Amount of memory asked for, as " (1.5 GiB were asked for)"; "" where the error does not say."""
    match = _REQUESTED.search(str(error))
    if match is None:
        return ""
    amount = next(group for group in match.groups() if group)
    number = re.fullmatch(r"(\d+)(?: ?bytes)?", amount)
    return f" ({_readable(int(number[1])) if number else amount} were asked for)"


def _readable(size: int) -> str:
    for unit in ("bytes", "KiB", "MiB", "GiB"):
        if size < 1024:
            return f"{size:.4g} {unit}"
        size /= 1024  # type: ignore[assignment]
    return f"{size:.4g} TiB"


def in_parts(compute: Callable[[slice], T], n: int, *, at_most: int | None = None) -> Iterator[T]:
    """`compute` of consecutive slices of n images, halved as often as memory runs out.

    at_most: images of the first slice, all by default. `compute` must treat images apart from each other, and leave
    nothing behind where it fails. Raises InputError where a single image does not fit.
    """
    start, size = 0, max(1, n if at_most is None else at_most)
    while start < n:
        part = slice(start, min(start + size, n))
        try:
            result = compute(part)
        except (RuntimeError, MemoryError) as error:
            if not is_out_of_memory(error):
                raise
            reason = requested_memory(error)
        else:
            start = part.stop
            yield result
            continue
        # only here, where the exception no longer holds on to the failed try's tensors
        size = _halved(part.stop - part.start, reason)


def in_room(network: nn.Module, n: int, compute: Callable[[], T]) -> T:
    """`compute`, and again, with fewer images in each of the network's passes inside it, where memory runs out.

    n: images of a pass. What memory had room for is kept for later passes of this network. `compute` draws nothing and
    leaves nothing behind where it fails. Raises InputError where a single image does not fit.
    """
    while True:
        rows_before, rows = getattr(_local, "rows", None), _fitting_batches.get(network)
        _local.rows = rows
        try:
            return compute()
        except (RuntimeError, MemoryError) as error:
            if not is_out_of_memory(error):
                raise
            reason = requested_memory(error)
        finally:
            _local.rows = rows_before
        _fitting_batches[network] = _halved(min(rows or n, n), reason)


def cut_pass(network: nn.Module, full_pass: Callable[..., Logits], images: Images) -> Logits:
    """`whole`, the network's pass in evaluation mode, of as many images at once as memory has room for.

    whole: called on the images, and on parts of them with False besides.
    Where gradients are recorded, that is what `in_room` has found; else the pass itself is tried. Not where anything
    looks on at the network's layers, since it shall see one pass.
    """
    n = len(images)
    if torch.is_grad_enabled():
        rows = getattr(_local, "rows", None)
        if rows is None or n <= rows:
            return full_pass(images)
        # not stopped early: that is done by an exception, which a stranger's network may catch
        with set_checkpoint_early_stop(False):
            parts = [checkpoint(full_pass, part, False, use_reentrant=False) for part in images.split(rows)]
        return torch.cat(parts)  # type: ignore[arg-type]
    rows = min(_fitting_batches.get(network, n), getattr(_local, "rows", None) or n)
    if n <= rows:
        try:
            return full_pass(images)
        except (RuntimeError, MemoryError) as error:
            if not is_out_of_memory(error) or n == 1 or _has_hooks(network):
                raise
            reason = requested_memory(error)
        rows = _fitting_batches[network] = _halved(n, reason)
    elif _has_hooks(network):
        return full_pass(images)
    parts = []
    for outputs, size in _sized(full_pass, images, rows):
        parts.append(outputs)
        _fitting_batches[network] = size
    return torch.cat(parts)


def _sized(full_pass: Callable[..., Logits], images: Images, rows: int) -> Iterator[tuple[Tensor, int]]:
    sizes: list[int] = []

    def compute(part: slice) -> Tensor:
        outputs = full_pass(images[part], False)
        sizes.append(part.stop - part.start)
        return outputs

    for outputs in in_parts(compute, len(images), at_most=rows):
        yield outputs, min(rows, max(sizes))


def _has_hooks(network: nn.Module) -> bool:
    return any(module._forward_hooks for module in network.modules())


def _halved(size: int, reason: str) -> int:
    if size <= 1:
        raise InputError(f"memory has no room for a single image{reason}: lower --size, or take another device")
    if torch.cuda.is_available():
        torch.cuda.empty_cache()
    return math.ceil(size / 2)
