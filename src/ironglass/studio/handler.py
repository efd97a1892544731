"""One connection of the studio's server: what is let in, and how it is answered.

Every request is refused unless it comes to 127.0.0.1 or localhost by that name (else a foreign page could have its own
name point here), has the token as the first part of its path, and, where it sends something, comes from this page.
"""

from __future__ import annotations

import hmac
import io
import json
import socket
import time
from contextlib import ExitStack
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler
from typing import Any, ClassVar, Protocol

from ironglass.errors import InputError
from ironglass.studio.app import Studio
from ironglass.studio.connections import ConnectionLimit, Reader, Room, ServerBusy, TooMuch
from ironglass.studio.page_files import page_files
from ironglass.studio.response import as_json, head_of
from ironglass.studio.superseded import Superseded

FILES = page_files()
MOST_BYTES = {"ask": 2**20, "photo": 20 * 2**20}
"""Bytes of a request's body, at most."""
MEMORY_FACTORS = {"ask": 32, "photo": 1}
"""Memory that a request may take, in bytes for each of its body's: JSON grows when it is read."""
HEAD = 32 * 2**10
"""Bytes of request line and headers, at most."""
ONCE = ("Host", "Origin", "Content-Length", "Content-Type", "Transfer-Encoding", "Expect")
ANY = 2**62


class _Refused(Exception):
    def __init__(self, status: int, reason: str) -> None:
        super().__init__(reason)
        self.status, self.reason = status, reason


class Serving(Protocol):
    """The server, as its handlers know it.

    files: contents of the page's files by name.
    hosts: the names that it answers to, with its port.
    """

    studio: Studio
    token: str
    files: dict[str, bytes]
    hosts: set[str]
    connections: ConnectionLimit
    room: Room


