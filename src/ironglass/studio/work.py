"""The one thread that works on networks and pictures: a bounded queue, in which newer requests take older ones out."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import Any, TypeVar

from ironglass.studio.connections import ServerBusy
from ironglass.studio.superseded import Check, Superseded

Answer = TypeVar("Answer")


@dataclass(kw_only=True)
class _Job:
    work: Callable[[], Any]
    check: Check
    page: str
    long: bool
    done: Future[Any] = field(default_factory=Future)

    def run(self) -> None:
        try:
            self.check()
            self.done.set_result(self.work())
        except BaseException as error:  # whoever waits for it raises it
            self.done.set_exception(error)


class Worker:
    """A thread that does one thing after another, of which at most so many wait, and of one page fewer."""

    def __init__(self, most: int, most_of_a_page: int) -> None:
        self.most, self.most_of_a_page = most, most_of_a_page
        self._waiting: deque[_Job] = deque()
        self._changed, self._ended = threading.Condition(), False
        self._thread = threading.Thread(target=self._run, name="studio", daemon=True)
        self._thread.start()

    def do(
        self, work: Callable[[], Answer], *, page: str = "", check: Check = lambda: None, long: bool = False
    ) -> Answer:
        """Gives what the work gives, when its turn has come.

        page: whose work it is; "" for nobody's. check: raises `Superseded` once nobody waits for it any more. long: it
        calls `pause` now and then.

        Raises `ServerBusy` where too much waits already, `Superseded`, and what the work raises.
        """
        job = _Job(work=work, check=check, page=page, long=long)
        with self._changed:
            self._drop()
            check()
            if self._ended:
                raise ServerBusy("the studio has ended")
            if len(self._waiting) >= self.most:
                raise ServerBusy("the studio is busy: wait a moment")
            if page and sum(one.page == page for one in self._waiting) >= self.most_of_a_page:
                raise ServerBusy("this page asks too much at once: wait a moment")
            self._waiting.append(job)
            self._changed.notify()
        return job.done.result()

    def pause(self) -> None:
        """Within long work: does the short work that waits, so that others can go on painting."""
        with self._changed:
            if self._ended:
                raise Superseded
            self._drop()
            short = [job for job in self._waiting if not job.long]
            self._waiting = deque(job for job in self._waiting if job.long)
        for job in short:
            job.run()

    def close(self) -> None:
        """Ends the thread after what it is at; what waits is refused."""
        with self._changed:
            self._ended = True
            while self._waiting:
                self._waiting.popleft().done.set_exception(ServerBusy("the studio has ended"))
            self._changed.notify()
        self._thread.join(timeout=5)

    def __len__(self) -> int:
        """The number of those that wait."""
        return len(self._waiting)

    def _drop(self) -> None:
        """Answers at once whoever need not wait any more."""
        remaining = deque[_Job]()
        for job in self._waiting:
            try:
                job.check()
                remaining.append(job)
            except Superseded as error:
                job.done.set_exception(error)
        self._waiting = remaining

    def _run(self) -> None:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._waiting or self._ended)
                if not self._waiting:
                    return
                job = self._waiting.popleft()
            job.run()
