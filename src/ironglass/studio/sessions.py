"""State of each open page: its newest request, and the pictures that were put in there. It ends with the page."""

from __future__ import annotations

import math
import secrets
import threading
import time
from collections import OrderedDict
from dataclasses import dataclass, field

import torch
from torch import Tensor

from ironglass.data.pixels import to_images
from ironglass.errors import InputError
from ironglass.studio.superseded import Check, Superseded
from ironglass.types import Images

MOST_PAGES, MOST_PICTURES = 128, 12
"""Pages, and pictures of each, that are remembered; the oldest is forgotten first."""
MOST_BYTES = 256 * 2**20
"""Of the pictures of all pages; where there are more, the page that has most forgets its oldest."""
HOURS = 8
"""A page that was not heard of for so long has ended, though it did not say so."""


@dataclass
class _Page:
    newest: float = -1
    last_request: float = 0
    pictures: OrderedDict[str, Tensor] = field(default_factory=OrderedDict)

    def size(self) -> int:
        return sum(pixels.nbytes for pixels in self.pictures.values())


class Sessions:
    """Pages by their key, which a page is given when it opens and no other page learns."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._pages: OrderedDict[str, _Page] = OrderedDict()

    def open(self) -> str:
        """The key of a new page."""
        with self._lock:
            key = secrets.token_urlsafe(16)
            self._pages[key] = _Page(last_request=time.monotonic())
            while len(self._pages) > MOST_PAGES:
                self._forget(next(iter(self._pages)))
            return key

    def end(self, key: str) -> None:
        """Forgets a page, and has nobody wait for what it has asked."""
        with self._lock:
            self._forget(key)

    def end_all(self) -> None:
        """Forgets all pages."""
        with self._lock:
            for key in [*self._pages]:
                self._forget(key)

    def open_still(self, key: str) -> Check:
        """A check that raises `Superseded` once the page has ended. Raises InputError where it has already."""
        with self._lock:
            page = self._page(key)

        def check() -> None:
            if page.newest == math.inf:
                raise Superseded

        return check

    def number(self, key: str, number: int) -> Check:
        """Takes note of a request; gives a check that raises `Superseded` once the page has asked something newer."""
        with self._lock:
            page = self._page(key)
            page.newest = max(page.newest, number)

        def check() -> None:
            if number < page.newest:
                raise Superseded

        return check

    def keep(self, key: str, picture: Images) -> str:
        """Remembers a picture of a page, of whole 255ths; gives its name."""
        with self._lock:
            page = self._page(key)
            name = secrets.token_urlsafe(8)
            page.pictures[name] = picture.mul(255).round().to(torch.uint8)
            while len(page.pictures) > MOST_PICTURES:
                page.pictures.popitem(last=False)
            while sum(one.size() for one in self._pages.values()) > MOST_BYTES:
                max(self._pages.values(), key=_Page.size).pictures.popitem(last=False)
            return name

    def picture(self, key: str, name: str) -> Images:
        """A picture that was put in on this page, (1, c, h, w). Raises InputError for any other."""
        with self._lock:
            pixels = self._page(key).pictures.get(name)
        if pixels is None:
            raise InputError("this picture is not there any more: put it in again")
        return to_images(pixels)

    def __len__(self) -> int:
        """The number of open pages."""
        return len(self._pages)

    def _page(self, key: str) -> _Page:
        now = time.monotonic()
        while self._pages and now - next(iter(self._pages.values())).last_request > 3600 * HOURS:
            self._forget(next(iter(self._pages)))
        if key not in self._pages:
            raise InputError("this page is too old: reload it")
        self._pages.move_to_end(key)
        self._pages[key].last_request = now
        return self._pages[key]

    def _forget(self, key: str) -> None:
        if page := self._pages.pop(key, None):
            page.newest = math.inf
            page.pictures.clear()
