#!/usr/bin/env bash
# timm 1.0.31 and torchvision 0.29.2: the same class folders get other class numbers.
#
# Seen: folders 1, 2, 10, 20, ant, Cat: torchvision's ImageFolder sorts them 1, 10, 2, 20, Cat, ant; timm's folder
# reader 1, 2, 10, 20, ant, Cat. A folder with WebP images alone is a class for torchvision and absent for timm, which
# shifts all classes behind it.
# A good guess is wrong because both number the sorted folder names and timm is built on torchvision; but timm sorts
# numbers as numbers and without regard to case, and reads PNG and JPEG only by default.
# Why it matters: folders named by class numbers (0..99 without leading zeros) are common; a network trained with timm's
# script and audited through an ImageFolder keeps ten classes right and permutes the others: a low accuracy that looks
# like a weak model and attacks that "succeed" at once.
set -euo pipefail
folder=$(mktemp -d); trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
install() { if command -v uv >/dev/null; then uv pip install --quiet --python "$folder/venv/bin/python" "$@"; else "$folder/venv/bin/python" -m pip install --quiet "$@"; fi; }
install timm==1.0.31 torch==2.15.0 torchvision==0.29.2 pillow==13.0.0 numpy==2.4.6
HOME="$folder" "$folder/venv/bin/python" - <<'PY'
import pathlib, tempfile
import timm, torchvision
from PIL import Image
from timm.data.readers import create_reader

print("timm", timm.__version__, "torchvision", torchvision.__version__)

def numbered(classes):
    with tempfile.TemporaryDirectory() as folder:
        for name, kind in classes.items():
            pathlib.Path(folder, name).mkdir()
            Image.new("RGB", (4, 4)).save(f"{folder}/{name}/image.{kind}")
        both = torchvision.datasets.ImageFolder(folder).class_to_idx, create_reader("folder", root=folder).class_to_idx
    return [sorted(numbers, key=numbers.get) for numbers in both]

names = numbered(dict.fromkeys(("1", "2", "10", "20", "ant", "Cat"), "png"))
kinds = numbered({"ant": "png", "bee": "webp", "cat": "jpg"})
hundred = numbered(dict.fromkeys(map(str, range(100)), "png"))
same = sum(a == b for a, b in zip(*hundred))
print("torchvision:", names[0], "| timm:", names[1])
print("torchvision:", kinds[0], "| timm:", kinds[1])
print("of the folders 0..99", same, "have the same number in both")
assert names == [["1", "10", "2", "20", "Cat", "ant"], ["1", "2", "10", "20", "ant", "Cat"]]
assert kinds == [["ant", "bee", "cat"], ["ant", "cat"]] and same < 20
PY
