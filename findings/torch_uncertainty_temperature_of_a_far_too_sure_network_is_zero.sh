#!/usr/bin/env bash
# torch-uncertainty 0.13.0: TemperatureScaler makes a network that is far too sure surer still. The temperature that it finds
# is right up to about 5 and practically 0 beyond.
#
# Seen: 4,000 points, five classes, logits 5, 10 and 20 times too large. The likelihood is best at T = 2.5, 4.9 and 9.9;
# found are 2.5, 4.9 and less than 0.01, after which every probability is 0 or 1. Nothing is raised or warned of.
# A good guess is wrong because there is one number to find, the loss is convex in its inverse, and the method is known
# for never making things worse on the images that it was fitted on. The inverse is sought from 1 by L-BFGS with fixed
# steps and no line search: from a steep slope the first step is too long, and the next ones run along the far side.
# Why it matters: the accuracy does not change by it, so only the loss or a diagram shows it; and the networks that are
# hit are those that need calibration most: trained to the end on few images, or seen under attack.
set -euo pipefail
folder=$(mktemp -d); trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
install() { if command -v uv >/dev/null; then uv pip install --quiet --python "$folder/venv/bin/python" "$@"; else "$folder/venv/bin/python" -m pip install --quiet "$@"; fi; }
install torch-uncertainty==0.13.0 lightning==2.6.6 matplotlib seaborn scikit-learn==1.9.1 jsonargparse rich torch==2.15.0 torchvision==0.29.2 numpy==2.4.6 scipy==1.17.1
HOME="$folder" "$folder/venv/bin/python" -W ignore - 2>"$folder/said" <<'PY' || { cat "$folder/said"; exit 1; }
from importlib.metadata import version

import numpy as np
import torch
from scipy.optimize import minimize_scalar
from scipy.special import log_softmax
from torch.utils.data import DataLoader, TensorDataset
from torch_uncertainty.post_processing import TemperatureScaler

print("torch-uncertainty", version("torch-uncertainty"), "torch", torch.__version__)
random = np.random.default_rng(0)
labels = random.integers(0, 5, 4000)
rows = np.arange(4000)
calibrated_logits = random.normal(size=(4000, 5))
calibrated_logits[rows, labels] += 2

for times, right in ((5, True), (10, True), (20, False)):
    logits = (times * calibrated_logits).astype(np.float32)

    def loss(temperature):
        return float(-log_softmax(logits.astype(float) / temperature, 1)[rows, labels].mean())

    best = minimize_scalar(loss, (1, 100)).x
    scaler = TemperatureScaler(torch.nn.Identity())
    scaler.fit(DataLoader(TensorDataset(torch.tensor(logits), torch.tensor(labels)), batch_size=500), progress=False)
    found = float(scaler.temperature[0])
    print(f"logits {times} times: best T {best:.2f}, loss {loss(best):.3f}; found T {found:.4f}, loss {loss(found):.3f}; "
          f"uncalibrated {loss(1):.3f}")
    assert abs(found / best - 1) < 0.01 if right else found < 0.01 and loss(found) > 10 * loss(1)
PY
if grep -i "warn" "$folder/said" | grep -i -E "converge|temperature (is|ran)|diverg"; then echo "it warns now"; exit 1; fi
