"""Queue, memory and pages are bounded; newer requests take older ones out; a page's state ends with the page."""

import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import torch

from ironglass.errors import InputError
from ironglass.studio import app, sessions
from ironglass.studio.answers import answers
from ironglass.studio.app import Studio
from ironglass.studio.connections import ConnectionLimit, Room, ServerBusy
from ironglass.studio.load import Opened
from ironglass.studio.sessions import Sessions
from ironglass.studio.superseded import Superseded
from ironglass.studio.work import Worker

Hold = Callable[[], threading.Event]


def until(what: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 30
    while not what():
        assert time.monotonic() < deadline
        time.sleep(0.005)


class Asked(threading.Thread):
    """Work that is asked for in a thread of its own; `found` is what it gave, or raised."""

    def __init__(self, worker: Worker, work: Callable[[], Any], **given: Any) -> None:
        super().__init__()
        self.worker, self.work, self.given, self.found = worker, work, given, None
        self.start()

    def run(self) -> None:
        try:
            self.found = self.worker.do(self.work, **self.given)
        except Exception as error:
            self.found = error


@pytest.fixture
def worker() -> Iterator[Worker]:
    worker = Worker(most=6, most_of_a_page=2)
    yield worker
    worker.close()
    assert not worker._thread.is_alive()


@pytest.fixture
def go(worker: Worker) -> Iterator[threading.Event]:
    """The worker is at work until this is set."""
    begun, go = threading.Event(), threading.Event()
    thread = Asked(worker, lambda: (begun.set(), go.wait(30)))
    begun.wait(30)
    yield go
    go.set()
    thread.join(30)


def test_so_much_waits_and_no_more(worker: Worker, go: threading.Event) -> None:
    asked = [Asked(worker, lambda i=i: i, page=f"page {i // 2}") for i in range(6)]
    until(lambda: len(worker) == 6)
    with pytest.raises(ServerBusy, match="studio is busy"):
        worker.do(lambda: None, page="another")
    go.set()
    for one in asked:
        one.join(30)
    assert [one.found for one in asked] == [*range(6)]
    assert worker.do(lambda: 3) == 3


def test_one_page_does_not_take_the_whole_queue(worker: Worker, go: threading.Event) -> None:
    asked = [Asked(worker, lambda: 1, page="greedy") for _ in range(2)]
    until(lambda: len(worker) == 2)
    with pytest.raises(ServerBusy, match="this page asks too much"):
        worker.do(lambda: 1, page="greedy")
    other = Asked(worker, lambda: 2, page="other")
    go.set()
    for one in (*asked, other):
        one.join(30)
    assert [one.found for one in (*asked, other)] == [1, 1, 2]


def test_what_is_superseded_makes_room_at_once(worker: Worker, go: threading.Event) -> None:
    pages = Sessions()
    key, done = pages.open(), []
    asked = []
    for number in range(20):
        check = pages.number(key, number)
        asked.append(Asked(worker, lambda number=number: done.append(number), page=key, check=check))
        until(lambda: len(worker) == 1 or asked[-1].found is not None)
    until(lambda: all(isinstance(one.found, Superseded) for one in asked[:-1]))
    go.set()
    asked[-1].join(30)
    assert done == [19]


def test_short_work_is_done_in_the_pauses_of_long_work(worker: Worker) -> None:
    order, begun, asked = [], threading.Event(), threading.Event()

    def long() -> str:
        order.append("long begins")
        begun.set()
        asked.wait(30)
        worker.pause()
        order.append("long ends")
        return "long"

    first = Asked(worker, long, long=True)
    begun.wait(30)
    second = Asked(worker, lambda: order.append("second long"), long=True)
    until(lambda: len(worker) == 1)
    broken = Asked(worker, lambda: 1 / 0)
    short = Asked(worker, lambda: order.append("short"))
    until(lambda: len(worker) == 3)
    asked.set()
    for one in (first, second, short, broken):
        one.join(30)
    assert order == ["long begins", "short", "long ends", "second long"]
    assert isinstance(broken.found, ZeroDivisionError)
    assert first.found == "long"


def test_closing_refuses_what_waits_and_ends_long_work() -> None:
    worker, begun = Worker(9, 9), threading.Event()

    def forever() -> None:
        begun.set()
        while True:
            worker.pause()

    long, waiting = Asked(worker, forever, long=True), None
    begun.wait(30)
    waiting = Asked(worker, lambda: 1, long=True)
    until(lambda: len(worker) == 1)
    worker.close()
    for one in (long, waiting):
        one.join(30)
    assert isinstance(long.found, Superseded)
    assert isinstance(waiting.found, ServerBusy)
    with pytest.raises(ServerBusy, match="has ended"):
        worker.do(lambda: 1)


@pytest.mark.parametrize("name", ["smallest", "worst"])
def test_painting_goes_on_while_somebody_looks_for_something(studio: Studio, monkeypatch, name: str) -> None:
    """Between two parts of a long search a view of another page is answered; a newer request calls the search off."""
    part, views = getattr(answers, "smallest_steps" if name == "smallest" else "worst_position"), []
    key, other = (studio.answer("begin", {})["page"] for _ in range(2))

    def searching(*given: Any, **named: Any) -> Any:
        *rest, check = given

        def checked() -> None:
            if not views:
                thread = threading.Thread(
                    target=lambda: views.append(studio.answer("view", {"page": other, "index": 1, "number": 1}))
                )
                thread.start()
                until(lambda: len(studio.worker) == 1)
                check()
                thread.join(30)
                studio.sessions.number(key, 2)
            check()

        return part(*rest, checked, **named)

    monkeypatch.setattr(answers, part.__name__, searching)
    given = {"page": key, "index": 0, "number": 1, "attack": "fgsm", "side": 4, "fill": "grey"}
    with pytest.raises(Superseded):
        studio.answer(name, given)
    assert "top" in views[0]


def test_a_page_that_ends_takes_its_pictures_along(ask, studio: Studio, place) -> None:
    page, other = (ask("POST", "ask/begin", {})[1]["page"] for _ in range(2))
    photo = (place / "photos" / "dark" / "00.png").read_bytes()
    upload, kept = (ask("POST", f"photo/{key}", photo)[1]["upload"] for key in (page, other))
    state = studio.sessions._pages[page]
    assert ask("POST", "ask/end", {"page": page})[1] == {"ended": True}
    assert not state.pictures
    assert len(studio.sessions) == 1
    for name, given in (("view", {"number": 2, "upload": upload}), ("numbers", {"upload": upload}), ("pictures", {})):
        status, said, _ = ask("POST", f"ask/{name}", {"page": page, **given})
        assert (status, said) == (422, {"error": "this page is too old: reload it"})
    assert ask("POST", "ask/view", {"page": other, "number": 1, "upload": kept})[0] == 200
    studio.close()
    assert len(studio.sessions) == 0


def test_nobody_waits_for_a_page_that_has_ended(studio: Studio) -> None:
    begun, go = threading.Event(), threading.Event()
    busy = Asked(studio.worker, lambda: (begun.set(), go.wait(30)))
    begun.wait(30)
    key = studio.answer("begin", {})["page"]
    asked = []
    for name in ("view", "pictures"):
        given = {"page": key, "index": 0, "number": 1}
        thread = threading.Thread(target=lambda name=name, given=given: _superseded(studio, name, given))
        thread.start()
        asked.append(thread)
    until(lambda: len(studio.worker) == 2)
    studio.answer("end", {"page": key})
    go.set()
    for one in (busy, *asked):
        one.join(30)
    assert len(studio.worker) == 0


def _superseded(studio: Studio, name: str, given: dict[str, Any]) -> None:
    with pytest.raises(Superseded):
        studio.answer(name, given)


def test_a_page_that_is_not_heard_of_is_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [1000.0]
    monkeypatch.setattr(sessions.time, "monotonic", lambda: now[0])
    pages = Sessions()
    first, second = pages.open(), pages.open()
    now[0] += 3600 * sessions.HOURS - 1
    pages.number(second, 1)
    now[0] += 2
    with pytest.raises(InputError, match="reload"):
        pages.number(first, 1)
    pages.number(second, 2)
    assert len(pages) == 1


def test_pictures_of_all_pages_share_one_room(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sessions, "MOST_BYTES", 10 * 300)
    pages, picture = Sessions(), torch.rand(1, 3, 10, 10).mul(255).round().div(255)
    modest, greedy = pages.open(), pages.open()
    kept = pages.keep(modest, picture)
    names = [pages.keep(greedy, picture) for _ in range(12)]
    assert torch.equal(pages.picture(modest, kept), picture)
    for i, name in enumerate(names):
        if i < 3:
            with pytest.raises(InputError, match="put it in again"):
                pages.picture(greedy, name)
        else:
            pages.picture(greedy, name)


def test_a_room_is_full_and_free_again() -> None:
    room = Room(100)
    with room.reserve(60, 1):
        with pytest.raises(ServerBusy), room.reserve(41, 0.01):
            pass
        with room.reserve(40, 1):
            assert room.reserved == 100
    with room.reserve(10**9, 1):
        assert room.reserved == 100
    assert room.reserved == 0


def test_places_are_refused_where_all_are_at_work() -> None:
    places, connections = ConnectionLimit(1), [torch.nn.Identity() for _ in range(2)]
    assert places.enter(connections[0])  # type: ignore[arg-type]
    places.working(connections[0])  # type: ignore[arg-type]
    assert not places.enter(connections[1], 0.01)  # type: ignore[arg-type]
    places.leave(connections[0])  # type: ignore[arg-type]
    assert places.enter(connections[1])  # type: ignore[arg-type]


def test_all_these_numbers_admit_fifty_pages(opened: tuple[Opened, ...]) -> None:
    from ironglass.studio.server import CONNECTIONS

    assert min(sessions.MOST_PAGES, app.WAITING, CONNECTIONS) >= 100
