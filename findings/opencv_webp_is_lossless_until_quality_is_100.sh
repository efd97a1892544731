#!/usr/bin/env bash
# opencv-python-headless 5.0.0.93 and Pillow 13.0.0: WebP from OpenCV is lossless without a quality and lossy with
# quality 100; AVIF from OpenCV is the other way round, and AVIF from Pillow is lossy at 100, too.
#
# Seen: 64x64 noise, largest error after decoding: OpenCV WebP without options 0, quality 100 about 200 of 255, 101
# again 0; OpenCV AVIF without options above 200, quality 100: 0; Pillow AVIF quality 100 above 100, with
# subsampling="4:4:4" at most a few; Pillow WebP quality 100 above 200.
# A good guess is wrong because 100 is the top of every scale and "no option" is a lossy 80 or 95 elsewhere.
# Why it matters: whoever stores adversarial images and asks for the best quality destroys the perturbation (a budget of
# 8 of 255 against errors of 200 on noise), and robust accuracy measured from the files is that of a compression
# defence.
set -euo pipefail
folder=$(mktemp -d); trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
install() { if command -v uv >/dev/null; then uv pip install --quiet --python "$folder/venv/bin/python" "$@"; else "$folder/venv/bin/python" -m pip install --quiet "$@"; fi; }
install opencv-python-headless==5.0.0.93 pillow==13.0.0 numpy==2.4.6
HOME="$folder" "$folder/venv/bin/python" - <<'PY'
import io
import cv2, PIL
import numpy as np
from PIL import Image

print("OpenCV", cv2.__version__, "Pillow", PIL.__version__)
image = np.random.default_rng(0).integers(0, 256, (64, 64, 3)).astype(np.uint8)

def opencv(kind, *options):
    done, data = cv2.imencode(kind, image, list(options))
    assert done
    return int(np.abs(cv2.imdecode(data, cv2.IMREAD_COLOR).astype(int) - image).max())

def pillow(kind, **options):
    file = io.BytesIO()
    Image.fromarray(image).save(file, kind, **options)
    return int(np.abs(np.asarray(Image.open(file)).astype(int) - image).max())

webp = [opencv(".webp")] + [opencv(".webp", cv2.IMWRITE_WEBP_QUALITY, quality) for quality in (95, 100, 101)]
avif = [opencv(".avif"), opencv(".avif", cv2.IMWRITE_AVIF_QUALITY, 100)]
from_pillow = pillow("AVIF", quality=100), pillow("AVIF", quality=100, subsampling="4:4:4"), pillow("WEBP", quality=100)
print("OpenCV WebP, largest error without options, at 95, 100, 101:", webp)
print("OpenCV AVIF, without options, at 100:", avif)
print("Pillow AVIF at 100, the same with 4:4:4, WebP at 100:", from_pillow)
assert webp[0] == webp[3] == 0 and min(webp[1:3]) > 100
assert avif[0] > 100 and avif[1] == 0
assert from_pillow[0] > 50 and from_pillow[1] <= 8 and from_pillow[2] > 100
PY
