"""Pictures in the terminal, one photo explained, and the report in the browser."""

import base64
import io
import re
import webbrowser
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from ironglass.cli.terminal_picture import encoded, protocol_of, show_in_terminal

COLOURS = np.asarray([[255, 0, 0], [0, 255, 0], [0, 0, 255], [255, 255, 255]], dtype=np.uint8)


def png_of(pixels: np.ndarray) -> bytes:
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "PNG")
    return file.getvalue()


@pytest.mark.parametrize(
    ("environment", "attributes", "protocol"),
    [
        ({"TERM": "xterm-kitty"}, "", "kitty"),
        ({"TERM": "xterm-256color", "KITTY_WINDOW_ID": "1"}, "", "kitty"),
        ({"TERM_PROGRAM": "iTerm.app"}, "", "iterm"),
        ({"TERM_PROGRAM": "WezTerm"}, "", "iterm"),
        ({"TERM": "xterm-256color"}, "\x1b[?62;4;6c", "sixel"),
        ({"TERM": "xterm-256color"}, "\x1b[?62;24;6c", None),
        ({"TERM": "xterm-256color"}, "", None),
        ({"TERM": "screen", "KITTY_WINDOW_ID": "1"}, "\x1b[?4c", None),
        ({"TERM": "xterm-kitty", "TMUX": "/tmp/tmux"}, "", None),
    ],
)
def test_protocols(environment: dict[str, str], attributes: str, protocol: str | None) -> None:
    assert protocol_of(environment, attributes) == protocol


@pytest.mark.parametrize("side", [3, 60])
def test_kitty_and_iterm_carry_the_very_file(side: int) -> None:
    png = png_of(np.random.default_rng(0).integers(0, 256, (side, side, 3), dtype=np.uint8))
    parts = re.findall(r"\x1b_G([^;]*);([^\x1b]*)\x1b\\", encoded(png, "kitty"))
    assert base64.b64decode("".join(part for _, part in parts)) == png
    assert all(len(part) <= 4096 for _, part in parts)
    assert parts[0][0].startswith("a=T,f=100,m=")
    assert [keys[-1] for keys, _ in parts] == ["1"] * (len(parts) - 1) + ["0"]
    text = encoded(png, "iterm")
    assert base64.b64decode(text.partition(":")[2].rstrip("\a")) == png


def drawn_sixels(text: str) -> np.ndarray:
    """The picture that a terminal draws, (h, w, 3) in hundredths."""
    size = re.search(r'"1;1;(\d+);(\d+)', text)
    assert size is not None
    width, height = map(int, size.groups())
    body, palette = text[text.index('"') :], {}
    for number, red, green, blue in re.findall(r"#(\d+);2;(\d+);(\d+);(\d+)", body):
        palette[int(number)] = (int(red), int(green), int(blue))
    body = re.sub(r'^"[\d;]+|#\d+;2;\d+;\d+;\d+', "", body).removesuffix("\x1b\\")
    picture = np.full((height, width, 3), -1)
    row = column = colour = 0
    for run, mark, new, one in re.findall(r"!(\d+)([?-~])|#(\d+)|([?-~$-])", body):
        if new:
            colour = int(new)
        elif one == "$":
            column = 0
        elif one == "-":
            row, column = row + 6, 0
        else:
            length = int(run or 1)
            for bit in range(6):
                if (ord(mark or one) - 63) >> bit & 1:
                    picture[row + bit, column : column + length] = palette[colour]
            column += length
    return picture


@pytest.mark.parametrize(("height", "width"), [(6, 9), (13, 40)])
def test_sixels_draw_the_picture(height: int, width: int) -> None:
    pixels = COLOURS[np.random.default_rng(1).integers(0, 4, (height, width))]
    pixels[:, : width // 2] = COLOURS[0]  # a long run
    found = drawn_sixels(encoded(png_of(pixels), "sixel"))
    assert np.abs(found - pixels.astype(int) * 100 / 255).max() <= 1


def test_nothing_is_written_where_there_is_no_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    assert not show_in_terminal(png_of(COLOURS[None]))
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize("more", [(), ("--methods", "saliency", "--quality", 0)])
def test_one_photo_gets_a_picture_in_the_current_folder(
    call, tmp_path: Path, trained: Path, photos: Path, more: tuple[object, ...]
) -> None:
    photo = tmp_path / "my photo.png"
    photo.write_bytes(next(photos.rglob("*.png")).read_bytes())
    status, out, err = call("explain", trained, photo, *more)
    assert status == 0, err
    assert out.endswith("picture: my photo-explained.png\n")
    with Image.open(tmp_path / "my photo-explained.png") as picture:
        assert picture.width > picture.height > 100
    assert call("explain", trained, photo, "--quiet", *more)[:2] == (0, "")
    assert (tmp_path / "my photo-explained-2.png").is_file()


def test_show_opens_the_report(call, tmp_path: Path, trained: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    opened: list[str] = []
    monkeypatch.setattr(webbrowser, "open", lambda address: not opened.append(address))
    page = (trained / "report.html").resolve().as_uri()
    assert call("show", trained) == (0, f"opened: {page}\n", "")
    assert opened == [page]
    assert call("show", trained, "--no-browser") == (0, f"report: {page}\n", "")
    assert len(opened) == 1
    status, out, err = call("show", tmp_path)
    assert (status, out) == (2, "")
    assert "is not a run folder" in err
    bare = tmp_path / "bare"
    bare.mkdir()
    (bare / "recipe.json").write_text("{}")
    status, _, err = call("show", bare)
    assert status == 2
    assert "has no report yet: write it by ironglass report" in err
