#!/usr/bin/env bash
# quantus 0.6.0, torch 2.15.0: PixelFlipping with perturb_baseline="mean" fills each step with the mean of the image as
# perturbed so far, not with the mean of the image, so that two explanations are judged with different fills.
#
# Seen: an image of 8 x 8 pixels, the first quarter 1 and the rest 0 (mean 0.25), flipped in eight steps. Bright pixels
# first, the steps are filled with 0.25, 0.16, 0.05, 0.06 ... 0.09; bright ones last with 0.25, 0.28, 0.32 ... 0.51, 0.45.
# Both have then replaced every pixel of one image, and the same network gives a probability of 0.551 in one case
# and 0.680 in the other.
# A good guess is wrong because a baseline is named once for a whole curve, deletion curves of one image are taken to begin
# and end at the same points whatever the order, and the number 0.25 given by hand in place of "mean" does that.
# Why it matters: the curve's area, by which explanations are ranked, holds a part that comes from the fill alone. IROF has
# "mean" as its default.
set -euo pipefail
folder=$(mktemp -d); trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
install() { if command -v uv >/dev/null; then uv pip install --quiet --python "$folder/venv/bin/python" "$@"; else "$folder/venv/bin/python" -m pip install --quiet "$@"; fi; }
install torch==2.15.0 torchvision==0.29.2 quantus==0.6.0 numpy==2.4.6
HOME="$folder" "$folder/venv/bin/python" - <<'PY'
import inspect
from importlib.metadata import version

import numpy as np
import quantus
import torch
from torch import nn

print(*(f"{name} {version(name)}" for name in ("quantus", "torch", "numpy")), sep=", ")
seen = []


class Mean(nn.Module):
    """The logit of class 0 is the image's mean."""

    def forward(self, images):
        seen.append(images.detach().clone())
        mean = images.flatten(1).mean(1)
        return torch.stack([mean, -mean], 1)


image = np.zeros((1, 1, 8, 8), np.float32)
image[:, :, :2] = 1
bright_first = np.arange(64, 0, -1, dtype=np.float32).reshape(1, 1, 8, 8)
ends, fills = {}, {}
for baseline in ("mean", 0.25):
    for name, attribution in (("bright first", bright_first), ("bright last", bright_first[:, :, ::-1, ::-1].copy())):
        seen.clear()
        metric = quantus.PixelFlipping(features_in_step=8, perturb_baseline=baseline, disable_warnings=True)
        curve = metric(Mean().eval(), image, np.array([0]), attribution)[0]
        # Those that a step has filled: where it differs from the step before
        images = [torch.from_numpy(image), *seen]
        new = [after[after != before] for before, after in zip(images, images[1:])]
        fills[baseline, name] = [round(one.unique().item(), 2) for one in new if len(one)]
        ends[baseline, name] = curve[-1]
        print(f"baseline {baseline}, {name}: fills {fills[baseline, name]}, ends at {curve[-1]:.3f}")
assert len(set(fills["mean", "bright first"])) > 3 and len(set(fills["mean", "bright last"])) > 3
assert ends["mean", "bright last"] - ends["mean", "bright first"] > 0.1
assert abs(ends[0.25, "bright last"] - ends[0.25, "bright first"]) < 1e-6
assert inspect.signature(quantus.IROF).parameters["perturb_baseline"].default == "mean"
PY
