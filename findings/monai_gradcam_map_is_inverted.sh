#!/usr/bin/env bash
# monai 1.6.1: the map of its GradCAM is 0 where the class was found and 1 elsewhere.
#
# Seen: a network that adds up a 2x2 bright patch: GradCAM's map is 0 on those four pixels and 1 on all others; captum's
# LayerGradCam of the same layer is largest on the patch. With postprocessing=lambda map: map MONAI's is, too.
# A good guess is wrong because Grad-CAM ends in a ReLU and every other library scales its result so that much means
# important; MONAI's default post-processing maps the largest value to 0. Pointing games, insertion and deletion curves,
# and the occlusion of "the most important patch" then all test the least important one, and an overlay still looks like
# a sensible picture (of the background).
set -euo pipefail
folder=$(mktemp -d); trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
install() { if command -v uv >/dev/null; then uv pip install --quiet --python "$folder/venv/bin/python" "$@"; else "$folder/venv/bin/python" -m pip install --quiet "$@"; fi; }
install monai==1.6.1 captum==0.9.0 torch==2.15.0 numpy==2.4.6
HOME="$folder" "$folder/venv/bin/python" - <<'PY'
import monai, torch
from importlib.metadata import version
from captum.attr import LayerGradCam
from monai.visualize import GradCAM
from torch import nn

print("monai", monai.__version__, "captum", version("captum"), "torch", torch.__version__)
network = nn.Sequential(nn.Conv2d(1, 1, 1, bias=False), nn.Flatten(), nn.Linear(64, 2, bias=False)).eval()
nn.init.ones_(network[0].weight)
nn.init.zeros_(network[2].weight)
nn.init.ones_(network[2].weight[1:2])
image = torch.zeros(1, 1, 8, 8)
image[..., 2:4, 2:4] = 1
patch = image[0, 0] == 1
default = torch.as_tensor(GradCAM(network, "0")(image, class_idx=1))[0, 0]
raw = torch.as_tensor(GradCAM(network, "0", postprocessing=lambda values: values)(image, class_idx=1))[0, 0]
captum = LayerGradCam(network, network[0]).attribute(image, target=1)[0, 0]
for name, values in (("MONAI", default), ("MONAI without post-processing", raw), ("captum", captum)):
    print(f"{name}: on the patch {values[patch].mean():.2f}, off it {values[~patch].mean():.2f}")
assert (default[patch] == 0).all() and (default[~patch] == 1).all()
assert (raw[patch] > raw[~patch].max()).all() and (captum[patch] > captum[~patch].max()).all()
PY
