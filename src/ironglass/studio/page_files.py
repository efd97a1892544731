"""Files of the page, and the media type of each."""

from __future__ import annotations

from importlib.resources import files

START = "studio.html"
"""The file that the address itself gives."""
TYPES = {".html": "text/html", ".css": "text/css", ".js": "text/javascript"}


def page_files() -> dict[str, tuple[bytes, str]]:
    """Contents and media type of each file of the page by its name in the address; "" for START."""
    contents = {
        file.name: (file.read_bytes(), TYPES[suffix])
        for file in sorted((files("ironglass.studio") / "page").iterdir(), key=lambda file: file.name)
        if (suffix := file.name[file.name.rfind(".") :]) in TYPES
    }
    return {"": contents.pop(START), **contents}
