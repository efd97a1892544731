"""Contenders in turn, in one process: A B C D, B C D A, ...; who fails keeps the first line of why."""

from __future__ import annotations

import random
import sys
import time
from collections.abc import Callable, Mapping
from contextlib import redirect_stdout
from dataclasses import dataclass, field

import numpy as np
import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils.flop_counter import flop_registry

SLOW = 8

Work = Callable[[], list[Tensor]]


@dataclass
class Contender:
    """Who runs, and what came of it. error: the first line of what stopped it."""

    name: str
    attack: Work | None = None
    seconds: list[float] = field(default_factory=list)
    outputs: list[Tensor] = field(default_factory=list)
    flops: int | None = None
    error: str = ""


def contest(
    builders: Mapping[str, Callable[[], Work]],
    repeats: int,
    *,
    counted: bool = True,
    sibling: float = np.inf,
    clock: Callable[[], float] = time.perf_counter,
) -> list[Contender]:
    """Every contender, `repeats` rounds in turn.

    builders: of what is timed, by name; building is not. counted: each runs once untimed, where its operations are
    counted. One that in the first round takes over SLOW times as long as the fastest, or `sibling` times as long as the
    fastest of its library (the name before the comma), sits out the others. clock: gives seconds.
    """
    field_ = [Contender(name) for name in builders]
    for contender in field_:
        with failing(contender):
            attack = contender.attack = builders[contender.name]()
            if counted:
                seed(0)
                with Operations() as operations:
                    attack()
                contender.flops = operations.total
    for number in range(repeats):
        turn = number % len(field_)
        first = {contender.name: contender.seconds[0] for contender in field_ if contender.seconds}
        for contender in field_[turn:] + field_[:turn]:
            if contender.attack is None or contender.error:
                continue
            if number and too_slow(contender.name, first, sibling):
                continue
            with failing(contender):
                seed(number)
                began = clock()
                outputs = contender.attack()
                contender.seconds.append(clock() - began)
                contender.outputs = contender.outputs or outputs
    return field_


def too_slow(name: str, first: dict[str, float], sibling: float) -> bool:
    library = name.partition(",")[0]
    rivals = [seconds for other, seconds in first.items() if other.partition(",")[0] == library]
    return name in first and (first[name] > SLOW * min(first.values()) or first[name] > sibling * min(rivals))


class Operations(TorchDispatchMode):
    """Counts as torch's FlopCounterMode does, whose hooks on modules refuse `autograd.grad` on the images."""

    def __init__(self) -> None:
        super().__init__()
        self.total = 0

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        kwargs = kwargs or {}
        if func._overloadpacket not in flop_registry:
            with self:  # in inference mode a convolution arrives here before it has become one that is known
                found = func.decompose(*args, **kwargs)
            return func(*args, **kwargs) if found is NotImplemented else found
        found = func(*args, **kwargs)
        self.total += flop_registry[func._overloadpacket](*args, **kwargs, out_val=found)
        return found


class failing:
    """Keeps the first line of an exception as the contender's error, and its chatter off the table."""

    def __init__(self, contender: Contender) -> None:
        self.contender, self.hush = contender, redirect_stdout(sys.stderr)

    def __enter__(self) -> None:
        self.hush.__enter__()

    def __exit__(self, kind, error, trace) -> bool:
        self.hush.__exit__(kind, error, trace)
        if isinstance(error, Exception):
            first = (str(error).splitlines() or [""])[0]
            self.contender.error = f"{type(error).__name__}: {first}"
        return isinstance(error, Exception)


def seed(number: int) -> None:
    """Ours draw from a generator of their own, of seed 0; the peers from these."""
    torch.manual_seed(number)
    np.random.seed(number)  # noqa: NPY002  (ART's)
    random.seed(number)
