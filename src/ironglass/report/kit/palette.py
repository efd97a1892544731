"""The colours of page and charts, and how a chart finds its place in both themes."""

# matplotlib does not say what its keyword arguments are
# pyright: reportUnknownMemberType=false

from __future__ import annotations

import io
import re
import warnings
from collections.abc import Callable
from typing import Any

import matplotlib
from markupsafe import Markup, escape
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.figure import Figure

# name: (light, dark). The light ones also mark, in a chart's SVG, where the page's CSS variable goes.
COLOURS = {
    "paper": ("#fcfbf8", "#14171a"),
    "wash": ("#f2f0ea", "#1d2125"),
    "rule": ("#d8d4cb", "#363c42"),
    "muted": ("#5b6169", "#a3a9b0"),
    "ink": ("#1c2126", "#e7e5e0"),
    "accent": ("#17587a", "#7fc1e2"),
    "heat": ("#7db0cb", "#2c6381"),
    "right": ("#256b4a", "#7fca9f"),
    "wrong": ("#b03a1a", "#f2936f"),
    # for lines of one chart, far apart also to the colour-blind
    "blue": ("#1464b4", "#5aa9f0"),
    "orange": ("#c4540a", "#f7a45c"),
    "green": ("#1b8a5a", "#62d6a0"),
    "magenta": ("#8a1f6a", "#e070b8"),
}
PAPER, WASH, RULE, MUTED, INK, ACCENT, HEAT, RIGHT, WRONG, BLUE, ORANGE, GREEN, MAGENTA = (
    light for light, _ in COLOURS.values()
)

STYLE: dict[Any, Any] = {
    "axes.axisbelow": True,
    "axes.edgecolor": MUTED,
    "axes.facecolor": "none",
    "axes.grid": True,
    "axes.grid.axis": "y",
    "axes.labelcolor": INK,
    "axes.labelsize": 9,
    "axes.linewidth": 0.6,
    "axes.spines.left": False,
    "axes.spines.right": False,
    "axes.spines.top": False,
    "axes.titlecolor": INK,
    "axes.titlelocation": "left",
    "axes.titlesize": 9.5,
    "axes.titleweight": "bold",
    "figure.constrained_layout.use": True,
    "figure.facecolor": PAPER,
    "font.family": "DejaVu Sans",
    "font.size": 9,
    "grid.color": RULE,
    "grid.linewidth": 0.6,
    "legend.fontsize": 8.5,
    "legend.frameon": False,
    "legend.labelcolor": INK,
    "lines.linewidth": 1.6,
    "lines.markersize": 4.5,
    "pdf.fonttype": 42,  # letters that can be searched and edited, which some journals ask for
    "svg.fonttype": "none",
    "svg.hashsalt": "ironglass",
    "text.color": INK,
    "text.parse_math": False,
    "xtick.color": MUTED,
    "xtick.labelcolor": INK,
    "xtick.labelsize": 8.5,
    "ytick.color": MUTED,
    "ytick.labelcolor": INK,
    "ytick.labelsize": 8.5,
    "ytick.major.size": 0,
}


DPI = 160
"""Dots an inch of a PNG file."""

METADATA: dict[str, dict[str, Any]] = {
    "svg": dict.fromkeys(("Date", "Creator", "Format", "Type")),
    "png": {"Software": None},
    "pdf": dict.fromkeys(("CreationDate", "Creator", "Producer")),
}


def drawn(draw: Callable[..., Figure], *args: Any, kinds: tuple[str, ...], **kwargs: Any) -> list[bytes]:
    """The figure that `draw(*args, **kwargs)` makes, in the house's style, as the bytes of each of `kinds`:
    svg, png, pdf.

    The same arguments give the same bytes: no dates, no random ids.
    """
    files: list[bytes] = []
    with matplotlib.rc_context(STYLE), warnings.catch_warnings():
        # a browser has the glyphs of every class name; the font that matplotlib measures with may not
        warnings.filterwarnings("ignore", message="Glyph .* missing from font")
        figure = draw(*args, **kwargs)
        matplotlib.rcParams["figure.constrained_layout.use"] = False  # else every savefig gives it an engine again
        _lay_out(figure, kinds[0])
        for kind in kinds:
            buffer = io.BytesIO()
            figure.savefig(buffer, format=kind, metadata=METADATA[kind], dpi=DPI, transparent=kind != "png")
            files.append(buffer.getvalue())
    return files


def _lay_out(figure: Figure, kind: str) -> None:
    """Lays the figure out once: with a layout engine `savefig` would draw all of it twice for every file."""
    engine = figure.get_layout_engine()
    if engine is None:
        return
    (FigureCanvasSVG if kind == "svg" else FigureCanvasAgg)(figure)  # takes it over: texts are measured as written
    dots, figure.dpi = figure.dpi, 72 if kind == "svg" else DPI
    engine.execute(figure)
    figure.dpi = dots
    figure.set_layout_engine(None)


def inline_svg(svg: bytes, name: str, label: str) -> Markup:
    """A chart's SVG made part of a page: ids begin with `name`, colours are CSS variables, `label` is read aloud."""
    text = svg.decode()
    view = re.search(r'viewBox="([^"]+)"', text)
    assert view is not None, "matplotlib always writes a viewBox"
    body = text[text.index("<svg") :].partition(">")[2].rpartition("</svg>")[0]
    body = re.sub(r"<metadata>.*?</metadata>|<style .*?</style>|<!--.*?-->", "", body, flags=re.DOTALL)
    body = body.replace("xlink:href", "href")
    body = re.sub(r'((?:\bid|\bhref)="#?|url\(#)(?!data:)', rf"\g<1>{name}-", body)
    body = re.sub(r"font-family: [^;\"]*;? ?", "", body)
    variables = {light: f"var(--{key})" for key, (light, _) in COLOURS.items()}
    body = re.sub(r"(?<=: )#[0-9a-f]{6}(?=[;\"])", lambda match: variables.get(match[0], match[0]), body)
    body = re.sub(r"\s*\n\s*", "\n", body)
    width = float(view[1].split()[2]) / 10  # rem: the text comes out about as large as the page's small print
    attributes = f'viewBox="{view[1]}" style="max-width:{width:.1f}rem" role="img" aria-label="{escape(label)}"'
    return Markup(f"<svg {attributes}>{body}</svg>")


def theme_css() -> Markup:
    """The CSS variables of both themes: the reader's setting, unless the button says otherwise; print is light."""
    light, dark = (
        "".join(f"--{key}:{pair[scheme_index]};" for key, pair in COLOURS.items()) + f"color-scheme:{scheme};"
        for scheme_index, scheme in enumerate(("light", "dark"))
    )
    return Markup(
        f":root{{{light}}}\n"
        f"@media screen and (prefers-color-scheme:dark){{:root:not([data-theme=light]){{{dark}}}}}\n"
        f"@media screen{{:root[data-theme=dark]{{{dark}}}}}\n"
    )
