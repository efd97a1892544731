#!/usr/bin/env bash
# timm 1.0.31 with Pillow 13.0.0: timm's usual RandAugment recipe raises on about one image in a thousand.
#
# Seen: rand-m9-mstd0.5-inc1 raises "ValueError: bits must be between or equal to 1 and 8" on 7 of 4,000 images,
# rand-m10-inc1 and rand-m2 on about 6 % of them; rand-m9-mstd0.5 (without inc1) never.
# A good guess is wrong because the recipe has trained networks for years and passes a test on a few batches: Posterize
# asks for 0 bits at the end of its range, which Pillow 12 took (and gave black) and 13 refuses. The strength is drawn
# from a normal distribution around 9 and cut at 10, so a run ends at random, hours into training, and a resumed one
# passes that image.
# Why it matters: whoever hardens a network by augmentation loses runs, and in older runs such images came out black.
set -euo pipefail
folder=$(mktemp -d); trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
install() { if command -v uv >/dev/null; then uv pip install --quiet --python "$folder/venv/bin/python" "$@"; else "$folder/venv/bin/python" -m pip install --quiet "$@"; fi; }
install timm==1.0.31 torch==2.15.0 torchvision==0.29.2 pillow==13.0.0 numpy==2.4.6
HOME="$folder" "$folder/venv/bin/python" - <<'PY'
import random
import numpy as np
import PIL, timm
from PIL import Image
from timm.data.auto_augment import rand_augment_transform

print("timm", timm.__version__, "Pillow", PIL.__version__)
image = Image.fromarray(np.random.default_rng(0).integers(0, 256, (32, 32, 3)).astype(np.uint8))

def failures(recipe, images):
    random.seed(0)
    np.random.seed(0)
    transform, messages = rand_augment_transform(recipe, {"img_mean": (128, 128, 128)}), []
    for _ in range(images):
        try:
            transform(image)
        except ValueError as error:
            messages.append(str(error))
    assert all(message.startswith("bits must be between") for message in messages)
    return len(messages)

recipes = ("rand-m9-mstd0.5-inc1", "rand-m9-mstd0.5", "rand-m10-inc1", "rand-m2")
found = {recipe: failures(recipe, 4000) for recipe in recipes}
for recipe, number in found.items():
    print(f"{recipe}: {number} of 4000 images raise")
assert 1 <= found["rand-m9-mstd0.5-inc1"] <= 40 and found["rand-m9-mstd0.5"] == 0
assert found["rand-m10-inc1"] > 100 and found["rand-m2"] > 100
PY
