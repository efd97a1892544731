#!/usr/bin/env bash
# torchmetrics 1.9.0 (torch 2.15.0): without data_range, the SSIM of one image pair depends on the other pairs of the
# batch, also with reduction="none".
#
# Seen: the same pair of images: 0.932 alone, 0.992 in a batch with three pairs of ten times the range; with
# data_range=1.0 it is 0.9404 either way.
# A good guess is wrong because reduction="none" promises one score an image and the paper's constants are fixed per
# image format; the range is taken from the largest and smallest value of the whole batch.
# Why it matters: "imperceptible" is often shown by an SSIM near 1. For normalised images (no range is given, since it
# is not 1) the score rises by putting a bright image in the batch, and changes with the batch size.
set -euo pipefail
folder=$(mktemp -d); trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
install() { if command -v uv >/dev/null; then uv pip install --quiet --python "$folder/venv/bin/python" "$@"; else "$folder/venv/bin/python" -m pip install --quiet "$@"; fi; }
install torchmetrics==1.9.0 torch==2.15.0 numpy==2.4.6
HOME="$folder" "$folder/venv/bin/python" - <<'PY'
import torch, torchmetrics
import torch.nn.functional as F
from torchmetrics.functional.image import structural_similarity_index_measure as ssim

print("torchmetrics", torchmetrics.__version__, "torch", torch.__version__)
torch.manual_seed(0)
clean = F.avg_pool2d(torch.rand(4, 3, 32, 32), 5, 1, 2)
adversarial = clean + 0.02 * torch.randn_like(clean)
scale = torch.tensor([1.0, 10.0, 10.0, 10.0]).view(4, 1, 1, 1)
batch = clean * scale, adversarial * scale
found = {}
for name, options in (("no data_range", {}), ("data_range=1.0", {"data_range": 1.0})):
    alone = ssim(clean[:1], adversarial[:1], reduction="none", **options)[0].item()
    found[name] = alone, ssim(*batch, reduction="none", **options)[0].item()
    print(f"{name}: the first pair alone {found[name][0]:.4f}, among others {found[name][1]:.4f}")
assert found["no data_range"][1] - found["no data_range"][0] > 0.05
assert abs(found["data_range=1.0"][1] - found["data_range=1.0"][0]) < 1e-5
PY
