"""The processes of one launch, as far as they must wait for each other."""

from __future__ import annotations

import os
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, TypeVar

import torch
from torch import distributed

from ironglass.errors import InputError
from ironglass.studies.common.environment import rank

T = TypeVar("T")


@dataclass(frozen=True)
class Processes:
    """Those that work on one run, under torchrun or `accelerate launch`.

    rank: which of them this is; 0 is the first, which alone writes the run's common files. count: how many there are.
    group: how they reach each other; None for one that is alone.
    """

    rank: int = 0
    count: int = 1
    group: Any = None

    def agree(self, value: T) -> T:
        """The first process's value, in every process. Raises InputError where another process has ended."""
        if self.group is None:
            return value
        values = [value]
        try:
            distributed.broadcast_object_list(values, src=0, group=self.group)
        except RuntimeError as error:
            raise _left() from error
        return values[0]

    def wait(self) -> None:
        """Returns once every process has come here. Raises InputError where one has ended instead."""
        if self.group is not None:
            try:
                distributed.barrier(group=self.group)
            except RuntimeError as error:
                raise _left() from error


def join_processes(device: torch.device) -> Processes:
    """The processes that were launched together with this one. All of them must call it."""
    if int(os.environ.get("WORLD_SIZE", "1")) < 2:
        return Processes()
    from accelerate import PartialState

    PartialState(cpu=device.type == "cpu")  # as the training will want it
    # the processes wait for each other's attacks here, for as long as those take; the end of one is noticed at once
    group = distributed.new_group(backend="gloo", timeout=timedelta(days=30))
    return Processes(rank(), distributed.get_world_size(), group)


def refuse_several(work: str) -> None:
    """Raises InputError in a process that was launched with others, where `what` is done by one alone."""
    if int(os.environ.get("WORLD_SIZE", "1")) > 1:
        raise InputError(f"{work} runs in one process: start it without torchrun or accelerate launch")


def _left() -> InputError:
    return InputError("another process of this launch has ended early: see what it said, and add --resume")
