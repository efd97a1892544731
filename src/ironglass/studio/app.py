"""The answers of the studio, from JSON to JSON; nothing here knows HTTP."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np

from ironglass.errors import InputError
from ironglass.explain import EXPLAINERS
from ironglass.models.predict import logits_of, predicted
from ironglass.report.kit.pictures import HEAT, SIGNED
from ironglass.studio.encode import as_text, pixels_as_json, png_as_text, shown_as_json
from ironglass.studio.lines import command_lines, python_lines
from ironglass.studio.load import Opened, read_photo
from ironglass.studio.sessions import Sessions
from ironglass.studio.strokes import FILLS
from ironglass.studio.view import (
    ATTACKS,
    MOST_STEPS,
    STEPS,
    Check,
    read_request,
    smallest_steps,
    view,
    worst_place,
)
from ironglass.types import Images

PAGE = 24
"""Pictures on a page of the filmstrip."""
MOST_READ = 4000
"""Pictures among which misread ones are looked for, the first of the data, at most."""
WAITING = 64
"""Requests that wait for the network, at most."""

Given = dict[str, Any]


class Studio:
    """Models, pictures, and the answers to what a page asks.

    All work on networks and pictures is done by one thread, one request after another: the newest of a page is
    answered, older ones that still wait are not.
    """

    def __init__(self, opened: Sequence[Opened]) -> None:
        self.opened, self.sessions = tuple(opened), Sessions()
        self._worker = ThreadPoolExecutor(1, "studio")
        self._predictions: dict[int, np.ndarray] = {}
        self._room = threading.BoundedSemaphore(WAITING)

    def answer(self, name: str, given: Given) -> Given:
        """The answer to a request. Raises InputError for one that is wrong, and `Superseded` for one too many."""
        once: dict[str, Callable[[Given], Given]] = {
            "begin": self._begin,
            "pictures": self._pictures,
            "numbers": self._numbers,
            "worst": self._worst,
        }
        numbered: dict[str, Callable[[Given, Check], Given]] = {"view": self._view, "smallest": self._smallest}
        if name in numbered:
            # noted as it comes in, not when its turn has come: those that wait shall know of it
            check = self.sessions.number(_key(given), _whole(given, "number", 0, 2**53))
            return self._worked(lambda: numbered[name](given, check))
        if name not in once:
            raise InputError(f"there is no request {name[:40]!r}")
        return self._worked(lambda: once[name](given))

    def put_in(self, key: str, photo: bytes) -> Given:
        """Takes a photograph, as the bytes of its file, for the page of this key."""
        return self._worked(lambda: {"upload": self.sessions.keep(key, read_photo(photo, self.opened[0]))})

    def _worked(self, work: Callable[[], Given]) -> Given:
        if not self._room.acquire(blocking=False):
            raise InputError("the studio is busy: wait a moment")
        try:
            return self._worker.submit(work).result()
        finally:
            self._room.release()

    def _begin(self, given: Given) -> Given:
        first = self.opened[0]
        split = first.split
        return {
            "page": self.sessions.open(),
            "models": [one.plan.model for one in self.opened],
            "classes": list(first.classifier.classes),
            "size": list(first.classifier.input_size),
            "split": None if split is None else {"data": first.plan.dataset, "name": split[0], "n": len(split[1])},
            "methods": list(EXPLAINERS), "attacks": list(ATTACKS), "steps": STEPS, "most_steps": MOST_STEPS,
            "fills": list(FILLS), "heat": as_text(HEAT), "signed": as_text(SIGNED), "fit": first.reading.fit,
            "remarks": sorted({remark for one in self.opened for remark in one.classifier.remarks}),
        }  # fmt: skip

    def _pictures(self, given: Given) -> Given:
        """Some pictures of the data: all, those of one class, or those that a model misreads."""
        if (split := self.opened[0].split) is None:
            return {"n": 0, "start": 0, "pictures": [], "read": 0}
        labels, wanted, start = split[1].labels, given.get("class"), _whole(given, "start", 0, 10**9)
        index = np.arange(len(labels)) if wanted is None else np.flatnonzero(labels == wanted)
        if given.get("misread") is True:
            read = self._read(_whole(given, "model", 0, len(self.opened) - 1))
            index = np.flatnonzero(read != labels[: len(read)])
        some = index[start : start + PAGE]
        shown = [
            {"index": int(i), "label": int(labels[i]), "name": split[1].names[i], "pixels": pixels_as_json(images)}
            for i, images in ((i, split[1][int(i)][0]) for i in some)
        ]
        return {"n": len(index), "start": start, "pictures": shown, "read": min(MOST_READ, len(labels))}

    def _read(self, model: int) -> np.ndarray:
        """The class that a model predicts for each of the first MOST_READ pictures, computed once."""
        opened = self.opened[model]
        if model not in self._predictions and opened.split is not None:
            first = opened.split[1].take(slice(0, MOST_READ))
            self._predictions[model] = predicted(logits_of(opened.classifier, first)).numpy()
        return self._predictions[model]

    def _view(self, given: Given, check: Check) -> Given:
        started = time.perf_counter()
        check()
        opened, picture, label, _ = self._picture(given)
        request = read_request(given, len(opened.classifier.classes))
        shown = view(opened.classifier, picture, label, request, check)
        return {
            **shown_as_json(shown, opened.classifier.classes),
            "label": label,
            "seconds": time.perf_counter() - started,
        }

    def _numbers(self, given: Given) -> Given:
        """All numbers of a view as they are, and what gives them again."""
        opened, picture, label, index = self._picture(given)
        request = read_request(given, len(opened.classifier.classes))
        shown = view(opened.classifier, picture, label, request)
        return {
            "model": opened.plan.model,
            "data": opened.plan.dataset,
            "classes": list(opened.classifier.classes),
            "label": label,
            "target": shown.target,
            "logits": shown.logits.tolist(),
            "probabilities": shown.logits.softmax(1).tolist(),
            "maps": {name: maps.tolist() for name, maps in shown.maps.items()},
            "changed": shown.pair[1:].tolist(),
            "python": python_lines(opened, index, request, shown),
            "commands": command_lines(opened, request),
            "photo_png": png_as_text(picture),
            "painted_png": png_as_text(shown.painted),
        }

    def _smallest(self, given: Given, check: Check) -> Given:
        opened, picture, label, _ = self._picture(given)
        request = read_request(given, len(opened.classifier.classes))
        return {"steps": smallest_steps(opened.classifier, picture, label, request, check)}

    def _worst(self, given: Given) -> Given:
        opened, picture, _, _ = self._picture(given)
        fill = given.get("fill")
        if not isinstance(fill, str) or fill not in FILLS:
            raise InputError(f"fill: give one of {', '.join(FILLS)}")
        request = read_request(given, len(opened.classifier.classes))
        found, left = worst_place(opened.classifier, picture, request, _whole(given, "side", 1, 10**4), fill)
        return {"stroke": {"kind": found.kind, **vars(found)}, "probability": left}

    def _picture(self, given: Given) -> tuple[Opened, Images, int | None, int | None]:
        """The model and the picture that a request names, with its label and place in the split where it has them."""
        opened = self.opened[_whole(given, "model", 0, len(self.opened) - 1)]
        if "upload" in given:
            name = given["upload"]
            return opened, self.sessions.picture(_key(given), name if isinstance(name, str) else ""), None, None
        if opened.split is None:
            raise InputError("put in a picture first: the studio was opened without data")
        index = _whole(given, "index", 0, len(opened.split[1]) - 1)
        images, labels = opened.split[1][index]
        return opened, images, int(labels[0]), index


def _key(given: Mapping[str, Any]) -> str:
    key = given.get("page")
    if not isinstance(key, str):
        raise InputError("page: give the key of this page")
    return key


def _whole(given: Mapping[str, Any], name: str, low: int, high: int) -> int:
    value = given.get(name, 0)
    if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
        raise InputError(f"{name}: give a whole number from {low} to {high}")
    return value
