#!/usr/bin/env bash
# torch 2.15.0: antialias=True changes a bicubic resize that enlarges, where there is nothing to antialias.
#
# Seen: a random 8x8 image enlarged to 16x16 by F.interpolate: bicubic with and without antialias differ by about 0.05
# of 1, bilinear by 1e-7; Pillow's bicubic equals the one with antialias to 1e-6.
# A good guess is wrong because antialiasing widens the filter when an image shrinks and is the identity otherwise, as
# it is for bilinear; for bicubic the flag also swaps the kernel: coefficient -0.5 with it (as Pillow), -0.75 without
# (as OpenCV).
# Why it matters: small images (CIFAR, patches, heat maps) are enlarged to 224 before a network, so "no antialias
# needed" is a change of the input by several levels of 255 at every edge, about the size of a usual attack budget.
set -euo pipefail
folder=$(mktemp -d); trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
install() { if command -v uv >/dev/null; then uv pip install --quiet --python "$folder/venv/bin/python" "$@"; else "$folder/venv/bin/python" -m pip install --quiet "$@"; fi; }
install torch==2.15.0 pillow==13.0.0 numpy==2.4.6
HOME="$folder" "$folder/venv/bin/python" - <<'PY'
import numpy as np
import PIL, torch
import torch.nn.functional as F
from PIL import Image

print("torch", torch.__version__, "Pillow", PIL.__version__)
torch.manual_seed(0)
image = torch.rand(1, 1, 8, 8)
filters, found = {"bilinear": Image.Resampling.BILINEAR, "bicubic": Image.Resampling.BICUBIC}, {}
for mode, resampling in filters.items():
    plain, smooth = (F.interpolate(image, size=(16, 16), mode=mode, antialias=flag)[0, 0] for flag in (False, True))
    pillow = torch.from_numpy(np.array(Image.fromarray(image[0, 0].numpy()).resize((16, 16), resampling)))
    found[mode] = (plain - smooth).abs().max().item(), (smooth - pillow).abs().max().item()
    print(f"{mode}: antialias changes up to {found[mode][0]:.2g}; with it, Pillow differs by {found[mode][1]:.2g}")
line = torch.zeros(1, 1, 9, 9)
line[..., 4] = 1
coefficients, distance = [], 1.25  # the cubic's outer part is a * (d^3 - 5 d^2 + 8 d - 4)
for flag in (False, True):
    weight = F.interpolate(line, size=(9, 18), mode="bicubic", antialias=flag)[0, 0, 4, 6].item()
    coefficients.append(round(weight / (distance**3 - 5 * distance**2 + 8 * distance - 4), 3))
print("coefficient a without and with antialias:", coefficients)
assert found["bicubic"][0] > 0.02 and found["bilinear"][0] < 1e-5 and max(pair[1] for pair in found.values()) < 1e-5
assert coefficients == [-0.75, -0.5]
PY
