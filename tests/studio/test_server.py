"""The server: who is answered, what is refused, and that it is still up afterwards."""

import io
import json
import socket
import threading
from typing import Any

import numpy as np
import pytest
from PIL import Image

from ironglass.studio.handler import FILES
from ironglass.studio.server import Server


def png(size: tuple[int, int] = (30, 20), kind: str = "PNG") -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(np.random.default_rng(0).integers(0, 255, (*size[::-1], 3), dtype=np.uint8)).save(buffer, kind)
    return buffer.getvalue()


@pytest.fixture
def page(ask) -> str:
    return ask("POST", "ask/begin", {})[1]["page"]


@pytest.mark.parametrize("name", list(FILES))
def test_the_page_needs_nothing_from_elsewhere(ask, name: str) -> None:
    status, body, headers = ask("GET", name)
    assert status == 200
    assert body
    assert b"http://" not in body
    assert b"https://" not in body
    assert headers["Content-Security-Policy"].startswith("default-src 'none'; script-src 'self';")
    assert "unsafe" not in headers["Content-Security-Policy"]
    assert headers["Referrer-Policy"] == "no-referrer"
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert "Access-Control-Allow-Origin" not in headers


def test_it_listens_to_this_machine_alone(server: Server) -> None:
    assert server.server_address[0] == "127.0.0.1"


@pytest.mark.parametrize("token", ["", "wrong", "%C3%BC", "x" * 32])
@pytest.mark.parametrize(("method", "path"), [("GET", ""), ("GET", "studio.js"), ("POST", "ask/begin")])
def test_no_answer_without_the_token(ask, method: str, path: str, token: str) -> None:
    status, said, _ = ask(method, path, {} if method == "POST" else None, token=token)
    assert status == 403
    assert "token" in said["error"]


def test_two_servers_have_two_long_tokens(studio, server: Server) -> None:
    with Server(studio) as other:
        assert other.token != server.token
        assert len(other.token) >= 32


def test_bytes_that_are_no_text_are_no_token(ask, server: Server) -> None:
    with socket.create_connection(("127.0.0.1", server.server_port)) as client:
        client.sendall(b"GET /\xff\xfe/ HTTP/1.1\r\nHost: 127.0.0.1:%d\r\n\r\n" % server.server_port)
        assert client.recv(99).startswith(b"HTTP/1.1 403")


HOSTS = ("evil.example", "evil.example:{port}", "127.0.0.1", "127.0.0.1:1", "127.0.0.1.evil.example:{port}", "")


@pytest.mark.parametrize("host", HOSTS)
@pytest.mark.parametrize(("method", "path"), [("GET", ""), ("POST", "ask/begin")])
def test_a_foreign_host_is_refused(ask, server: Server, method: str, path: str, host: str) -> None:
    host = host.format(port=server.server_port)
    status, _, _ = ask(method, path, {} if method == "POST" else None, Host=host, Origin=f"http://{host}")
    assert status == 403
    assert ask("GET", "", Host=f"localhost:{server.server_port}")[0] == 200


@pytest.mark.parametrize(
    "origin", [None, "null", "http://evil.example", "https://127.0.0.1:{port}", "http://127.0.0.1:1"]
)
def test_a_foreign_origin_is_refused(ask, server: Server, origin: str | None) -> None:
    origin = origin and origin.format(port=server.server_port)
    assert ask("POST", "ask/begin", {}, Origin=origin)[0] == 403


@pytest.mark.parametrize(
    "path", ["../pyproject.toml", "%2e%2e/app.py", "app.py", "/etc/passwd", "studio.js/", "studio.html"]
)
def test_no_path_is_opened(ask, path: str) -> None:
    assert ask("GET", path)[0] == 404


WRONG: list[tuple[str, Any, dict[str, Any], int]] = [
    ("ask/begin", b"", {}, 400),
    ("ask/begin", b"[" * 100_000, {}, 400),
    ("ask/begin", b"[]", {}, 400),
    ("ask/begin", b"\xff{}", {}, 400),
    ("ask/begin", {}, {"Content_Type": "text/plain"}, 415),
    ("ask/begin", None, {"Content_Length": str(10**9)}, 413),
    ("ask/begin", None, {"Content_Length": "9" * 5000}, 413),
    ("ask/begin", None, {"Content_Length": "-1"}, 411),
    ("ask/begin", None, {"Content_Length": None}, 411),
    ("ask/begin", b"0\r\n\r\n", {"Transfer_Encoding": "chunked"}, 411),
    ("ask/__init__", {}, {}, 422),
    ("ask/view", {}, {}, 422),
    ("elsewhere", {}, {}, 404),
    ("photo/no-such-page", png(), {}, 422),
]


@pytest.mark.parametrize(("path", "body", "headers", "status"), WRONG)
def test_a_wrong_request_is_refused_in_a_line(ask, path: str, body: Any, headers: dict, status: int) -> None:
    found, said, _ = ask("POST", path, body, **headers)
    assert found == status
    assert 0 < len(said["error"]) < 300
    assert ask("POST", "ask/begin", {})[0] == 200


