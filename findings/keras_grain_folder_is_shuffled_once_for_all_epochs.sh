#!/usr/bin/env bash
# keras 3.15.1 with grain 0.2.18: image_dataset_from_directory(format="grain"), shuffled by default, gives the same batches
# in the same order in every epoch.
#
# Seen: 40 images in batches of four, three epochs of fit(): thirty batches, of which ten are different. With arrays in
# place of the folder, fit() draws ten new batches an epoch. With and without a seed.
# A good guess is wrong because shuffle=True is the default and fit() says nothing, the same call with the default format
# (tf) is documented by tf.data to shuffle anew each time, and arrays are. What is shuffled is the list, once.
# Why it matters: images that share a batch share its batch-norm statistics and its gradient in all epochs: training
# loses most of what stochastic batches are for, and nothing but the accuracy says so.
set -euo pipefail
folder=$(mktemp -d); trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
install() { if command -v uv >/dev/null; then uv pip install --quiet --python "$folder/venv/bin/python" "$@"; else "$folder/venv/bin/python" -m pip install --quiet "$@"; fi; }
install keras==3.15.1 grain==0.2.18 torch==2.15.0 numpy==2.4.6 Pillow==13.0.0
HOME="$folder" KERAS_BACKEND=torch "$folder/venv/bin/python" -W ignore - "$folder/photos" 2>"$folder/said" <<'PY' || { cat "$folder/said"; exit 1; }
import sys
from importlib.metadata import version
from pathlib import Path

import keras
import numpy as np
from PIL import Image

print("keras", keras.__version__, "grain", version("grain"))
root = Path(sys.argv[1])
for number in range(40):
    path = root / f"class-{number // 20}" / f"{number}.png"
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.full((8, 8, 3), number, np.uint8)).save(path)
seen = []


class Record(keras.layers.Layer):
    def call(self, images):
        if not isinstance(images, keras.KerasTensor) and images.device.type != "meta":
            seen.append(tuple(images[:, 0, 0, 0].int().tolist()))
        return images / 255


def epochs(data, **more):
    layers = [keras.layers.Input((8, 8, 3)), Record(), keras.layers.Flatten(), keras.layers.Dense(2, "softmax")]
    network = keras.Sequential(layers)
    network.compile(loss="sparse_categorical_crossentropy", optimizer="sgd", run_eagerly=True)
    seen.clear()
    network.fit(**data, **more, epochs=3, verbose=0)
    assert len(seen) == 30
    return [tuple(seen[start : start + 10]) for start in (0, 10, 20)]


def from_folder(**more):
    return keras.utils.image_dataset_from_directory(
        str(root), image_size=(8, 8), batch_size=4, format="grain", verbose=False, **more
    )


arrays = np.arange(40, dtype=np.float32)[:, None, None, None] * np.ones((1, 8, 8, 3), np.float32)
for words, data, more, different in (
    ("folder", {"x": from_folder()}, {}, 1),
    ("folder with a seed", {"x": from_folder(seed=1)}, {}, 1),
    ("arrays", {"x": arrays, "y": np.arange(40) // 20}, {"batch_size": 4}, 3),
):
    orders = set(epochs(data, **more))
    print(f"{words}: {len(orders)} different order(s) in three epochs")
    assert len(orders) == different
    assert all(order != tuple(sorted(order)) for order in orders), "it is shuffled at all"
PY
