"""Turns for threads that share a network: whoever changes it for a while, or passes images through it, has it alone."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from weakref import WeakKeyDictionary

from torch import nn

_registry = threading.Lock()
_lock_of: WeakKeyDictionary[nn.Module, Any] = WeakKeyDictionary()
_locks: WeakKeyDictionary[nn.Module, tuple[tuple[int, ...], tuple[Any, ...]]] = WeakKeyDictionary()
_mine = threading.local()


@contextmanager
def exclusive(*networks: nn.Module) -> Iterator[None]:
    """Holds the networks for this thread; other threads wait. A thread may enter again what it holds already.

    Networks that share modules share a lock. Name all networks that a call needs at once: they are taken in one order,
    so that two threads can never wait for each other.
    """
    held: dict[int, list[Any]] = vars(_mine).setdefault("held", {})
    modules = [modules_of(network) for network in networks]
    locks = {
        id(lock): lock for network, inside in zip(networks, modules, strict=True) for lock in _locks_of(network, inside)
    }
    taken = []
    try:
        for _, lock in sorted(locks.items()):
            lock.acquire()
            taken.append(lock)
        for network, inside in zip(networks, modules, strict=True):
            held.setdefault(id(network), [0, inside])[0] += 1
        try:
            yield
        finally:
            for network in networks:
                held[id(network)][0] -= 1
                if not held[id(network)][0]:
                    del held[id(network)]
    finally:
        for lock in reversed(taken):
            lock.release()


def is_held(network: nn.Module) -> bool:
    """Returns whether this thread holds the network."""
    return id(network) in vars(_mine).get("held", ())


def modules_of(network: nn.Module) -> tuple[nn.Module, ...]:
    """All modules of the network, itself first: looked up once for as long as this thread holds it."""
    known = vars(_mine).get("held", {}).get(id(network))
    return tuple(network.modules()) if known is None else known[1]


def _locks_of(network: nn.Module, modules: tuple[nn.Module, ...]) -> tuple[Any, ...]:
    """The locks of all its modules: one, unless it is put together from networks that were used before."""
    which = tuple(map(id, modules))
    known = _locks.get(network)
    if known is None or known[0] != which:
        with _registry:
            found = {id(lock): lock for module in modules if (lock := _lock_of.get(module)) is not None}
            first = next(iter(found.values()), None) or threading.RLock()
            for module in modules:
                _lock_of.setdefault(module, first)
            known = _locks[network] = (which, tuple(found.values()) or (first,))
    return known[1]


def _forget() -> None:
    """A forked child has one thread: what the others held would never be given back."""
    global _registry, _mine
    _registry, _mine = threading.Lock(), threading.local()
    _lock_of.clear()
    _locks.clear()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget)
