"""Views and pictures as JSON: bytes in base64, maps as places in a colour scale."""

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
from ironglass.report.kit.pictures import colour, positive_index, signed_index
from ironglass.studio.view import View
from ironglass.types import Images

TOP = 5
"""Classes whose probabilities are shown, at most, beside those predicted."""

Given = dict[str, Any]


def shown_as_json(shown: View, classes: Sequence[str]) -> Given:
    """A view as the page shows it: the most probable classes before and after, pictures, and maps by layer."""
    before, after = shown.logits.double().softmax(1).nan_to_num(0).tolist()
    order = sorted(range(len(classes)), key=lambda i: -max(before[i], after[i]))[:TOP]
    order += [i for i in {*shown.predictions} - {*order} if i >= 0]
    return {
        "top": [{"class": i, "before": before[i], "after": after[i]} for i in order],
        "predictions": list(shown.predictions),
        "target": shown.target,
        "attacked": shown.attacked_label,
        "before": pixels_as_json(shown.pair[:1]),
        "after": pixels_as_json(shown.pair[1:]),
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
        before, after = (as_text(place(one, scale)) for one in pair)
        height, width = pair[0].shape
        found.append({"name": name, "height": height, "width": width, "scale": scale, "before": before, "after": after})
    return found


def pixels_as_json(image: Images) -> Given:
    """A picture (1, c, h, w) as bytes of red, green and blue."""
    pixels = colour(image[0].detach().cpu().permute(1, 2, 0).numpy())
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
