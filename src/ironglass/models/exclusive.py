"""Locks by which threads take turns on a shared network."""

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
_thread = threading.local()


@contextmanager
def exclusive(*networks: nn.Module) -> Iterator[None]:
    """Locks the networks for this thread; other threads wait. The lock is re-entrant.

    Networks that share modules share a lock. Name all networks that a call needs at once: they are taken in one order,
    so that two threads can never wait for each other.
    """
    entered: dict[int, list[Any]] = vars(_thread).setdefault("held", {})
    modules = [modules_of(network) for network in networks]
    locks = {
        id(lock): lock
        for network, submodules in zip(networks, modules, strict=True)
        for lock in _locks_of(network, submodules)
    }
    acquired = []
    try:
        for _, lock in sorted(locks.items()):
            lock.acquire()
            acquired.append(lock)
        for network, submodules in zip(networks, modules, strict=True):
            entered.setdefault(id(network), [0, submodules])[0] += 1
        try:
            yield
        finally:
            for network in networks:
                entered[id(network)][0] -= 1
                if not entered[id(network)][0]:
                    del entered[id(network)]
    finally:
        for lock in reversed(acquired):
            lock.release()


def is_held(network: nn.Module) -> bool:
    """Returns whether this thread has locked the network."""
    return id(network) in vars(_thread).get("held", ())


def modules_of(network: nn.Module) -> tuple[nn.Module, ...]:
    """All modules of the network, itself first: looked up once for as long as this thread holds it."""
    entry = vars(_thread).get("held", {}).get(id(network))
    return tuple(network.modules()) if entry is None else entry[1]


def _locks_of(network: nn.Module, modules: tuple[nn.Module, ...]) -> tuple[Any, ...]:
    """The locks of all its modules: one, unless it is put together from networks that were used before."""
    identities = tuple(map(id, modules))
    cached = _locks.get(network)
    if cached is None or cached[0] != identities:
        with _registry:
            existing = {id(lock): lock for module in modules if (lock := _lock_of.get(module)) is not None}
            first = next(iter(existing.values()), None) or threading.RLock()
            for module in modules:
                _lock_of.setdefault(module, first)
            cached = _locks[network] = (identities, tuple(existing.values()) or (first,))
    return cached[1]


def _reset_after_fork() -> None:
    """Discards all locks in a forked child, in which the threads that held them do not exist."""
    global _registry, _thread
    _registry, _thread = threading.Lock(), threading.local()
    _lock_of.clear()
    _locks.clear()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_reset_after_fork)
