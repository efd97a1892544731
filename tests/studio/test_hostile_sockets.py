"""Sockets that are slow, silent, deaf, many, or gone: the others are answered, and nothing of them stays."""

import http.client
import json
import socket
import struct
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import pytest

from ironglass.studio.handler import Handler
from ironglass.studio.server import CONNECTIONS, Server

Connect = Callable[[], socket.socket]
pytestmark = pytest.mark.usefixtures("unharmed")


def request(server: Server, name: str = "ask/begin", body: bytes = b"{}", **headers: Any) -> bytes:
    host = f"127.0.0.1:{server.server_port}"
    lines = {"Host": host, "Origin": f"http://{host}", "Content-Type": "application/json", "Content-Length": len(body)}
    lines |= {name.replace("_", "-"): value for name, value in headers.items()}
    sent = "".join(f"{name}: {value}\r\n" for name, value in lines.items())
    return f"POST /{server.token}/{name} HTTP/1.1\r\n{sent}\r\n".encode() + body


@pytest.fixture
def connect(server: Server, unharmed: None) -> Iterator[Connect]:
    """Opens a connection, which is closed after the test."""
    with ExitStack() as stack:
        yield lambda: stack.enter_context(socket.create_connection(("127.0.0.1", server.server_port), timeout=30))


def answer(client: socket.socket) -> tuple[int, dict[str, Any]]:
    found = http.client.HTTPResponse(client)
    found.begin()
    return found.status, json.loads(found.read())


@pytest.fixture
def busy(studio, unharmed: None) -> Iterator[None]:
    """The network is at work for as long as the test takes."""
    begun, go = threading.Event(), threading.Event()
    thread = threading.Thread(target=studio.worker.do, args=(lambda: (begun.set(), go.wait(60)),))
    thread.start()
    begun.wait(30)
    yield
    go.set()
    thread.join()


@pytest.mark.parametrize("most", [0, 1, 60, 200])
def test_a_head_that_comes_byte_by_byte_is_left(
    server: Server, connect: Connect, monkeypatch: pytest.MonkeyPatch, most: int
) -> None:
    monkeypatch.setattr(Handler, "idle", 0.5)
    monkeypatch.setattr(Handler, "head", 0.5)
    started = time.monotonic()
    client = connect()
    for byte in request(server)[:most]:
        if time.monotonic() - started > 1:
            break
        client.send(bytes([byte]))
        time.sleep(0.02)
    if most == 0:
        assert client.recv(1) == b""
    else:
        assert answer(client) == (408, {"error": "the request did not come in time"})
    assert time.monotonic() - started < 5


def test_a_body_that_comes_byte_by_byte_is_left(
    server: Server, connect: Connect, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Handler, "body", 0.5)
    client = connect()
    client.sendall(request(server, Content_Length=1000))
    for _ in range(20):
        client.send(b" ")
        time.sleep(0.02)
    assert answer(client) == (408, {"error": "the request did not come in time"})


@pytest.mark.parametrize("sent", [b"", b"POST", b"GET / HTTP/1.1\r\nHost: "], ids=repr)
def test_many_that_say_nothing_keep_nobody_out(ask, server: Server, connect: Connect, sent: bytes) -> None:
    clients, before = [], threading.active_count()
    for _ in range(2 * CONNECTIONS):
        clients.append(connect())
        clients[-1].sendall(sent)
    assert ask("POST", "ask/begin", {})[0] == 200
    assert len(server.connections) <= CONNECTIONS
    assert threading.active_count() <= before + CONNECTIONS


def test_where_all_places_are_at_work_one_more_is_refused(server: Server, connect: Connect, busy) -> None:
    server.connections.most = 2
    page = server.studio.answer("begin", {})["page"]
    waiting = [connect(), connect()]
    for number, client in enumerate(waiting):
        client.sendall(request(server, "ask/view", json.dumps({"page": page, "number": 1 + number}).encode()))
    # the older one has been answered, and its connection is idle: it makes room
    assert answer(waiting[0]) == (200, {"superseded": True})
    client = connect()
    client.sendall(request(server, "ask/numbers", json.dumps({"page": page}).encode()))
    last = connect()
    assert answer(last) == (503, {"error": "too many connections: wait a moment"})


def test_a_client_that_never_reads_is_left(
    ask, server: Server, connect: Connect, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Handler, "body", 1)
    monkeypatch.setattr(server.studio, "answer", lambda *_: {"error": "x" * 20_000_000})
    for _ in range(12):
        connect().sendall(request(server))
    deadline = time.monotonic() + 20
    while (server.room.reserved or len(server.connections)) and time.monotonic() < deadline:
        assert server.room.reserved <= server.room.most
        time.sleep(0.02)
    assert time.monotonic() < deadline
    monkeypatch.undo()
    assert ask("POST", "ask/begin", {})[0] == 200


@pytest.mark.parametrize("after", [0, 10, 150, None])
def test_clients_that_break_off_are_forgotten(server: Server, connect: Connect, after: int | None) -> None:
    page = server.studio.answer("begin", {})["page"]
    asked = request(server, "ask/view", json.dumps({"page": page, "index": 0, "number": 1}).encode())
    for _ in range(30):
        client = connect()
        client.sendall(asked[:after])
        client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))  # reset, not closed


def test_one_connection_is_answered_in_order(server: Server, connect: Connect) -> None:
    client = connect()
    client.sendall(request(server, "ask/nothing") * 50 + request(server, Connection="close"))
    found = b"".join(iter(lambda: client.recv(2**16), b""))
    assert found.count(b"HTTP/1.1 422") == 50
    assert found.count(b"HTTP/1.1 200") == 1


def test_what_is_let_in_may_go_on(server: Server, connect: Connect) -> None:
    client = connect()
    asked = request(server, Expect="100-continue")
    client.sendall(asked[:-2])
    assert client.recv(99) == b"HTTP/1.1 100 Continue\r\n\r\n"
    client.sendall(asked[-2:])
    assert answer(client)[0] == 200


def test_pictures_that_come_at_once_share_one_room(
    server: Server, connect: Connect, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Twenty files of 20 MB are sent at once, and none whole: at most six are held; the rest is told to wait."""
    monkeypatch.setattr(Handler, "body", 1)
    page = server.studio.answer("begin", {})["page"]
    clients = [connect() for _ in range(20)]
    for client in clients:
        client.sendall(request(server, f"photo/{page}", Content_Length=20 * 2**20))
    found = sorted(answer(client) for client in clients)
    assert server.room.reserved <= server.room.most
    assert {status for status, _ in found} == {408, 503}
    assert all("wait a moment" in said["error"] for status, said in found if status == 503)


def test_a_picture_too_large_is_refused_though_all_of_it_is_sent(server: Server, connect: Connect) -> None:
    client = connect()
    client.sendall(request(server, "photo/x", bytes(21 * 2**20)))
    assert answer(client) == (413, {"error": "more than 20 MB"})
