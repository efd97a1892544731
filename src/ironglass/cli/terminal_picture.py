"""A picture in the terminal, by the protocol that it knows: kitty's, iTerm2's or sixel."""

from __future__ import annotations

import base64
import io
import os
import re
import select
import sys
from collections.abc import Mapping
from typing import Literal, TypeAlias

Protocol: TypeAlias = Literal["kitty", "iterm", "sixel"]

ESC = "\x1b"
_CHUNK = 4096
_COLOURS = 128
_WAIT = 0.3
_ATTRIBUTES = re.compile(r"\x1b\[\?([\d;]+)c")


def protocol_of(environment: Mapping[str, str], attributes: str) -> Protocol | None:
    """The protocol of a terminal by its environment variables, and its answer to the request for device attributes.

    None where it shows no pictures, and within tmux and screen, which hold back what they do not know.
    """
    term, program = environment.get("TERM", ""), environment.get("TERM_PROGRAM", "")
    if "TMUX" in environment or term.startswith(("screen", "tmux")):
        return None
    if "KITTY_WINDOW_ID" in environment or term in ("xterm-kitty", "xterm-ghostty") or program == "ghostty":
        return "kitty"
    if program in ("iTerm.app", "WezTerm") or environment.get("LC_TERMINAL") == "iTerm2":
        return "iterm"
    match = _ATTRIBUTES.search(attributes)
    return "sixel" if match and "4" in match[1].split(";") else None


def show_in_terminal(png: bytes) -> bool:
    """Shows a PNG in the terminal of standard output; False where it is none, or shows no pictures."""
    if not (sys.stdout.isatty() and sys.stdin.isatty()):
        return False
    protocol = protocol_of(os.environ, "") or protocol_of(os.environ, _device_attributes())
    if protocol is None:
        return False
    sys.stdout.write(encoded(png, protocol) + "\n")
    sys.stdout.flush()
    return True


def encoded(png: bytes, protocol: Protocol) -> str:
    """The picture as the characters that the terminal draws it for."""
    if protocol == "sixel":
        return sixel(png)
    text = base64.b64encode(png).decode()
    if protocol == "iterm":
        return f"{ESC}]1337;File=inline=1;size={len(png)};preserveAspectRatio=1:{text}\a"
    parts = [text[start : start + _CHUNK] for start in range(0, len(text), _CHUNK)]
    keys = ["a=T,f=100," if not number else "" for number in range(len(parts))]
    more = [int(number < len(parts) - 1) for number in range(len(parts))]
    return "".join(f"{ESC}_G{key}m={rest};{part}{ESC}\\" for key, rest, part in zip(keys, more, parts, strict=True))


def sixel(png: bytes) -> str:
    """The picture in DEC's sixels: bands of six rows, in each a run of characters a colour."""
    import numpy as np
    from PIL import Image

    picture = Image.open(io.BytesIO(png)).convert("RGB").quantize(_COLOURS)
    index, colours = np.asarray(picture), np.asarray(picture.getpalette() or []).reshape(-1, 3)
    parts = [f'{ESC}Pq"1;1;{picture.width};{picture.height}']
    parts += [f"#{number};2;{';'.join(str(round(value * 100 / 255)) for value in row)}"
              for number, row in enumerate(colours.tolist())]  # fmt: skip
    for top in range(0, len(index), 6):
        band = index[top : top + 6]
        weights = 1 << np.arange(len(band))[:, None]
        lines = [f"#{colour}{_runs((weights * (band == colour)).sum(0).tolist())}" for colour in np.unique(band)]
        parts.append("$".join(lines) + "-")
    return "".join(parts) + f"{ESC}\\"


def _runs(sixels: list[int]) -> str:
    text = "".join(chr(63 + value) for value in sixels)
    return re.sub(r"(.)\1{3,}", lambda match: f"!{len(match[0])}{match[1]}", text)


def _device_attributes() -> str:
    """The terminal's answer to the request for its device attributes; "" where it gives none in time."""
    try:
        import termios
        import tty
    except ImportError:  # of another system
        return ""
    descriptor, answer = sys.stdin.fileno(), ""
    before = termios.tcgetattr(descriptor)
    try:
        tty.setcbreak(descriptor)
        sys.stdout.write(f"{ESC}[c")
        sys.stdout.flush()
        while not _ATTRIBUTES.search(answer) and select.select([descriptor], [], [], _WAIT)[0]:
            answer += os.read(descriptor, 64).decode(errors="replace")
    finally:
        termios.tcsetattr(descriptor, termios.TCSADRAIN, before)
    return answer
