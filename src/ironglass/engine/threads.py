"""Several pieces of work at once, each with its share of torch's threads.

On small maps two threads that share one convolution wait for each other longer than they compute, above all where
other programs use the processor; two that compute one batch each never wait.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from threading import Event
from typing import TypeVar

import torch
from torch import nn

T = TypeVar("T")
R = TypeVar("R")

MOST = 4
"""Pieces at once, since each has its own memory."""


@contextmanager
def in_threads(
    work: Callable[[T, Callable[[], bool]], R], pieces: Sequence[T], *, at_once: bool
) -> Iterator[Iterator[R]]:
    """Inside: an iterator over the results of the pieces, in their order. Leaving stops what is not finished.

    work: called with a piece and a function that returns False once its result is not wanted any more. It runs with the
    caller's gradient mode, in another thread where `at_once` is true, torch has several and there are several pieces.
    """
    threads = torch.get_num_threads()
    workers = min(threads, len(pieces), MOST)
    if not at_once or workers < 2 or torch.is_autocast_enabled("cpu"):  # autocast is a thread's own
        yield (work(piece, lambda: True) for piece in pieces)
        return
    left, gradients = Event(), torch.is_grad_enabled()

    def run(piece: T) -> R:
        with torch.set_grad_enabled(gradients):
            return work(piece, lambda: not left.is_set())

    try:
        with ThreadPoolExecutor(workers, initializer=torch.set_num_threads, initargs=(threads // workers,)) as pool:
            results = [pool.submit(run, piece) for piece in pieces]
            try:
                yield (result.result() for result in results)
            finally:
                left.set()
                pool.shutdown(wait=False, cancel_futures=True)
    finally:
        torch.set_num_threads(threads)  # which new threads begin with, too


def is_safe_in_threads(network: nn.Module) -> bool:
    """Returns whether no module of the network is a stranger's, or hooked: those may write to themselves."""
    return all(
        type(module).__module__.startswith(("torch.", "ironglass."))
        and not (module._forward_hooks or module._forward_pre_hooks)
        for module in network.modules()
    )
