"""The answers of the studio, from JSON to JSON; nothing here knows HTTP."""

from __future__ import annotations

import base64
import io
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
from PIL import Image

from ironglass.data.pixels import to_bytes
from ironglass.errors import InputError
from ironglass.explain import EXPLAINERS
from ironglass.measure.maps.attribution import last_layer
from ironglass.report.kit.map_scale import full_scale
from ironglass.report.kit.pictures import HEAT, SIGNED, colour, positive_index, signed_index
from ironglass.studio.lines import command_lines, python_lines
from ironglass.studio.load import Opened, read_photo
from ironglass.studio.sessions import Sessions
from ironglass.studio.strokes import FILLS
from ironglass.studio.view import (
    ATTACKS,
    MOST_STEPS,
    STEPS,
    Check,
    View,
    read_request,
    smallest_steps,
    view,
    worst_place,
)
from ironglass.types import Images

TOP = 5
PAGE = 24
"""Pictures on a page of the filmstrip."""
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
            "fills": list(FILLS), "heat": _text(HEAT), "signed": _text(SIGNED), "fit": first.reading.fit,
            "remarks": sorted({remark for one in self.opened for remark in one.classifier.remarks}),
        }  # fmt: skip

    def _pictures(self, given: Given) -> Given:
        """Some pictures of the data, those of one class alone where one is named."""
        if (split := self.opened[0].split) is None:
            return {"n": 0, "start": 0, "pictures": []}
        labels, wanted, start = split[1].labels, given.get("class"), _whole(given, "start", 0, 10**9)
        index = np.arange(len(labels)) if wanted is None else np.flatnonzero(labels == wanted)
        some = index[start : start + PAGE]
        shown = [
            {"index": int(i), "label": int(labels[i]), "name": split[1].names[i], "pixels": _pixels(images)}
            for i, images in ((i, split[1][int(i)][0]) for i in some)
        ]
        return {"n": len(index), "start": start, "pictures": shown}

    def _view(self, given: Given, check: Check) -> Given:
        started = time.perf_counter()
        check()
        opened, picture, label, _ = self._picture(given)
        request = read_request(given, len(opened.classifier.classes))
        shown = view(opened.classifier, picture, label, request, check)
        return {
            **_shown(shown, opened.classifier.classes),
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
            "photo_png": _png(picture),
            "painted_png": _png(shown.painted),
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


def _shown(shown: View, classes: Sequence[str]) -> Given:
    before, after = shown.logits.double().softmax(1).nan_to_num(0).tolist()
    order = sorted(range(len(classes)), key=lambda i: -max(before[i], after[i]))[:TOP]
    order += [i for i in {*shown.predictions} - {*order} if i >= 0]
    return {
        "top": [{"class": i, "before": before[i], "after": after[i]} for i in order],
        "predictions": list(shown.predictions),
        "target": shown.target,
        "attacked": shown.attacked_label,
        "before": _pixels(shown.pair[:1]),
        "after": _pixels(shown.pair[1:]),
        "maps": _maps(shown),
        "layer": last_layer(shown.maps) if shown.by_layer else next(iter(shown.maps), ""),
        "by_layer": shown.by_layer,
        "largest": float((shown.pair[1] - shown.painted[0].to(shown.pair.device)).abs().max()),
    }


def _maps(shown: View) -> list[Given]:
    """The maps as places in a colour scale that before and after share, by layer."""
    found = []
    for name, maps in shown.maps.items():
        pair = list(maps.float().sum(1).cpu().numpy())
        if shown.by_layer:
            scale, place = max(0.0, *(float(np.nan_to_num(one).max()) for one in pair)), positive_index
        else:
            scale, place = full_scale(pair), signed_index
        before, after = (_text(place(one, scale)) for one in pair)
        height, width = pair[0].shape
        found.append({"name": name, "height": height, "width": width, "scale": scale, "before": before, "after": after})
    return found


def _pixels(image: Images) -> Given:
    """A picture (1, c, h, w) as bytes of red, green and blue."""
    pixels = colour(image[0].detach().cpu().permute(1, 2, 0).numpy())
    return {"height": pixels.shape[0], "width": pixels.shape[1], "rgb": _text(pixels)}


def _png(image: Images) -> str:
    """A picture (1, c, h, w) as a PNG in base64, exact where its values are whole 255ths."""
    pixels = to_bytes(image[0].detach().cpu().permute(1, 2, 0).numpy())
    buffer = io.BytesIO()
    Image.fromarray(pixels[..., 0] if pixels.shape[2] == 1 else pixels).save(buffer, "PNG")
    return base64.b64encode(buffer.getvalue()).decode()


def _text(values: np.ndarray) -> str:
    return base64.b64encode(np.ascontiguousarray(values).tobytes()).decode()


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
