"""State of each open page: its newest request, and the pictures that were put in there."""

from __future__ import annotations

import secrets
import threading
from collections import OrderedDict
from dataclasses import dataclass, field

from ironglass.errors import InputError
from ironglass.studio.superseded import Check, Superseded
from ironglass.types import Images

MOST_PAGES, MOST_PICTURES = 32, 12
"""Pages, and pictures of each, that are remembered; the oldest is forgotten first."""


@dataclass
class _Page:
    newest: int = -1
    pictures: OrderedDict[str, Images] = field(default_factory=OrderedDict)


class Sessions:
    """Pages by their key, which a page is given when it opens and no other page learns."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._pages: OrderedDict[str, _Page] = OrderedDict()

    def open(self) -> str:
        """The key of a new page."""
        with self._lock:
            key = secrets.token_urlsafe(16)
            self._pages[key] = _Page()
            while len(self._pages) > MOST_PAGES:
                self._pages.popitem(last=False)
            return key

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
        """Remembers a picture of a page; gives its name."""
        with self._lock:
            page = self._page(key)
            name = secrets.token_urlsafe(8)
            page.pictures[name] = picture
            while len(page.pictures) > MOST_PICTURES:
                page.pictures.popitem(last=False)
            return name

    def picture(self, key: str, name: str) -> Images:
        """A picture that was put in on this page, (1, c, h, w). Raises InputError for any other."""
        with self._lock:
            picture = self._page(key).pictures.get(name)
        if picture is None:
            raise InputError("this picture is not there any more: put it in again")
        return picture

    def _page(self, key: str) -> _Page:
        if key not in self._pages:
            raise InputError("this page is too old: reload it")
        self._pages.move_to_end(key)
        return self._pages[key]
