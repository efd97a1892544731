#!/usr/bin/env bash
# lime 0.2.0.1 (scikit-image 0.26.0): the default superpixels of a small photograph are two; the same pixels as floats of
# 0 to 255 give ten times as many.
#
# Seen, one photograph brought to several sizes (uint8, and floats in [0, 1]): 2 superpixels at 28 and 32 pixels, 4 at 64, 33 at
# 224. As floats of 0 to 255: 37 at 32 pixels, 308 at 224.
# A good guess is wrong because explain_instance takes images of any size and its thousand samples suggest a fine map;
# its segmentation was set for photographs of some 300 pixels, and reads uint8 as [0, 1] but leaves floats as they are.
# Why it matters: on CIFAR, MNIST or Tiny ImageNet a "top features" picture can only be half the image or all of it, and
# whether the input was divided by 255 decides how fine an explanation looks.
set -euo pipefail
folder=$(mktemp -d); trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
install() { if command -v uv >/dev/null; then uv pip install --quiet --python "$folder/venv/bin/python" "$@"; else "$folder/venv/bin/python" -m pip install --quiet "$@"; fi; }
install lime==0.2.0.1 scikit-image==0.26.0 scikit-learn==1.9.1 numpy==2.4.6 scipy==1.17.1
HOME="$folder" "$folder/venv/bin/python" - <<'PY'
from importlib.metadata import version
import numpy as np
from lime.lime_image import LimeImageExplainer
from skimage import data, transform

print("lime", version("lime"), "scikit-image", version("scikit-image"))
network = lambda images: np.stack([images.mean((1, 2, 3)), 1 - images.mean((1, 2, 3))], 1)
counts = {}
for size in (28, 32, 64, 224):
    image = transform.resize(data.astronaut(), (size, size), anti_aliasing=True)
    for name, values in {"[0, 1]": image, "uint8": (image * 255).astype(np.uint8), "floats to 255": image * 255}.items():
        explained = LimeImageExplainer(random_state=0).explain_instance(values, network, num_samples=10, random_seed=0)
        counts[name, size] = len(np.unique(explained.segments))
    print(size, {name: count for (name, at), count in counts.items() if at == size})
assert all(counts[name, size] <= 3 for name in ("[0, 1]", "uint8") for size in (28, 32))
assert all(counts["floats to 255", size] >= 8 * counts["[0, 1]", size] for size in (28, 32, 64, 224))
PY
