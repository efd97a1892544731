#!/usr/bin/env bash
# scipy 1.17.1: ndimage.zoom places an enlarged map elsewhere than Pillow's or torch's resize does, by up to half a
# cell.
#
# Seen: a 7x7 map with one bright cell (1, 1), enlarged to 224x224, linear: the centre of the bright spot is at pixel
# 37.2 with zoom, at 47.5 with Pillow, the middle of the cell's 32x32 pixels; with grid_mode=True, mode="nearest" it is
# 47.5.
# A good guess is wrong because all three are called bilinear with the same factor and give the same shape; zoom lays
# the centres of the corner cells on the corners of the picture (align_corners in torch's words) and it is torch, not
# scipy, whose default is known for this.
# Why it matters: class activation maps of 7x7 are enlarged this way for overlays and pointing games; a shift of 10 of
# 224 pixels, outward from the middle, moves hits over the edge of small objects.
set -euo pipefail
folder=$(mktemp -d); trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
install() { if command -v uv >/dev/null; then uv pip install --quiet --python "$folder/venv/bin/python" "$@"; else "$folder/venv/bin/python" -m pip install --quiet "$@"; fi; }
install scipy==1.17.1 pillow==13.0.0 numpy==2.4.6
HOME="$folder" "$folder/venv/bin/python" - <<'PY'
import numpy as np
import PIL, scipy
from PIL import Image
from scipy import ndimage

print("scipy", scipy.__version__, "Pillow", PIL.__version__)

def centre(picture):
    return round(float((np.indices(picture.shape)[0] * picture).sum() / picture.sum()), 1)

shifts = []
for cell in range(1, 6):
    heat = np.zeros((7, 7), "float32")
    heat[cell, cell] = 1
    zoomed = ndimage.zoom(heat, 32, order=1)
    resized = np.asarray(Image.fromarray(heat).resize((224, 224), Image.Resampling.BILINEAR))
    on_grid = ndimage.zoom(heat, 32, order=1, grid_mode=True, mode="nearest")
    assert zoomed.shape == resized.shape and np.abs(on_grid - resized).max() < 1e-5
    shifts.append(round(centre(zoomed) - centre(resized), 1))
    print(f"cell {cell}: centre at {centre(zoomed)} with zoom, {centre(resized)} in Pillow, middle {32 * cell + 15.5}")
print("shifts in pixels:", shifts)
assert shifts[0] < -9 and shifts[-1] > 9 and shifts[2] == 0
PY
