"""Many people at the studio at once: what each of them sees is their own, and how long they wait.

    .venv/bin/python bench/studio.py --sessions 50 --minutes 10 [--model simple-cnn] [--size 64]

A person paints for one to two seconds, during which the page asks again as soon as it has an answer and drawn it (at
most 60 times a second), then looks for two to six seconds. Every few strokes they put in another picture, ask for the
numbers, attack with FGSM, or leave and come back. Every picture is marked: its blocks are the number of the person and
of the picture, so that no two are alike. Pictures, probabilities and maps that come back are compared with those that
the library gives for the person's own picture; now and then somebody asks for a picture of another's by its name.
"""

from __future__ import annotations

import base64
import hashlib
import http.client
import io
import json
import random
import threading
import time
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

import numpy as np
import torch
from PIL import Image

import ironglass as ig
from ironglass.models.classifier import Classifier
from ironglass.studio.page_files import page_files

FRAME = 1 / 60
"""Seconds between two pictures on a screen."""
PAINTS, LOOKS = (1.0, 2.0), (2.0, 6.0)
"""Seconds of a stroke, and of the pause after it."""


@dataclass
class Seen:
    """All that the people have seen.

    taken: seconds of each view while painting.
    errors: lines of everything that was refused, cut off, or not their own.
    names: pictures that were put in, and by whom.
    strokes, refusals, pages: numbers of strokes, of foreign pictures that were refused, of pages that were opened.
    """

    taken: list[float] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)
    names: dict[str, int] = field(default_factory=dict)
    strokes: int = 0
    refusals: int = 0
    pages: int = 0


