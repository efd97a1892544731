#!/usr/bin/env bash
# Pillow 13.0.0 and opencv-python-headless 5.0.0.93: a PGM image with a maximum other than 255 or 65535 has other values
# in each.
#
# Seen: white of a 12-bit PGM (maximum 4095) is 65535 in Pillow and imageio and 4095 in OpenCV (IMREAD_UNCHANGED), 15
# with IMREAD_GRAYSCALE; of one with maximum 100, 255 and 100. The same 4095 in a 16-bit PNG or TIFF is 4095 in Pillow.
# A good guess is wrong because both libraries agree on PNG, JPEG and BMP to the last bit, and a reader that keeps
# 12-bit PNG and TIFF as stored would be expected to keep PGM as stored; Pillow applies the maximum of the header,
# OpenCV ignores it.
# Why it matters: cameras and medical sets come as 10- and 12-bit PGM. A network fed by the other library sees images 16
# times darker or, at 8 bits, black, and one fed from PNG copies of the same files changes, too.
set -euo pipefail
folder=$(mktemp -d); trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
install() { if command -v uv >/dev/null; then uv pip install --quiet --python "$folder/venv/bin/python" "$@"; else "$folder/venv/bin/python" -m pip install --quiet "$@"; fi; }
install pillow==13.0.0 opencv-python-headless==5.0.0.93 imageio==2.38.1 numpy==2.4.6
HOME="$folder" "$folder/venv/bin/python" - <<'PY'
import io
import cv2, imageio, PIL
import imageio.v3 as iio
import numpy as np
from PIL import Image

print("Pillow", PIL.__version__, "OpenCV", cv2.__version__, "imageio", imageio.__version__)

def pgm(maximum):
    values = np.array([0, maximum])
    return b"P5\n2 1\n%d\n" % maximum + values.astype(">u2" if maximum > 255 else "u1").tobytes()

found = {}
for maximum in (100, 255, 4095, 65535):
    data = pgm(maximum)
    buffer = np.frombuffer(data, np.uint8)
    white = [np.asarray(Image.open(io.BytesIO(data)))[0, 1], iio.imread(data, extension=".pgm")[0, 1]]
    white += [cv2.imdecode(buffer, flag)[0, 1] for flag in (cv2.IMREAD_UNCHANGED, cv2.IMREAD_GRAYSCALE)]
    found[maximum] = [int(value) for value in white]
    print(f"maximum {maximum}: white in Pillow, imageio, OpenCV unchanged, OpenCV grey: {found[maximum]}")
kept = {}
for kind in ("PNG", "TIFF"):
    file = io.BytesIO()
    Image.fromarray(np.array([[0, 4095]], np.uint16)).save(file, kind)
    kept[kind] = int(np.asarray(Image.open(file))[0, 1])
print("4095 stored in 16 bits, read by Pillow:", kept)
assert found[4095] == [65535, 65535, 4095, 15] and found[100][:3] == [255, 255, 100]
assert found[255][:3] == [255] * 3 and found[65535][:3] == [65535] * 3 and kept == {"PNG": 4095, "TIFF": 4095}
PY
