#!/usr/bin/env bash
# shap 0.51.0 with opencv-python-headless 5.0.0.93: the inpainting maskers turn an image of floats in [0, 1] wholly
# black, the pixels that are to stay included.
#
# Seen: an 8x8 image with one 2x2 patch hidden: inpaint_telea and inpaint_ns return 0 at every pixel, so the kept ones
# change by up to 0.997; the same image times 255 keeps all of them to within 1 level. The blur masker keeps them
# exactly.
# A good guess is wrong because a masker is expected to touch what is hidden alone, and the [0, 1] range is what most
# PyTorch classifiers take; the masker converts the image to 8 bits before it inpaints. No error, no warning. Every mask
# then shows the classifier the same black image, so its SHAP values are about 0 or noise, and read as "this network
# does not look at the object".
set -euo pipefail
folder=$(mktemp -d); trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
install() { if command -v uv >/dev/null; then uv pip install --quiet --python "$folder/venv/bin/python" "$@"; else "$folder/venv/bin/python" -m pip install --quiet "$@"; fi; }
install shap==0.51.0 opencv-python-headless==5.0.0.93 numpy==2.4.6
HOME="$folder" "$folder/venv/bin/python" - <<'PY'
import warnings
import cv2, shap
import numpy as np

print("shap", shap.__version__, "OpenCV", cv2.__version__)
warnings.simplefilter("error")
image = np.random.default_rng(0).random((8, 8, 3)).astype("float32")
keep = np.ones(image.shape, bool)
keep[2:4, 2:4] = False

def masked(kind, image):
    result = shap.maskers.Image(kind, image.shape)(keep.ravel(), image)
    return np.asarray(result[0] if isinstance(result, tuple) else result).reshape(image.shape)

for kind in ("inpaint_telea", "inpaint_ns", "blur(3,3)"):
    unit = masked(kind, image)
    change = float(np.abs(unit - image)[keep].max())
    levels = float(np.abs(masked(kind, image * 255) - image * 255)[keep].max())
    print(f"{kind}: brightest pixel {unit.max():.3f}; kept ones change by {change:.3f} of 1, times 255 by {levels:.3f}")
    if kind.startswith("inpaint"):
        assert unit.max() == 0 and change > 0.99 and levels < 1
    else:
        assert change == 0 and unit.max() > 0.9
PY
