"""Limits on connections: time and bytes of each, how many there are, and the memory that they hold together."""

from __future__ import annotations

import io
import socket
import threading
import time
from collections import OrderedDict
from collections.abc import Iterator
from contextlib import contextmanager, suppress


class ServerBusy(Exception):
    """There is no room now; later there may be."""


class TooMuch(Exception):
    """A client has sent more than it may."""


class Reader(io.RawIOBase):
    """A connection's bytes: at most so many, until a time.

    A socket's own timeout begins anew with every byte; a client that sends one now and then would never be left.
    """

    def __init__(self, connection: socket.socket) -> None:
        self._connection, self._until, self._left = connection, 0.0, 0

    def allow(self, seconds: float, size: int) -> None:
        """Allows so many bytes from now on, and so many seconds for all of them."""
        self._until, self._left = time.monotonic() + seconds, size

    def readable(self) -> bool:
        """True."""
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        """Reads what has come. Raises TimeoutError when the time is over, and `TooMuch`."""
        seconds = self._until - time.monotonic()
        if seconds <= 0:
            raise TimeoutError
        if self._left <= 0:
            raise TooMuch
        self._connection.settimeout(seconds)
        size = self._connection.recv_into(buffer[: self._left])
        self._left -= size
        return size


class ConnectionLimit:
    """Open connections, at most so many; where all places are taken, the one that was idle longest makes room.

    Idle is one from which no whole request has come yet, so that neither silent nor slow clients keep others out.
    """

    def __init__(self, most: int) -> None:
        self.most, self._count, self._idle = most, 0, OrderedDict[socket.socket, None]()
        self._changed = threading.Condition()

    def enter(self, connection: socket.socket, seconds: float = 0.5) -> bool:
        """Takes a place, or says that there is none within so many seconds."""
        with self._changed:
            if self._count >= self.most and self._idle:
                oldest, _ = self._idle.popitem(last=False)
                _hang_up(oldest)
                self._changed.wait_for(lambda: self._count < self.most, seconds)
            if self._count >= self.most:
                return False
            self._count += 1
            self._idle[connection] = None
            return True

    def working(self, connection: socket.socket) -> None:
        """Says that a whole request has come."""
        with self._changed:
            self._idle.pop(connection, None)

    def idle(self, connection: socket.socket) -> None:
        """Says that the request has been answered."""
        with self._changed:
            self._idle[connection] = None

    def leave(self, connection: socket.socket) -> None:
        """Gives the place back."""
        with self._changed:
            self._idle.pop(connection, None)
            self._count -= 1
            self._changed.notify_all()

    def __len__(self) -> int:
        return self._count


class Room:
    """Bytes that requests and answers hold in memory together, at most so many."""

    def __init__(self, most: int) -> None:
        self.most, self.reserved, self._changed = most, 0, threading.Condition()

    @contextmanager
    def reserve(self, size: int, seconds: float) -> Iterator[None]:
        """Holds so many bytes, or raises `ServerBusy` where they do not become free in time; more than all are all."""
        size = min(size, self.most)
        with self._changed:
            if not self._changed.wait_for(lambda: self.reserved + size <= self.most, seconds):
                raise ServerBusy("the studio is busy: too much is being sent at once; wait a moment")
            self.reserved += size
        try:
            yield
        finally:
            with self._changed:
                self.reserved -= size
                self._changed.notify_all()


def _hang_up(connection: socket.socket) -> None:
    with suppress(OSError):  # it has gone by itself
        connection.shutdown(socket.SHUT_RDWR)
