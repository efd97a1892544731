"""Requests that keep to no rule: each is refused in a line, and the server is up and small afterwards."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from ironglass.studio.server import Server

pytestmark = pytest.mark.usefixtures("unharmed")
Send = Callable[[bytes], tuple[int, dict[str, Any]]]

GET = b"GET /TOKEN/ HTTP/1.1\r\nHost: HOST\r\n"
POST = b"POST /TOKEN/ask/begin HTTP/1.1\r\nHost: HOST\r\nOrigin: http://HOST\r\nContent-Type: application/json\r\n"
TWO = b"Content-Length: 2\r\n\r\n{}"

NO_HTTP: dict[str, tuple[bytes, int]] = {
    "noise": (b"\x00\xff\xfe\n" * 200, 400),
    "tls": (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"\x00" * 500, 400),
    "empty line": (b"\r\n", 400),
    "http 0.9": (b"GET /\r\n", 400),
    "http 0.9 with the token": (b"GET /TOKEN/\r\n", 400),
    "http 2": (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 505),
    "http 9": (b"GET /TOKEN/ HTTP/9.9\r\nHost: HOST\r\n\r\n", 505),
    "http 1.x": (b"GET /TOKEN/ HTTP/1.x\r\nHost: HOST\r\n\r\n", 400),
    "http 1.1.1": (b"GET /TOKEN/ HTTP/1.1.1\r\nHost: HOST\r\n\r\n", 400),
    "ssh": (b"SSH-2.0-OpenSSH_9.7\r\n", 400),
    "smtp": (b"EHLO evil.example\r\nMAIL FROM:<a@b>\r\n", 400),
    "redis": (b"*1\r\n$8\r\nFLUSHALL\r\n", 400),
    "four words": (b"GET /TOKEN/ more HTTP/1.1\r\nHost: HOST\r\n\r\n", 400),
    "long line": (b"GET /" + b"a" * 70_000 + b" HTTP/1.1\r\n\r\n", 431),
    "no end of line": (b"a" * 200_000, 431),
}
HEADERS: dict[str, tuple[bytes, int]] = {
    "no host": (b"GET /TOKEN/ HTTP/1.1\r\n\r\n", 400),
    "no host of http 1.0": (b"GET /TOKEN/ HTTP/1.0\r\n\r\n", 400),
    "two hosts": (GET + b"Host: HOST\r\n\r\n", 400),
    "two hosts, one foreign": (GET + b"Host: evil.example\r\n\r\n", 400),
    "two origins": (POST + b"Origin: http://evil.example\r\n" + TWO, 400),
    "two types": (POST + b"Content-Type: text/plain\r\n" + TWO, 400),
    "two lengths": (POST + b"Content-Length: 1\r\n" + TWO, 400),
    "folded host": (b"GET /TOKEN/ HTTP/1.1\r\nHost: HOST\r\n .evil.example\r\n\r\n", 403),
    "no colon": (GET + b"nothing\r\n\r\n", 400),
    "space before the colon": (POST + b"Content-Length : 2\r\n" + TWO, 400),
    "101 headers": (GET + b"".join(b"X-%d: 1\r\n" % i for i in range(101)) + b"\r\n", 431),
    "one long header": (GET + b"X: " + b"a" * 70_000 + b"\r\n\r\n", 431),
    "headers of 10 MB": (GET + b"X: 1\r\n" * 1_700_000, 431),
    "websocket": (GET + b"Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n\r\n", 400),
    "body of a GET": (GET + TWO, 400),
    "chunks of a GET": (GET + b"Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400),
}
BODIES: dict[str, tuple[bytes, int]] = {
    "length too short": (POST + b"Content-Length: 1\r\n\r\n{}", 400),
    "length too long": (POST + b"Content-Length: 9\r\n\r\n{}", 400),
    "no length": (POST + b"\r\n{}", 411),
    **{f"length {word!r}": (POST + b"Content-Length: " + word + b"\r\n\r\n{}", 411)
       for word in (b"-1", b"+2", b"0x2", b"2.0", b"2e0", b"2, 2", b"two", b"\xb2", b"")},
    "length of 100 digits": (POST + b"Content-Length: " + b"9" * 100 + b"\r\n\r\n{}", 413),
    "length of 2 MB": (POST + b"Content-Length: 2097152\r\n\r\n" + b" " * 2**21, 413),
    "chunked": (POST + b"Transfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n", 411),
    "chunked, and a length": (POST + b"Transfer-Encoding: chunked\r\n" + TWO, 411),
    "packed": (POST + b"Transfer-Encoding: gzip\r\n" + TWO, 411),
    "expects to be refused": (POST + b"Expect: 100-continue\r\nContent-Length: 99999999\r\n\r\n", 413),
    "a form": (POST.replace(b"application/json", b"application/x-www-form-urlencoded") + TWO, 415),
    "plain text": (POST.replace(b"application/json", b"text/plain") + TWO, 415),
    "nested deep": (POST + b"Content-Length: 1000000\r\n\r\n" + b'{"a":' * 200_000, 400),
    "lists nested deep": (POST + b"Content-Length: 1000000\r\n\r\n" + b"[" * 1_000_000, 400),
    **{f"json {text[:20]!r}": (POST + b"Content-Length: %d\r\n\r\n%s" % (len(text), text), 400)
       for text in (b"NaN", b'{"number": NaN}', b'{"number": -Infinity}', b'{"number": 1' + b"0" * 9000 + b"}", b"null",
                    b'"{}"', b"{} {}", b"{'a': 1}", b"\xff\xfe{}", b"{\x00}", b"1e999")},
}  # fmt: skip
ALL = NO_HTTP | HEADERS | BODIES


@pytest.mark.parametrize("name", ALL)
def test_it_is_refused_in_a_line(send: Send, name: str) -> None:
    content, expected = ALL[name]
    status, said = send(content)
    assert status == expected
    assert list(said) == ["error"]
    assert 0 < len(said["error"]) < 200
    assert "\n" not in said["error"]


METHODS = ("PUT", "DELETE", "TRACE", "OPTIONS", "PATCH", "CONNECT", "PROPFIND", "get", "GET_", "__init__", "GET\x00")


@pytest.mark.parametrize("method", METHODS)
def test_other_methods_are_refused(send: Send, method: str) -> None:
    status, said = send(GET.replace(b"GET", method.encode()) + b"X-Secret: cookie\r\n\r\n")
    assert (status, said) == (405, {"error": "the studio takes GET and POST alone"})


@pytest.mark.parametrize(
    "target",
    [
        b"*", b"http://evil.example/", b"http://HOST/TOKEN/", b"TOKEN/", b"/", b"//", b"/TOKEN", b"/TOKEN%2F",
        b"/TOKENX/", b"/%54OKEN/", b"/TOKEN\x00/", b"/" + b"../" * 9000, b"/?token=TOKEN",
        b"/#TOKEN/", b"/\xf0\x9f\x98\x80/",
    ],
    ids=lambda target: repr(target[:24]),
)  # fmt: skip
def test_without_the_token_first_nothing_is_answered(send: Send, target: bytes) -> None:
    status, said = send(b"GET " + target + b" HTTP/1.1\r\nHost: HOST\r\n\r\n")
    assert (status, "token" in said["error"]) == (403, True)


@pytest.mark.parametrize(
    "name",
    [
        b"../server.py", b"..%2fserver.py", b"%2e%2e/server.py", b"..\\server.py", b"....//server.py", b"studio.js/..",
        b"studio.js%00.png", b"studio.js?x=1", b"C:\\Windows\\win.ini", b"file:///etc/passwd", b"/etc/passwd", b".",
        b"studio.js%0d%0aSet-Cookie:%20a=b", b"page/studio.js", b"STUDIO.JS", b"%73tudio.js", b"TOKEN/", b"favicon.ico",
    ],
    ids=repr,
)  # fmt: skip
def test_no_name_opens_a_file(send: Send, name: bytes) -> None:
    status, said = send(GET.replace(b"/TOKEN/", b"/TOKEN/" + name) + b"\r\n")
    assert (status, said) == (404, {"error": "there is nothing of this name"})


@pytest.mark.parametrize(
    "host",
    [
        "rebound.example:{port}", "localhost.evil.example:{port}", "127.0.0.1:{port}@evil.example", "[::1]:{port}",
        "0.0.0.0:{port}", "127.1:{port}", "2130706433:{port}", "127.0.0.2:{port}", "localhost", "localhost:80",
        "localhost:{port}.evil.example", "127.0.0.1:0{port}",
    ],
)  # fmt: skip
def test_a_name_that_points_here_is_not_ours(send: Send, server: Server, host: str) -> None:
    named = host.format(port=server.server_port).encode()
    for request in (GET + b"\r\n", POST + TWO):
        status, said = send(request.replace(b"HOST", named))
        assert (status, "127.0.0.1" in said["error"]) == (403, True)


@pytest.mark.parametrize(
    "origin",
    ["", "null", "http://localhost:HOST", "http://HOST.evil.example", "http://evil.example#http://HOST", "https://HOST",
     "http://HOST/", "HTTP://HOST", "file://", "chrome-extension://HOST", "http://HOST, http://HOST"],
)  # fmt: skip
def test_another_page_is_not_ours(send: Send, origin: str) -> None:
    status, said = send(POST.replace(b"http://HOST", origin.encode()) + TWO)
    assert (status, "own page" in said["error"]) == (403, True)


def test_nothing_that_was_sent_comes_back(send: Send) -> None:
    said = [
        send(content.replace(b"nothing", b"<script>"))[1]
        for content in (b"<script>\r\n", b"<script> / HTTP/1.1\r\n\r\n")
    ]
    said.append(send(GET.replace(b"/TOKEN/", b"/TOKEN/<script>") + b"\r\n")[1])
    assert "script" not in json.dumps(said)
