"""The studio's web server: this machine alone, one secret in the address, nothing opened by name.

Every request is refused unless it comes to 127.0.0.1 or localhost by that name (else a foreign page could have its own
name point here), has the token as the first part of its path, and, where it sends something, comes from this page.
"""

from __future__ import annotations

import hmac
import json
import secrets
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, ClassVar

from ironglass.errors import InputError
from ironglass.report.kit.palette import theme_css
from ironglass.studio.app import Studio
from ironglass.studio.page_files import page_files
from ironglass.studio.superseded import Superseded

FILES = page_files()
MOST_BYTES = {"ask": 2**20, "photo": 20 * 2**20}
"""Bytes of a request, at most."""
CONNECTIONS = 48
SECONDS = 20
"""A client that neither sends nor reads is left after these."""
HEADERS = {
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob: data:; "
    "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cache-Control": "no-store",
}


class Server(ThreadingHTTPServer):
    """The server of a studio, bound to 127.0.0.1; `address` is what a browser opens. Port 0 is any free one."""

    daemon_threads = True

    def __init__(self, studio: Studio, port: int = 0) -> None:
        self.studio, self.token = studio, secrets.token_urlsafe(24)
        self.files = {name: content for name, (content, _) in FILES.items()}
        self.files["studio.css"] = theme_css().encode() + self.files["studio.css"]
        self._free = threading.BoundedSemaphore(CONNECTIONS)
        super().__init__(("127.0.0.1", port), _Handler)
        self.hosts = {f"{name}:{self.server_port}" for name in ("127.0.0.1", "localhost")}
        self.address = f"http://127.0.0.1:{self.server_port}/{self.token}/"

    def process_request(self, request: Any, client_address: Any) -> None:
        """Answers in a thread of its own, as long as there are not too many."""
        if not self._free.acquire(blocking=False):
            self.shutdown_request(request)
            return
        super().process_request(request, client_address)

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        """Answers one connection."""
        try:
            super().process_request_thread(request, client_address)
        finally:
            self._free.release()

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that has gone is nobody's fault; anything else is said by `_Handler`."""


class _Refused(Exception):
    def __init__(self, status: int, said: str) -> None:
        super().__init__(said)
        self.status, self.said = status, said


class _Handler(BaseHTTPRequestHandler):
    server: Server  # type: ignore[assignment]
    protocol_version = "HTTP/1.1"
    server_version, sys_version = "ironglass", ""
    timeout: ClassVar[float] = SECONDS  # type: ignore[misc]

    def do_GET(self) -> None:
        self._answer(self._get)

    def do_POST(self) -> None:
        self._answer(self._post)

    def log_message(self, format: str, *args: Any) -> None:
        """Says nothing: the address has the token in it."""

    def _answer(self, method: Any) -> None:
        try:
            self._send(200, *method(self._path()))
        except _Refused as refused:
            self.close_connection = True  # what was sent may not have been read
            self._send(refused.status, *_json({"error": refused.said}))
        except Superseded:
            self._send(200, *_json({"superseded": True}))
        except InputError as error:
            self._send(422, *_json({"error": str(error)}))
        except OSError:
            self.close_connection = True
        except Exception as error:
            self.close_connection = True
            self._send(500, *_json({"error": f"this went wrong in the studio: {type(error).__name__}: {error}"}))

    def _path(self) -> str:
        """The path after the token. Raises `_Refused` where host or token are wrong."""
        if self.headers.get_all("Host") is None or len(self.headers.get_all("Host") or ()) != 1:
            raise _Refused(400, "give one Host")
        if self.headers["Host"] not in self.server.hosts:
            raise _Refused(403, "the studio answers to 127.0.0.1 and localhost alone")
        _, _, rest = self.path.partition("/")
        token, slash, name = rest.partition("/")
        if not slash or not hmac.compare_digest(token.encode(), self.server.token.encode()):
            raise _Refused(403, "open the address that ironglass studio has printed: its token is missing or wrong")
        return name

    def _get(self, name: str) -> tuple[bytes, str]:
        if name not in FILES:
            raise _Refused(404, "there is nothing of this name")
        return self.server.files[name], f"{FILES[name][1]}; charset=utf-8"

    def _post(self, name: str) -> tuple[bytes, str]:
        if self.headers.get("Origin") != f"http://{self.headers['Host']}":
            raise _Refused(403, "requests come from the studio's own page alone")
        kind, _, rest = name.partition("/")
        if kind not in MOST_BYTES:
            raise _Refused(404, "there is nothing of this name")
        body = self._body(MOST_BYTES[kind])
        if kind == "photo":
            return _json(self.server.studio.put_in(rest, body))
        if self.headers.get_content_type() != "application/json":
            raise _Refused(415, "give JSON")
        try:
            given = json.loads(body)
        except (ValueError, RecursionError) as error:
            raise _Refused(400, "this is no JSON") from error
        if not isinstance(given, dict):
            raise _Refused(400, "give a JSON object")
        return _json(self.server.studio.answer(rest, given))

    def _body(self, most: int) -> bytes:
        length = self.headers.get("Content-Length", "")
        if not (length.isascii() and length.isdecimal()) or "Transfer-Encoding" in self.headers:
            raise _Refused(411, "give Content-Length")
        if len(length) > 12 or int(length) > most:
            raise _Refused(413, f"more than {most // 2**20} MB")
        body = self.rfile.read(int(length))
        if len(body) != int(length):
            raise _Refused(400, "the request was cut off")
        return body

    def _send(self, status: int, body: bytes, kind: str) -> None:
        try:
            self.send_response(status)
            for name, value in HEADERS.items():
                self.send_header(name, value)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(body)))
            if self.close_connection:
                self.send_header("Connection", "close")
            self.end_headers()
            self.wfile.write(body)
        except OSError:  # the client has gone
            self.close_connection = True


def _json(value: dict[str, Any]) -> tuple[bytes, str]:
    return json.dumps(value).encode(), "application/json"