def simulate(address: str, classifier: Classifier, people: int, seconds: float) -> Seen:
    """Lets so many people play for so many seconds."""
    seen, until, lock = Seen(), time.monotonic() + seconds, threading.Lock()
    threads = [
        threading.Thread(target=_Person(number, address, classifier, seen, lock).play, args=(until,))
        for number in range(people)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return seen


def marked(person: int, picture: int, size: int) -> np.ndarray:
    """A picture of 8 × 8 blocks of grey, which no other person and no other picture has: uint8 (size, size, 3)."""
    digest = np.frombuffer(hashlib.sha512(f"{person}/{picture}".encode()).digest(), np.uint8)
    digest = digest.reshape(8, 8).copy()
    digest[0, 0], digest[0, 1] = person % 256, picture % 256
    return np.repeat(
        np.asarray(Image.fromarray(digest).resize((size, size), Image.Resampling.NEAREST))[..., None], 3, 2
    )


class _Person:
    def __init__(self, number: int, address: str, classifier: Classifier, seen: Seen, lock: Any) -> None:
        self.number, self.classifier, self.seen, self.lock = number, classifier, seen, lock
        self.place, self.random = urlsplit(address), random.Random(number)
        self.connection = http.client.HTTPConnection(self.place.netloc, timeout=60)
        self.pictures = self.requests = 0

    def play(self, until: float) -> None:
        time.sleep(self.random.uniform(0, min(LOOKS[1], max(0.0, until - time.monotonic()) / 4)))
        try:
            self._open()
            while time.monotonic() < until:
                self._stroke()
                self._something_else()
                time.sleep(min(self.random.uniform(*LOOKS), max(0.0, until - time.monotonic())))
            self._ask("end", {})
        except Exception as error:
            self._wrong(f"{type(error).__name__}: {error}")
        self.connection.close()

    def _open(self) -> None:
        for name in page_files():
            status, _ = self._send("GET", name)
            if status != 200:
                self._wrong(f"GET {name}: {status}")
        self.page = self._ask("begin", {})["page"]
        self.seen.pages += 1
        self._put_in()

    def _put_in(self) -> None:
        self.pixels = marked(self.number, self.pictures, self.classifier.input_size[0])
        self.pictures += 1
        buffer = io.BytesIO()
        Image.fromarray(self.pixels).save(buffer, "PNG")
        status, found = self._send("POST", f"photo/{self.page}", buffer.getvalue(), "application/octet-stream")
        if status != 200:
            raise RuntimeError(f"photo: {found}")
        self.upload = found["upload"]
        with self.lock:
            if self.upload in self.seen.names:
                self._wrong("a name of another picture")
            self.seen.names[self.upload] = self.number
            images = torch.from_numpy(self.pixels).permute(2, 0, 1)[None].float().div(255)
            pair = torch.cat([images, images])
            with torch.no_grad():
                logits = self.classifier.eval()(pair)
            self.target = int(logits[0].argmax())
            maps = ig.explain(self.classifier, pair, torch.tensor([self.target] * 2), "grad-cam")
        self.shares = logits[0].double().softmax(0).tolist()
        self.maps = {name: np.maximum(one[0].sum(0).detach().numpy(), 0) for name, one in dict(maps).items()}

    def _stroke(self) -> None:
        size, points, until = len(self.pixels), [], time.monotonic() + self.random.uniform(*PAINTS)
        attack = self.random.choice(("", "", "", "fgsm"))
        x, y = self.random.uniform(0, size), self.random.uniform(0, size)
        while time.monotonic() < until:
            x, y = (one + self.random.gauss(0, size / 30) for one in (x, y))
            points.append([round(x, 2), round(y, 2)])
            stroke = {"kind": "brush", "fill": "grey", "radius": size / 16, "points": points[-200:]}
            started = time.monotonic()
            found = self._view([stroke], attack)
            self.seen.taken.append(time.monotonic() - started)
            self._compare(found, [stroke] if not attack else None)
            time.sleep(FRAME)
        self.seen.strokes += 1

    def _view(self, strokes: list[Any], attack: str) -> dict[str, Any]:
        self.requests += 1
        given = {"upload": self.upload, "strokes": strokes, "method": "grad-cam", "attack": attack, "steps": 8}
        return self._ask("view", {**given, "number": self.requests})

    def _something_else(self) -> None:
        what = self.random.random()
        if what < 0.2:
            self._put_in()
        elif what < 0.3:
            numbers = self._ask("numbers", {"upload": self.upload, "method": "grad-cam"})
            kept = np.asarray(Image.open(io.BytesIO(base64.b64decode(numbers["photo_png"]))))
            if not np.array_equal(kept, self.pixels):
                self._wrong("the picture in the numbers is not theirs")
        elif what < 0.4:
            with self.lock:
                others = [name for name, person in self.seen.names.items() if person != self.number]
            if others:
                status, _ = self._send("POST", "ask/numbers", {"page": self.page, "upload": self.random.choice(others)})
                self.seen.refusals += status == 422
                if status != 422:
                    self._wrong(f"another's picture: {status}")
        elif what < 0.45:
            self._ask("end", {})
            self._open()

    def _compare(self, found: dict[str, Any], strokes: list[Any] | None) -> None:
        """Whether picture, probabilities and maps are those of this person's picture."""
        if not np.array_equal(_pixels(found["before"]), self.pixels):
            self._wrong("the picture is not theirs")
        if strokes and not np.isin(_pixels(found["after"]), (*np.unique(self.pixels), 127, 128)).all():
            self._wrong("the painted picture is not theirs")
        if any(abs(row["shares"][0][0] - self.shares[row["class"]]) > 1e-4 for row in found["top"]):
            self._wrong("the probabilities are not theirs")
        for one in found["maps"]:
            shown = np.frombuffer(base64.b64decode(one["before"]), np.uint8).reshape(one["height"], one["width"])
            expected = self.maps[one["name"]]
            if np.abs(shown / 255 * one["scale"] - expected).max() > one["scale"] / 100 + 1e-6:
                self._wrong(f"the map of {one['name']} is not theirs")

    def _ask(self, name: str, given: dict[str, Any]) -> dict[str, Any]:
        status, found = self._send("POST", f"ask/{name}", given if name == "begin" else {"page": self.page, **given})
        if status != 200 or "superseded" in found:
            raise RuntimeError(f"{name}: {status} {found}")
        return found

    def _send(self, method: str, name: str, body: Any = None, kind: str = "application/json") -> tuple[int, Any]:
        headers = {"Content-Type": kind, "Origin": f"http://{self.place.netloc}"} if method == "POST" else {}
        sent = json.dumps(body) if isinstance(body, dict) else body
        try:
            self.connection.request(method, self.place.path + name, sent, headers)
            answer = self.connection.getresponse()
        except (http.client.RemoteDisconnected, BrokenPipeError, ConnectionResetError):
            # the server leaves connections that were idle for long; a browser opens another one, too
            self.connection.close()
            self.connection.request(method, self.place.path + name, sent, headers)
            answer = self.connection.getresponse()
        read = answer.read()
        return answer.status, json.loads(read) if answer.headers.get_content_type() == "application/json" else read

    def _wrong(self, line: str) -> None:
        self.seen.errors.append(f"person {self.number}: {line}")


def _pixels(shown: dict[str, Any]) -> np.ndarray:
    return np.frombuffer(base64.b64decode(shown["rgb"]), np.uint8).reshape(shown["height"], shown["width"], 3)
