#!/usr/bin/env bash
# datasets 5.2.0: where one class folder is called "train", "test", "val" or "dev", the imagefolder loader returns the
# images of that class alone and drops every other class, without an error or a warning.
#
# Seen: folders bus, car and train with two images each: {'train': 2 images, no label column}; good, bad, val:
# {'validation': 2}. Even a part of a file name does it: cat/ and dog/ with a.png, a-test.png, b.png: {'test': 2}. With
# folders bus, car, tram: 6 images with a label column.
# A good guess is wrong because the class folders are given at the top of data_dir, where torchvision, timm and Keras
# read any name as a class; at most a class too many would be expected, not all the others gone. "train" is a class of
# VOC and of COCO, "good"/"bad" sets with "val" or "test" in file names are usual, and an audit of what is left looks
# complete.
set -euo pipefail
folder=$(mktemp -d); trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
install() { if command -v uv >/dev/null; then uv pip install --quiet --python "$folder/venv/bin/python" "$@"; else "$folder/venv/bin/python" -m pip install --quiet "$@"; fi; }
install datasets==5.2.0 pillow==13.0.0 numpy==2.4.6
HOME="$folder" HF_HUB_OFFLINE=1 "$folder/venv/bin/python" - <<'PY'
import pathlib, tempfile, warnings
import datasets
from PIL import Image

print("datasets", datasets.__version__)
warnings.simplefilter("error")
datasets.disable_progress_bars()

def loaded(files):
    with tempfile.TemporaryDirectory() as folder:
        for name in files:
            path = pathlib.Path(folder, name)
            path.parent.mkdir(exist_ok=True)
            Image.new("RGB", (4, 4)).save(path)
        splits = datasets.load_dataset("imagefolder", data_dir=folder)
        return {split: (len(rows), "label" in rows.features) for split, rows in splits.items()}

def images(*classes):
    return [f"{name}/{number}.png" for name in classes for number in (0, 1)]

found = {
    "bus, car, tram": loaded(images("bus", "car", "tram")),
    "bus, car, train": loaded(images("bus", "car", "train")),
    "good, bad, val": loaded(images("good", "bad", "val")),
    "cat and dog, each with a-test.png": loaded([f"{c}/{n}.png" for c in ("cat", "dog") for n in ("a", "a-test", "b")]),
}
for folders, splits in found.items():
    print(folders, "-> {split: (images, whether they have a label)}:", splits)
assert found["bus, car, tram"] == {"train": (6, True)}
assert found["bus, car, train"] == {"train": (2, False)}
assert found["good, bad, val"] == {"validation": (2, False)}
assert found["cat and dog, each with a-test.png"]["test"][0] == 2
assert list(found["cat and dog, each with a-test.png"]) == ["test"]
PY