class Handler(BaseHTTPRequestHandler):
    """One connection, request after request."""

    server: Serving  # type: ignore[assignment]
    protocol_version = "HTTP/1.1"
    server_version, sys_version = "ironglass", ""
    idle: ClassVar[float] = 15
    """Seconds that a connection may wait for its next request."""
    head: ClassVar[float] = 10
    """Seconds for request line and headers."""
    body: ClassVar[float] = 20
    """Seconds for a body, and for a client to read an answer."""

    def setup(self) -> None:
        """Reads the connection through limits."""
        super().setup()
        self.rfile.close()
        self.reader = Reader(self.connection)
        self.rfile = io.BufferedReader(self.reader)  # type: ignore[assignment]

    def handle_one_request(self) -> None:
        """Reads the head of a request, and answers it; what keeps to no rule ends the connection."""
        self.close_connection, self.command, self.requestline, self.request_version = True, "", "", "HTTP/1.1"
        try:
            self.reader.allow(self.idle, ANY)
            if not self.rfile.peek(1):  # type: ignore[attr-defined]
                return
        except OSError:  # silent for too long, or gone
            return
        try:
            self.reader.allow(self.head, HEAD)
            complete = self._head()
        except TooMuch:
            complete = self._refuse(431, f"more than {HEAD // 2**10} kB of headers")
        except TimeoutError:
            complete = self._refuse(408, "the request did not come in time")
        except OSError:
            return
        if complete:
            self.server.connections.working(self.connection)
            self._answer()
            self.server.connections.idle(self.connection)
        if self.close_connection:
            self._linger()

    def _head(self) -> bool:
        """Reads request line and headers; False for what is no request, and has been refused."""
        self.raw_requestline = self.rfile.readline(HEAD)
        if len(self.raw_requestline) == HEAD:
            raise TooMuch
        words = self.raw_requestline.split()
        if not self.raw_requestline.endswith(b"\n") or len(words) != 3 or not words[2].startswith(b"HTTP/1."):
            version = len(words) == 3 and words[2].startswith(b"HTTP/")
            return self._refuse(505 if version else 400, "speak HTTP/1.1" if version else "this is no HTTP request")
        return self.parse_request()

    def send_error(self, code: int, message: str | None = None, explain: str | None = None) -> None:
        """Refuses what the standard library cannot read, without giving back any of it."""
        self._refuse(code, HTTPStatus(code).phrase)

    def handle_expect_100(self) -> bool:
        """Waits with the "continue" until the request is let in."""
        return True

    def log_message(self, format: str, *args: Any) -> None:
        """Says nothing: the address has the token in it."""

    def _refuse(self, status: int, reason: str) -> bool:
        self.close_connection = True  # what was sent may not have been read
        self._send(status, *as_json({"error": reason}))
        return False

    def _answer(self) -> None:
        try:
            method = {"GET": self._get, "POST": self._post}.get(self.command)
            if method is None:
                raise _Refused(405, "the studio takes GET and POST alone")
            self._send(200, *method(self._path()))
        except _Refused as refused:
            self._refuse(refused.status, refused.reason)
        except Superseded:
            self._send(200, *as_json({"superseded": True}))
        except ServerBusy as busy:
            self._refuse(503, str(busy))
        except InputError as error:
            self._send(422, *as_json({"error": str(error)}))
        except OSError:
            self.close_connection = True
        except Exception as error:
            self._refuse(500, f"this went wrong in the studio: {type(error).__name__}: {error}")

    def _path(self) -> str:
        """The path after the token. Raises `_Refused` where host or token are wrong."""
        if self.headers.defects:
            raise _Refused(400, "a header cannot be read")
        for name in ONCE:
            if len(self.headers.get_all(name, ())) > 1:
                raise _Refused(400, f"give one {name}")
        if "Host" not in self.headers:
            raise _Refused(400, "give one Host")
        if self.headers["Host"] not in self.server.hosts:
            raise _Refused(403, "the studio answers to 127.0.0.1 and localhost alone")
        _, _, rest = self.path.partition("/")
        token, slash, name = rest.partition("/")
        if not slash or not hmac.compare_digest(token.encode(), self.server.token.encode()):
            raise _Refused(403, "open the address that ironglass studio has printed: its token is missing or wrong")
        if "websocket" in self.headers.get("Upgrade", "").lower():
            raise _Refused(400, "the studio has no web sockets")
        return name

    def _get(self, name: str) -> tuple[bytes, str]:
        if self.headers.get("Content-Length", "0") != "0" or "Transfer-Encoding" in self.headers:
            raise _Refused(400, "GET takes no body")
        if name not in FILES:
            raise _Refused(404, "there is nothing of this name")
        return self.server.files[name], f"{FILES[name][1]}; charset=utf-8"

    def _post(self, name: str) -> tuple[bytes, str]:
        if self.headers.get("Origin") != f"http://{self.headers['Host']}":
            raise _Refused(403, "requests come from the studio's own page alone")
        kind, _, rest = name.partition("/")
        if kind not in MOST_BYTES:
            raise _Refused(404, "there is nothing of this name")
        length = self._length(MOST_BYTES[kind])
        if kind == "ask" and self.headers.get_content_type() != "application/json":
            raise _Refused(415, "give JSON")
        with self.server.room.reserve(MEMORY_FACTORS[kind] * length, self.body):
            body = self._body(length)
            if kind == "photo":
                return as_json(self.server.studio.put_in(rest, body))
            return as_json(self.server.studio.answer(rest, _read_json(body)))

    def _length(self, most: int) -> int:
        length = self.headers.get("Content-Length", "")
        if not (length.isascii() and length.isdecimal()) or "Transfer-Encoding" in self.headers:
            raise _Refused(411, "give Content-Length")
        if len(length) > 12 or int(length) > most:
            raise _Refused(413, f"more than {most // 2**20} MB")
        return int(length)

    def _body(self, length: int) -> bytes:
        if self.headers.get("Expect", "").lower() == "100-continue":
            self.send_response_only(HTTPStatus.CONTINUE)
            self.end_headers()
        self.reader.allow(self.body, ANY)
        try:
            body = self.rfile.read(length)
        except TimeoutError as error:
            raise _Refused(408, "the request did not come in time") from error
        if len(body) != length:
            raise _Refused(400, "the request was cut off")
        return body

    def _send(self, status: int, body: bytes, kind: str) -> None:
        try:
            # a large answer waits in memory for as long as its client reads
            with self.server.room.reserve(len(body), self.body) if len(body) > 2**16 else ExitStack():
                self.connection.settimeout(self.body)
                self.connection.sendall(head_of(status, len(body), kind, last=self.close_connection))
                if self.command != "HEAD":
                    self.connection.sendall(body)
        except (OSError, ServerBusy):  # the client has gone, or too many do not read
            self.close_connection = True

    def _linger(self) -> None:
        """Takes in, and drops, what still comes: else the client's machine may drop the answer before it is read."""
        until = time.monotonic() + 2
        try:
            self.connection.shutdown(socket.SHUT_WR)
            self.reader.allow(2, 64 * 2**20)
            while time.monotonic() < until and self.rfile.read1(2**16):  # type: ignore[attr-defined]
                pass
        except (OSError, TooMuch):
            return


def _read_json(body: bytes) -> dict[str, Any]:
    try:
        request = json.loads(body, parse_constant=_no_number)
    except (ValueError, RecursionError) as error:
        raise _Refused(400, "this is no JSON") from error
    if not isinstance(request, dict):
        raise _Refused(400, "give a JSON object")
    return request


def _no_number(word: str) -> None:
    raise ValueError(word)
