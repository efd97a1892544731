"""The page of a prediction: one file that needs no network."""

# jinja2 does not say what its filters are
# pyright: reportUnknownMemberType=false

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from jinja2 import Environment, PackageLoader, StrictUndefined

from ironglass.report.kit import palette, pictures, words
from ironglass.run import Run

SIDE = 160
_RANKS = range(1, 6)


def write_page(
    run: Run,
    images: np.ndarray,
    maps: Sequence[np.ndarray],
    rows: Sequence[dict[str, Any]],
    *,
    method_note: str,
    of: int,
    about: dict[str, Any],
) -> None:
    """Writes `predictions.html`.

    images: (n, h, w, c) as stored. maps: n of (h, w), or none. rows: as in `predictions.csv`.
    how: what the maps are. of: how many images there are in all. about: what `data.json` says.
    """
    photos = [pictures.colour(image) for image in images]
    cards = [
        {
            "name": row["name"],
            "url": pictures.photo_url(photo, SIDE),
            "map": _over(photo, maps[i]) if len(maps) else None,
            "small": max(photo.shape[:2]) <= 64,
            "top": [
                (row[f"class_{rank}"], row[f"confidence_{rank}"])
                for rank in _RANKS
                if row.get(f"class_{rank}") is not None
            ]
            or [("not judged", None)],
        }
        for i, (photo, row) in enumerate(zip(photos, rows, strict=False))
    ]
    environment = Environment(
        loader=PackageLoader("ironglass.report", ""),
        undefined=StrictUndefined,
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {name: getattr(words, name) for name in ("percent", "count")}
    page = environment.get_template("prediction/page.html.jinja")
    theme = palette.theme_css()
    run.write_text("predictions.html", page.render(cards=cards, how=method_note, of=of, data=about, theme=theme))


def _over(photo: np.ndarray, values: np.ndarray) -> str:
    """The map over the photograph in grey, its own largest value the brightest."""
    index = pictures.positive_index(values, pictures.positive_scale(values[None]))
    return pictures.photo_url(pictures.overlaid(photo, index), SIDE)
