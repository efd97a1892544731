"""The studio: its models, its pages, and the one thread that answers them; nothing here knows HTTP."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from ironglass.errors import InputError
from ironglass.studio.answers.answers import Answers, page_key, whole
from ironglass.studio.load import Opened, read_photo
from ironglass.studio.sessions import Sessions
from ironglass.studio.superseded import Check
from ironglass.studio.work import Worker

WAITING, WAITING_OF_A_PAGE = 128, 8
"""Requests that wait for the network, at most: of all pages and of one."""
SEARCHES = ("smallest", "worst")
"""Numbered requests that take long, and pause for others."""

Given = dict[str, Any]


class Studio:
    """Models, pictures, and the answers to what a page asks.

    All work on networks and pictures is done by one thread, one request after another: the newest of a page is
    answered, older ones that still wait are dropped as it comes in.
    """

    def __init__(self, opened: Sequence[Opened]) -> None:
        self.opened, self.sessions = tuple(opened), Sessions()
        self.worker = Worker(WAITING, WAITING_OF_A_PAGE)
        self.answers = Answers(opened, self.sessions)

    def answer(self, name: str, given: Given) -> Given:
        """The answer to a request.

        Raises InputError for one that is wrong, `Superseded` for one too many, `ServerBusy` where too many wait.
        """
        lists: dict[str, Callable[[Given, Check], Given]] = {
            "pictures": self.answers.pictures, "gallery": self.answers.gallery,
        }  # fmt: skip
        once: dict[str, Callable[[Given], Given]] = {
            "picture": self.answers.picture, "numbers": self.answers.numbers,
        }  # fmt: skip
        numbered: dict[str, Callable[[Given, Check], Given]] = {
            "view": self.answers.view, "smallest": self.answers.smallest, "worst": self.answers.worst,
        }  # fmt: skip
        if name == "begin":
            return self.answers.begin()
        if name == "end":
            self.sessions.end(page_key(given))
            return {"ended": True}
        if name in numbered:
            # noted as it comes in, not when its turn has come: those that wait shall know of it
            check = self.sessions.number(page_key(given), whole(given, "number", 0, 2**53))
            pause, work = self._pausing(check) if name in SEARCHES else check, numbered[name]
            return self._worked(given, lambda: work(given, pause), check, long=name in SEARCHES)
        if name not in lists and name not in once:
            raise InputError(f"there is no request {name[:40]!r}")
        check = self.sessions.open_still(page_key(given)) if "page" in given else _unasked
        if name in lists:
            return self._worked(given, lambda: lists[name](given, self._pausing(check)), check, long=True)
        return self._worked(given, lambda: once[name](given), check)

    def put_in(self, key: str, photo: bytes) -> Given:
        """Takes a photograph, as the bytes of its file, for the page of this key."""
        check = self.sessions.open_still(key)
        return self._worked(
            {"page": key}, lambda: {"upload": self.sessions.keep(key, read_photo(photo, self.opened[0]))}, check
        )

    def close(self) -> None:
        """Ends the work, and forgets all pages."""
        self.worker.close()
        self.sessions.end_all()

    def _worked(self, given: Given, work: Callable[[], Given], check: Check, *, long: bool = False) -> Given:
        return self.worker.do(work, page=given.get("page", ""), check=check, long=long)

    def _pausing(self, check: Check) -> Check:
        """A check of long work, at which other requests are answered."""

        def pause() -> None:
            check()
            self.worker.pause()
            check()

        return pause


def _unasked() -> None:
    """Work that belongs to no page is never superseded."""
