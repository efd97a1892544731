"""The studio: its models, its pages, and the one thread that answers them; nothing here knows HTTP."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from ironglass.errors import InputError
from ironglass.studio.answers.answers import Answers, page_key, whole
from ironglass.studio.load import Opened, read_photo
from ironglass.studio.sessions import Sessions
from ironglass.studio.superseded import Check

WAITING = 64
"""Requests that wait for the network, at most."""

Given = dict[str, Any]


class Studio:
    """Models, pictures, and the answers to what a page asks.

    All work on networks and pictures is done by one thread, one request after another: the newest of a page is
    answered, older ones that still wait are not.
    """

    def __init__(self, opened: Sequence[Opened]) -> None:
        self.opened, self.sessions = tuple(opened), Sessions()
        self._worker = ThreadPoolExecutor(1, "studio")
        self.answers = Answers(opened, self.sessions)
        self._room = threading.BoundedSemaphore(WAITING)

    def answer(self, name: str, given: Given) -> Given:
        """The answer to a request. Raises InputError for one that is wrong, and `Superseded` for one too many."""
        once: dict[str, Callable[[Given], Given]] = {
            "begin": lambda _: self.answers.begin(),
            "pictures": self.answers.pictures,
            "gallery": self.answers.gallery,
            "picture": self.answers.picture,
            "numbers": self.answers.numbers,
            "worst": self.answers.worst,
        }
        numbered: dict[str, Callable[[Given, Check], Given]] = {
            "view": self.answers.view, "smallest": self.answers.smallest,
        }  # fmt: skip
        if name in numbered:
            # noted as it comes in, not when its turn has come: those that wait shall know of it
            check = self.sessions.number(page_key(given), whole(given, "number", 0, 2**53))
            return self._worked(lambda: numbered[name](given, check))
        if name not in once:
            raise InputError(f"there is no request {name[:40]!r}")
        return self._worked(lambda: once[name](given))

    def put_in(self, key: str, photo: bytes) -> Given:
        """Takes a photograph, as the bytes of its file, for the page of this key."""
        return self._worked(lambda: {"upload": self.sessions.keep(key, read_photo(photo, self.opened[0]))})

    def _worked(self, work: Callable[[], Given]) -> Given:
        if not self._room.acquire(blocking=False):
            raise InputError("the studio is busy: wait a moment")
        try:
            return self._worker.submit(work).result()
        finally:
            self._room.release()
