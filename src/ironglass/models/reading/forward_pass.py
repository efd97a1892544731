"""A forward pass of any network, in its own precision and memory format, with its outputs read as logits."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.parameter import is_lazy

from ironglass.errors import ForwardError, InputError
from ironglass.models.memory import is_out_of_memory
from ironglass.models.reading.outputs import ReadOutputs, read_outputs
from ironglass.models.reading.probability import logit_of
from ironglass.types import Images, Logits


@dataclass(frozen=True)
class InputFormat:
    """Input layout, type and outputs of a network, found by its passes."""

    network: int
    """Identity of the network that it is of."""
    dtype: torch.dtype = torch.float32
    """Type of the network's input."""
    contiguous: bool = False
    """Returns whether images must lie channel by channel, as `x.view(n, -1)` needs."""
    settled: bool = False
    """Returns whether a batch whose size is neither 1 nor the number of classes has shown which axis is which."""
    words: str = ""
    """Adaptation of its outputs, "" where there was none."""


PROBABILITY = "its one number an image is a probability, of which two logits are made"

_collecting = threading.local()


@contextmanager
def collect_auxiliary_outputs() -> Iterator[list[tuple[Logits, ...]]]:
    """Inside, on this thread: the auxiliary outputs, float (n, k) each, of every pass in training mode that has any."""
    outer = getattr(_collecting, "passes", None)
    _collecting.passes = passes = []
    try:
        yield passes
    finally:
        _collecting.passes = outer


def unwrapped(network: nn.Module) -> nn.Module:
    """The module within DataParallel, DistributedDataParallel or torch.compile's wrapping.

    Its weights have their own names, its layers can be watched, and it computes the same.
    """
    while True:
        inner = getattr(network, "_orig_mod", None)
        if inner is None and isinstance(network, nn.DataParallel | nn.parallel.DistributedDataParallel):
            inner = network.module
        if not isinstance(inner, nn.Module):
            return network
        network = inner


def has_lazy_layers(network: nn.Module) -> bool:
    """Returns whether there are weights that get their shape from the first images, as those of lazy layers do."""
    return any(is_lazy(tensor) for tensor in (*network.parameters(), *network.buffers()))


def dtypes_of(network: nn.Module) -> list[torch.dtype]:
    """Precisions that the network may take, the likeliest first: that of its first weight, those of others, float32."""
    tensors = (*network.parameters(), *network.buffers())
    dtypes = [tensor.dtype for tensor in tensors if tensor.dtype.is_floating_point]
    return list(dict.fromkeys([*dtypes, torch.float32]))


def take_pass(
    network: nn.Module, input_format: InputFormat | None, images: Images, mean: Tensor, std: Tensor
) -> tuple[Any, InputFormat]:
    """Runs the network: its outputs, and how it took the images.

    Where it fails as it is known or likeliest to take them, the other ways are tried. Raises ForwardError, naming
    the exception, where all fail. Out of memory stays what it is.
    """
    likeliest = input_format if input_format is not None and input_format.network == id(network) else None
    tried_first = likeliest or InputFormat(id(network), dtypes_of(network)[0])
    try:
        return network(_prepared_input(images, mean, std, tried_first)), tried_first
    except (Exception, SystemExit) as error:
        if isinstance(error, InputError) or is_out_of_memory(error):
            raise
        failure = error
    for dtype in dtypes_of(network) if isinstance(failure, RuntimeError | TypeError) else ():
        for contiguous in (False, True):
            alternative = replace(tried_first, dtype=dtype, contiguous=contiguous)
            if alternative == tried_first:
                continue
            try:
                return network(_prepared_input(images, mean, std, alternative)), alternative
            except (Exception, SystemExit) as error:
                if is_out_of_memory(error):
                    raise
    shape = " × ".join(map(str, images.shape[1:]))
    raise ForwardError(
        f"the network's forward fails on images of {shape}: {type(failure).__name__}: {_first_line(failure)}"
    ) from failure


def shape_lazy_layers(network: nn.Module, images: Images, mean: Tensor, std: Tensor) -> None:
    """One pass in evaluation mode that gives lazy layers their weights; modes are as before."""
    modes = [(module, module.training) for module in network.modules()]
    try:
        network.eval()
        take_pass(network, None, images, mean, std)
    finally:
        for module, mode in modes:
            module.training = mode


def _prepared_input(images: Images, mean: Tensor, std: Tensor, input_format: InputFormat) -> Tensor:
    """The images normalised, at least in float32, as the network takes them."""
    precision = torch.float64 if input_format.dtype == torch.float64 else torch.float32
    normalised = ((images.to(precision) - mean) / std).to(input_format.dtype)
    # by way of one axis, since of grey images both orders count as contiguous
    return normalised.contiguous().flatten().view(normalised.shape) if input_format.contiguous else normalised


def read_pass(
    outputs: Any, n: int, k: int, *, training: bool = False, squashed: Callable[[], bool] = lambda: False
) -> tuple[Logits, str]:
    """The logits of a pass, float32 or float64, and what was adapted.

    squashed: whether a single number an image is a probability, and no logit; asked only where there is one.

    In training mode auxiliary outputs go to `collect_auxiliary_outputs`. Raises InputError for other outputs.
    """
    reading: ReadOutputs = read_outputs(outputs, n, k)
    passes = getattr(_collecting, "passes", None)
    if passes is not None and training and reading.others:
        passes.append(tuple(at_least_float32(other) for other in reading.others))
    if reading.single is not None and squashed():
        halves = logit_of(at_least_float32(reading.single)) / 2
        return torch.stack((-halves, halves), 1), PROBABILITY
    return at_least_float32(reading.logits), reading.words


def other_count(k: int) -> int:
    """A batch size that differs from the number of classes."""
    return 3 if k == 2 else 2


def at_least_float32(values: Tensor) -> Tensor:
    """The values, those of half precision as float32, in which sums of them are not lost."""
    return values if values.dtype in (torch.float32, torch.float64) else values.float()


def _first_line(error: BaseException) -> str:
    return (str(error).strip().splitlines() or ["no message"])[0][:200]
