#!/usr/bin/env bash
# datasets 5.2.0 and transformers 5.24.0 apply a photograph's EXIF orientation, timm 1.0.31 and torchvision 0.29.2's
# ImageFolder do not: one folder of a phone's pictures is upright in one half of a project and on its side in the other.
#
# Seen: a JPEG of 40 x 20 pixels with orientation 6. load_dataset("imagefolder") and transformers' load_image give 20 x 40;
# timm's create_dataset("folder"), ImageFolder and torchvision's decode_image give 40 x 20.
# A good guess is wrong because all of them read JPEG by the same Pillow, whose open() does not turn, and since the folder
# layout, the classes and the number of images agree, nothing else tells that the readers differ.
# Why it matters: a network fine-tuned on one reader and measured by the other loses accuracy on upright photographs only,
# which looks like a domain shift.
set -euo pipefail
folder=$(mktemp -d); trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
install() { if command -v uv >/dev/null; then uv pip install --quiet --python "$folder/venv/bin/python" "$@"; else "$folder/venv/bin/python" -m pip install --quiet "$@"; fi; }
install datasets==5.2.0 transformers==5.24.0 timm==1.0.31 torch==2.15.0 torchvision==0.29.2 Pillow==13.0.0 numpy==2.4.6
HOME="$folder" HF_HUB_OFFLINE=1 "$folder/venv/bin/python" -W ignore - "$folder/photos" <<'PY'
import sys
from pathlib import Path

import datasets
import numpy as np
import timm
import torchvision
import transformers
from PIL import Image
from timm.data import create_dataset
from torchvision.datasets import ImageFolder
from torchvision.io import decode_image
from transformers.image_utils import load_image

for library in (datasets, transformers, timm, torchvision):
    print(library.__name__, library.__version__)
root = Path(sys.argv[1])
turned = Image.Exif()
turned[0x0112] = 6
for name in ("cat", "dog"):
    (root / name).mkdir(parents=True)
    Image.fromarray(np.zeros((20, 40, 3), np.uint8)).save(root / name / "1.jpg", exif=turned)
datasets.disable_progress_bars()

photo = str(root / "cat" / "1.jpg")
sizes = {
    "datasets": datasets.load_dataset("imagefolder", data_dir=str(root), split="train")[0]["image"].size,
    "transformers": load_image(photo).size,
    "timm": create_dataset("folder", root=str(root))[0][0].size,
    "ImageFolder": ImageFolder(str(root))[0][0].size,
    "decode_image": tuple(decode_image(photo).shape[:0:-1]),
}
print(sizes)
upright, lying = (20, 40), (40, 20)
assert sizes == {"datasets": upright, "transformers": upright, "timm": lying, "ImageFolder": lying, "decode_image": lying}
PY
