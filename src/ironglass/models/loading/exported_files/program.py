"""Programs of torch.export."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from ironglass.errors import InputError
from ironglass.models.loading.exported_files.batches import Parts, Takes
from ironglass.models.loading.exported_files.words import shapes, short


class Program(nn.Module):
    """An exported program, which knows no modes of its own."""

    def __init__(self, program: nn.Module) -> None:
        super().__init__()
        self.program = program
        for module in program.modules():
            module.training = False

    def train(self, mode: bool = True) -> Program:
        """Changes the flag alone: what was exported in evaluation mode stays so."""
        self.training = mode
        return self

    def forward(self, images: Tensor) -> Any:
        """Outputs of the program."""
        return self.program(images)


def read_program(path: Path) -> tuple[nn.Module, Takes]:
    """The program, and what it takes. Raises InputError for one of other inputs, or exported in training mode."""
    try:
        # the loader goes by the file's name, which may be any
        with _unheard("torch.export"), path.open("rb") as file:
            program = torch.export.load(file)
        network = program.module()
    except Exception as error:  # of whatever its many parts find in a damaged file
        raise InputError(f"{path} cannot be read as an exported program: {short(error)}") from error
    names = program.graph_signature.user_inputs
    given = [node.meta["val"] for node in program.graph.nodes if node.op == "placeholder" and node.name in names]
    if len(names) != 1 or len(given) != 1 or not isinstance(given[0], Tensor) or given[0].ndim != 4:
        raise InputError(f"{path} takes {len(names)} inputs {shapes(given)}: it must take one, images (n, c, h, w)")
    batch, *shape = (side if isinstance(side, int) else None for side in given[0].shape)
    symbol: Any = getattr(getattr(given[0].shape[0], "node", None), "expr", None)
    bounds = program.range_constraints.get(symbol)
    takes = Takes(batch, int(bounds.lower) if bounds is not None else 1, tuple(shape))  # type: ignore[arg-type]
    _check_evaluating(network, given[0], path)
    return Parts(Program(network), takes), takes


def _check_evaluating(network: nn.Module, example: Tensor, path: Path) -> None:
    """Raises InputError for a program that was exported in training mode: it draws, or moves its own buffers."""
    shape = [side if isinstance(side, int) else int(example.shape[index]) if index else 2 for index, side in
             enumerate(example.shape)]  # fmt: skip
    images = torch.rand(shape, generator=torch.Generator().manual_seed(0)).to(example.dtype)
    before = [buffer.clone() for buffer in network.buffers()]
    try:
        with torch.random.fork_rng(devices=[]), torch.no_grad():
            once, again = _tensors(network(images)), _tensors(network(images))
    except Exception as error:  # its guards and kernels
        raise InputError(f"{path} fails on images of {tuple(shape)}: {short(error)}") from error
    moved = any(not torch.equal(one, other) for one, other in zip(before, network.buffers(), strict=True))
    drawn = any(not torch.equal(one.nan_to_num(), other.nan_to_num()) for one, other in zip(once, again, strict=True))
    if moved or drawn:
        raise InputError(
            f"{path} was exported in training mode: it {'moves its own statistics' if moved else 'gives other outputs'}"
            " in every pass; call net.eval() before torch.export.export"
        )


def _tensors(found: Any) -> list[Tensor]:
    values = found.values() if isinstance(found, dict) else found if isinstance(found, tuple | list) else (found,)
    return [value for value in values if isinstance(value, Tensor) and value.is_floating_point()]


@contextmanager
def _unheard(name: str) -> Iterator[None]:
    """Inside, what torch logs of a file that it cannot read is not printed: the error says it."""
    loggers = [one for key, one in logging.root.manager.loggerDict.items() if key.startswith(name)]
    kept = [(one, one.disabled) for one in loggers if isinstance(one, logging.Logger)]
    try:
        for one, _ in kept:
            one.disabled = True
        yield
    finally:
        for one, disabled in kept:
            one.disabled = disabled