FIELDS: list[dict[str, Any]] = [
    *({"index": value} for value in (-1, 10**9, "0", True)),
    *({"upload": value} for value in ("x", {})),
    *({"number": value} for value in (-1, None)),
    *({"page": value} for value in ("x", [])),
    *({"method": value} for value in ("grad", [])),
    *({"target": value} for value in (2, "dark")),
    *({"steps": value} for value in (65, 0.5)),
    {"model": 2}, {"strokes": 3}, {"attack": "ensemble"}, {"norm": "l1"},
]  # fmt: skip


@pytest.mark.parametrize("wrong", FIELDS, ids=str)
def test_a_wrong_field_is_refused_in_a_line(ask, page: str, wrong: dict[str, Any]) -> None:
    status, said, _ = ask("POST", "ask/view", {"page": page, "index": 0, "number": 1} | wrong)
    assert status == 422
    assert 0 < len(said["error"]) < 300


def test_a_photo_is_brought_to_size_and_belongs_to_its_page(ask, page: str) -> None:
    status, found, _ = ask("POST", f"photo/{page}", png())
    assert status == 200
    asked = {"page": page, "number": 1, "upload": found["upload"]}
    seen = ask("POST", "ask/view", asked)[1]
    assert (seen["before"]["height"], seen["before"]["width"], seen["label"]) == (24, 24, None)
    other = ask("POST", "ask/begin", {})[1]["page"]
    assert ask("POST", "ask/view", asked | {"page": other})[0] == 422


HOSTILE = {
    "nothing": b"",
    "text": b"hello" * 100,
    "svg": b"<svg xmlns='http://www.w3.org/2000/svg'><script>alert(1)</script></svg>",
    "path": b"/etc/passwd",
    "cut": png()[:200],
    "bomb": png()[:16] + (10**6).to_bytes(4, "big") * 2 + png()[24:],
    "page": b"GIF89a<html><script>alert(1)</script>",
}


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_photo_is_refused_in_a_line(ask, page: str, name: str) -> None:
    status, said, _ = ask("POST", f"photo/{page}", HOSTILE[name])
    assert status == 422
    assert said["error"].startswith("the picture cannot be read: ")
    assert ask("POST", f"photo/{page}", png(kind="JPEG"))[0] == 200


def test_a_photo_too_large_is_refused_unread(ask, page: str) -> None:
    assert ask("POST", f"photo/{page}", None, Content_Length=str(21 * 2**20))[0] == 413


def test_the_newest_request_wins(ask, page: str, studio) -> None:
    """While the network is busy five come in, in any order; the newest is answered, the others need not wait for it."""
    begun, go = threading.Event(), threading.Event()
    busy = threading.Thread(target=studio.worker.do, args=(lambda: (begun.set(), go.wait(30)),))
    busy.start()
    begun.wait(30)
    answers: dict[int, Any] = {}

    def send(number: int) -> None:
        answers[number] = ask("POST", "ask/view", {"page": page, "index": 0, "number": number})[1]

    threads = {number: threading.Thread(target=send, args=(number,)) for number in (1, 2, 5, 3, 4)}
    for thread in threads.values():
        thread.start()
    for number in (1, 2, 3, 4):
        threads[number].join(30)
    assert answers == {number: {"superseded": True} for number in (1, 2, 3, 4)}
    assert len(studio.worker) == 1
    go.set()
    for thread in (threads[5], busy):
        thread.join(30)
    assert "top" in answers[5]


def test_another_page_supersedes_nothing(ask, page: str) -> None:
    other = ask("POST", "ask/begin", {})[1]["page"]
    assert "top" in ask("POST", "ask/view", {"page": other, "index": 0, "number": 9})[1]
    assert "top" in ask("POST", "ask/view", {"page": page, "index": 0, "number": 1})[1]
    assert ask("POST", "ask/view", {"page": page, "index": 0, "number": 0})[1] == {"superseded": True}


def test_what_is_not_looked_for_is_said_and_does_not_end_it(ask, studio, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(name: str, given: Any) -> Any:
        raise RuntimeError("a bug")

    monkeypatch.setattr(studio, "answer", broken)
    status, said, _ = ask("POST", "ask/begin", {})
    assert (status, said) == (500, {"error": "this went wrong in the studio: RuntimeError: a bug"})
    monkeypatch.undo()
    assert ask("POST", "ask/begin", {})[0] == 200


def test_oldest_pages_and_pictures_are_forgotten(ask, page: str, studio) -> None:
    from ironglass.studio.sessions import MOST_PAGES, MOST_PICTURES

    first = studio.put_in(page, png())["upload"]
    *_, last = (studio.put_in(page, png())["upload"] for _ in range(MOST_PICTURES))
    asked = {"page": page, "number": 1}
    assert ask("POST", "ask/view", asked | {"upload": first})[0] == 422
    assert ask("POST", "ask/view", asked | {"upload": last})[0] == 200
    for _ in range(MOST_PAGES):
        studio.answer("begin", {})
    assert "reload" in ask("POST", "ask/view", asked | {"upload": last})[1]["error"]


def test_answers_are_json_that_browsers_read(ask, page: str) -> None:
    seen = ask("POST", "ask/view", {"page": page, "index": 0, "number": 1, "method": "saliency"})[1]
    json.dumps(seen, allow_nan=False)
