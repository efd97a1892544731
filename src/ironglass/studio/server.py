"""The studio's web server: this machine alone, one secret in the address, so many connections and no more."""

from __future__ import annotations

import secrets
import socket
from contextlib import suppress
from http.server import ThreadingHTTPServer
from typing import Any

from ironglass.report.kit.palette import theme_css
from ironglass.studio.app import Studio
from ironglass.studio.connections import ConnectionLimit, Room
from ironglass.studio.handler import FILES, Handler
from ironglass.studio.response import refusal

CONNECTIONS = 128
ROOM = 128 * 2**20
"""Bytes that the requests and answers of all connections hold together, at most."""


class Server(ThreadingHTTPServer):
    """The server of a studio, bound to 127.0.0.1; `address` is what a browser opens. Port 0 is any free one."""

    daemon_threads = True
    request_queue_size = 128

    def __init__(self, studio: Studio, port: int = 0) -> None:
        self.studio, self.token = studio, secrets.token_urlsafe(24)
        self.files = {name: content for name, (content, _) in FILES.items()}
        self.files["studio.css"] = theme_css().encode() + self.files["studio.css"]
        self.connections, self.room = ConnectionLimit(CONNECTIONS), Room(ROOM)
        super().__init__(("127.0.0.1", port), Handler)
        self.hosts = {f"{name}:{self.server_port}" for name in ("127.0.0.1", "localhost")}
        self.address = f"http://127.0.0.1:{self.server_port}/{self.token}/"

    def process_request(self, request: Any, client_address: Any) -> None:
        """Answers in a thread of its own, as long as there are not too many."""
        if not self.connections.enter(request):
            _send_at_once(request, refusal(503, "too many connections: wait a moment"))
            self.shutdown_request(request)
            return
        try:
            super().process_request(request, client_address)
        except RuntimeError:  # the machine gives no more threads
            self.connections.leave(request)
            self.shutdown_request(request)

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        """Answers one connection."""
        try:
            super().process_request_thread(request, client_address)
        finally:
            self.connections.leave(request)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that has gone is nobody's fault; anything else is said by the handler."""

    def server_close(self) -> None:
        """Ends the studio with its server."""
        super().server_close()
        self.studio.close()


def _send_at_once(connection: socket.socket, answer: bytes) -> None:
    """Sends what goes into the socket's buffer; the thread that takes in all connections waits for nobody."""
    with suppress(OSError):
        connection.setblocking(False)
        connection.send(answer)
