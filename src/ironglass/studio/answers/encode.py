"""Views and pictures as JSON: bytes in base64, maps as positions in a colour scale."""

from __future__ import annotations

import base64
import io
from collections.abc import Sequence
from typing import Any

import numpy as np
from PIL import Image

from ironglass.data.pixels import to_bytes
from ironglass.measure.maps.attribution import last_layer
from ironglass.report.kit.map_scale import full_scale
from ironglass.report.kit.pictures import colour, fit, positive_index, positive_scale, signed_index
from ironglass.studio.answers.view import Output, View
from ironglass.types import Images

TOP = 5
"""Classes whose probabilities are shown, at most, beside those predicted."""

THUMBNAIL = 64
"""Pixels a side of a picture in a list, at most."""

Given = dict[str, Any]


def shown_as_json(shown: View, classes: Sequence[str]) -> Given:
    """A view as the page shows it: the most probable classes before and after, pictures, and maps by layer."""
    outputs: list[Output] = [shown] if shown.second is None else [shown, shown.second]
    # the probabilities of each model, before and after
    shares = [output.logits.double().softmax(1).nan_to_num(0).tolist() for output in outputs]
    order = sorted(range(len(classes)), key=lambda i: -max(part[i] for pair in shares for part in pair))[:TOP]
    predicted = dict.fromkeys(i for output in outputs for i in output.predictions if i >= 0)
    order += [i for i in predicted if i not in order]
    return {
        "top": [{"class": i, "shares": [[before[i], after[i]] for before, after in shares]} for i in order],
        "target": shown.target,
        "attacked": shown.attacked_label,
        "before": pixels_as_json(shown.pair[:1]),
        "after": pixels_as_json(shown.pair[1:]),
        "largest": float((shown.pair[1] - shown.painted[0].to(shown.pair.device)).abs().max()),
        **_output(shown),
        "second": None if shown.second is None else _output(shown.second),
    }


def _output(output: Output) -> Given:
    return {
        "predictions": list(output.predictions),
        "maps": _maps(output),
        "layer": last_layer(output.maps) if output.by_layer else next(iter(output.maps), ""),
        "by_layer": output.by_layer,
    }


def _maps(output: Output) -> list[Given]:
    """The maps as positions in a colour scale that before and after share, by layer."""
    coloured = []
    for name, maps in output.maps.items():
        pair = list(maps.float().sum(1).cpu().numpy())
        if output.by_layer:
            scale, index = positive_scale(np.stack(pair)), positive_index
        else:
            scale, index = full_scale(pair), signed_index
        before, after = (as_text(index(values, scale)) for values in pair)
        height, width = pair[0].shape
        coloured.append({
            "name": name, "height": height, "width": width, "scale": scale, "before": before, "after": after,
        })  # fmt: skip
    return coloured


def thumbnail_as_json(image: Images) -> Given:
    """A picture (1, c, h, w) as `pixels_as_json`, at most THUMBNAIL pixels a side."""
    pixels = fit(colour(image[0].detach().cpu().permute(1, 2, 0).numpy()), THUMBNAIL)
    return _rgb(pixels)


def pixels_as_json(image: Images) -> Given:
    """A picture (1, c, h, w) as bytes of red, green and blue."""
    pixels = colour(image[0].detach().cpu().permute(1, 2, 0).numpy())
    return _rgb(pixels)


def _rgb(pixels: np.ndarray) -> Given:
    return {"height": pixels.shape[0], "width": pixels.shape[1], "rgb": as_text(pixels)}


def png_as_text(image: Images) -> str:
    """A picture (1, c, h, w) as a PNG in base64, exact where its values are whole 255ths."""
    pixels = to_bytes(image[0].detach().cpu().permute(1, 2, 0).numpy())
    buffer = io.BytesIO()
    Image.fromarray(pixels[..., 0] if pixels.shape[2] == 1 else pixels).save(buffer, "PNG")
    return base64.b64encode(buffer.getvalue()).decode()


def as_text(values: np.ndarray) -> str:
    """An array's bytes in base64."""
    return base64.b64encode(np.ascontiguousarray(values).tobytes()).decode()
