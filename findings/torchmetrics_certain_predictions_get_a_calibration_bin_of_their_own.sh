#!/usr/bin/env bash
# torchmetrics 1.9.0 (torch 2.15.0) against netcal 1.4.0: confidences of exactly 1.0 do not fall in the last bin of the
# expected calibration error, but in one more.
#
# Seen: ten images with confidence 0.95, all right, and ten with 1.0, nine right: with 1 bin torchmetrics gives 0.075,
# netcal 0.025, which is |0.975 - 0.95|, the definition; with 10 bins again 0.075 and 0.025. With 0.999999 for 1.0 all
# agree.
# A good guess is wrong because n_bins=1 seems to leave no choice of bin, and 1.0 belongs to the last bin in the paper
# (arXiv 1706.04599, bins closed on the right).
# Why it matters: float32 softmax gives exactly 1.0 from a margin of about 17 logits on, so overconfident networks,
# those that one measures calibration for, are scored by another metric than the rest, and float16 outputs by yet
# another.
set -euo pipefail
folder=$(mktemp -d); trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
install() { if command -v uv >/dev/null; then uv pip install --quiet --python "$folder/venv/bin/python" "$@"; else "$folder/venv/bin/python" -m pip install --quiet "$@"; fi; }
install torchmetrics==1.9.0 netcal==1.4.0 torch==2.15.0 numpy==2.4.6
HOME="$folder" "$folder/venv/bin/python" - <<'PY'
from importlib.metadata import version
import torch, torchmetrics
from netcal.metrics import ECE
from torchmetrics.functional.classification import multiclass_calibration_error

print("torchmetrics", torchmetrics.__version__, "netcal", version("netcal"), "torch", torch.__version__)
labels = torch.tensor([0] * 19 + [1])

def errors(certain, bins):
    first = torch.tensor([0.95] * 10 + [certain] * 10)
    probabilities = torch.stack([first, 1 - first], 1)
    here = multiclass_calibration_error(probabilities, labels, num_classes=2, n_bins=bins).item()
    return round(here, 4), round(float(ECE(bins).measure(probabilities.double().numpy(), labels.numpy())), 4)

found = {(certain, bins): errors(certain, bins) for certain in (1.0, 0.999999) for bins in (1, 10)}
for (certain, bins), (here, there) in found.items():
    print(f"confidence {certain}, {bins} bins: torchmetrics {here}, netcal {there}")
softmax = torch.softmax(torch.tensor([18.0, 0.0]), 0)[0].item()
print("softmax of a margin of 18 logits:", softmax)
assert found[1.0, 1] == found[1.0, 10] == (0.075, 0.025)
assert found[0.999999, 1] == found[0.999999, 10] == (0.025, 0.025) and softmax == 1.0
PY
