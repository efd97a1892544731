"""Answers of the studio's server as bytes."""

from __future__ import annotations

import json
from http import HTTPStatus
from typing import Any

HEADERS = {
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob: data:; "
    "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cache-Control": "no-store",
}


def refusal(status: int, reason: str) -> bytes:
    """A whole answer that refuses, and ends the connection."""
    body, kind = as_json({"error": reason})
    return head_of(status, len(body), kind, last=True) + body


def head_of(status: int, length: int, kind: str, *, last: bool) -> bytes:
    """Status line and headers of an answer; last: whether the connection ends with it."""
    lines = [f"HTTP/1.1 {status} {HTTPStatus(status).phrase}", *(f"{name}: {value}" for name, value in HEADERS.items())]
    lines += [f"Content-Type: {kind}", f"Content-Length: {length}"]
    lines += ["Connection: close"] * last + ["Allow: GET, POST"] * (status == 405)
    return "\r\n".join([*lines, "", ""]).encode("ascii")


def as_json(value: dict[str, Any]) -> tuple[bytes, str]:
    """The body of an answer, and its type."""
    return json.dumps(value).encode(), "application/json"
