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
from ironglass.models.loading.exported_files.batches import FixedBatches, InputSpec
from ironglass.models.loading.exported_files.words import first_line, shapes


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


def read_program(path: Path) -> tuple[nn.Module, InputSpec]:
    """The program, and what it takes. Raises InputError for one of other inputs, or exported in training mode."""
    try:
        # the loader goes by the file's name, which may be any
        with _silence_loggers("torch.export"), path.open("rb") as file:
            program = torch.export.load(file)
        network = program.module()
    except Exception as error:  # of whatever its many parts find in a damaged file
        raise InputError(f"{path} cannot be read as an exported program: {first_line(error)}") from error
    names = program.graph_signature.user_inputs
    examples = [node.meta["val"] for node in program.graph.nodes if node.op == "placeholder" and node.name in names]
    if len(names) != 1 or len(examples) != 1 or not isinstance(examples[0], Tensor) or examples[0].ndim != 4:
        raise InputError(f"{path} takes {len(names)} inputs {shapes(examples)}: it must take one, images (n, c, h, w)")
    batch, *shape = (side if isinstance(side, int) else None for side in examples[0].shape)
    symbol: Any = getattr(getattr(examples[0].shape[0], "node", None), "expr", None)
    bounds = program.range_constraints.get(symbol)
    spec = InputSpec(batch, int(bounds.lower) if bounds is not None else 1, tuple(shape))  # type: ignore[arg-type]
    _check_evaluating(network, examples[0], path)
    return FixedBatches(Program(network), spec), spec


def _check_evaluating(network: nn.Module, example: Tensor, path: Path) -> None:
    """Raises InputError for a program that was exported in training mode: it draws, or moves its own buffers."""
    shape = [side if isinstance(side, int) else int(example.shape[index]) if index else 2 for index, side in
             enumerate(example.shape)]  # fmt: skip
    images = torch.rand(shape, generator=torch.Generator().manual_seed(0)).to(example.dtype)
    before = [buffer.clone() for buffer in network.buffers()]
    try:
        with torch.random.fork_rng(devices=[]), torch.no_grad():
            outputs, repeated = _tensors(network(images)), _tensors(network(images))
    except Exception as error:  # its guards and kernels
        raise InputError(f"{path} fails on images of {tuple(shape)}: {first_line(error)}") from error
    changes_buffers = any(
        not torch.equal(before_value, after_value)
        for before_value, after_value in zip(before, network.buffers(), strict=True)
    )
    is_random = any(
        not torch.equal(before_value.nan_to_num(), after_value.nan_to_num())
        for before_value, after_value in zip(outputs, repeated, strict=True)
    )
    if changes_buffers or is_random:
        change = "changes its own statistics" if changes_buffers else "gives other outputs"
        raise InputError(
            f"{path} was exported in training mode: it {change} in every pass; call net.eval() before"
            " torch.export.export"
        )


def _tensors(outputs: Any) -> list[Tensor]:
    values = (
        outputs.values() if isinstance(outputs, dict) else outputs if isinstance(outputs, tuple | list) else (outputs,)
    )
    return [value for value in values if isinstance(value, Tensor) and value.is_floating_point()]


@contextmanager
def _silence_loggers(name: str) -> Iterator[None]:
    """Inside, what torch logs of a file that it cannot read is not printed: the error says it."""
    loggers = [logger for key, logger in logging.root.manager.loggerDict.items() if key.startswith(name)]
    previous = [(logger, logger.disabled) for logger in loggers if isinstance(logger, logging.Logger)]
    try:
        for logger, _ in previous:
            logger.disabled = True
        yield
    finally:
        for logger, disabled in previous:
            logger.disabled = disabled
