#!/usr/bin/env bash
# matplotlib 3.11.2: with a layout engine, every savefig resamples and colours each image of the figure twice, and lays
# the figure out anew.
#
# Seen: a grid of 3 x 4 heat maps of 224 x 224 pixels, saved as PNG: 12 calls of AxesImage.make_image without a layout
# engine, 24 with layout="tight", "constrained" and "compressed"; a second savefig of the same figure makes as many again
# and executes the engine once more.
# A good guess is wrong because the first pass is a dry run with a renderer whose drawing is disabled, so that it seems to
# cost no more than measuring texts; the images' resampling and colour mapping come before the renderer is asked to draw
# anything. And a figure that is laid out is expected to keep its arrangement for the next file.
# Why it matters: sheets of maps and adversarial images are the dearest part of a report; saved as SVG and PNG from one
# figure, each map is resampled four times. Executing the engine once and then removing it halves that.
set -euo pipefail
folder=$(mktemp -d); trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
install() { if command -v uv >/dev/null; then uv pip install --quiet --python "$folder/venv/bin/python" "$@"; else "$folder/venv/bin/python" -m pip install --quiet "$@"; fi; }
install matplotlib==3.11.2 numpy==2.4.6
HOME="$folder" "$folder/venv/bin/python" - <<'PY'
import io

import matplotlib
import numpy as np
from matplotlib.figure import Figure
from matplotlib.image import AxesImage
from matplotlib.layout_engine import ConstrainedLayoutEngine, TightLayoutEngine

print("matplotlib", matplotlib.__version__)
calls = {"images": 0, "layouts": 0}
make_image = AxesImage.make_image


def counted(self, *args, **kwargs):
    calls["images"] += 1
    return make_image(self, *args, **kwargs)


AxesImage.make_image = counted
for engine in (ConstrainedLayoutEngine, TightLayoutEngine):
    def execute(self, figure, plain=engine.execute):
        calls["layouts"] += 1
        return plain(self, figure)
    engine.execute = execute
seen = {}
for layout in ("none", "tight", "constrained", "compressed"):
    figure = Figure(layout=None if layout == "none" else layout)
    for axes in figure.subplots(3, 4).flat:
        axes.imshow(np.random.default_rng(0).random((224, 224)))
    for file in (1, 2):
        calls.update(images=0, layouts=0)
        figure.savefig(io.BytesIO(), format="png")
        seen[layout, file] = (calls["images"], calls["layouts"])
        print(f"{layout}, file {file}: {calls['images']} images resampled, {calls['layouts']} layouts")
for layout in ("none", "tight", "constrained", "compressed"):
    expected = (12, 0) if layout == "none" else (24, 1)
    assert seen[layout, 1] == seen[layout, 2] == expected, (layout, seen)
PY
