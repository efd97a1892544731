#!/usr/bin/env bash
# captum 0.9.0 (torch 2.15.0, scikit-learn 1.9.1): with the same two superpixels numbered 0 and 1000 instead of 0 and 1,
# KernelShap gives other values and ShapleyValueSampling runs 2,003 forward passes instead of 5.
#
# Seen: the sum of a 4x4 image, explained by its two halves: numbered 0 and 1 KernelShap gives each half its exact sum;
# numbered 0 and 1000, with the same seed and 50 samples, it gives values below a tenth of that. FeatureAblation gives
# the same result in 3 passes either way. ShapleyValueSampling, which is right, warns of the gaps; KernelShap does not.
# A good guess is wrong because a mask reads like a set of names: FeatureAblation treats it so since it looks only at
# the numbers that occur; the other two count every number up to the largest as a feature, and KernelShap fits them all.
# Why it matters: segmentation labels have gaps as soon as small regions are merged or a crop cuts some off, and the map
# still looks plausible, only too small and noisy.
set -euo pipefail
folder=$(mktemp -d); trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
install() { if command -v uv >/dev/null; then uv pip install --quiet --python "$folder/venv/bin/python" "$@"; else "$folder/venv/bin/python" -m pip install --quiet "$@"; fi; }
install captum==0.9.0 scikit-learn==1.9.1 torch==2.15.0 numpy==2.4.6
HOME="$folder" "$folder/venv/bin/python" - <<'PY'
import warnings
from importlib.metadata import version
import torch
from captum.attr import FeatureAblation, KernelShap, ShapleyValueSampling

print("captum", version("captum"), "torch", torch.__version__)
torch.manual_seed(0)
image, halves, passes = torch.rand(1, 1, 4, 4), torch.arange(16).view(1, 1, 4, 4) // 8, []

def total(batch):
    passes.append(len(batch))
    return batch.flatten(1).sum(1, keepdim=True)

def explained(method, mask, **options):
    passes.clear()
    torch.manual_seed(0)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        result = method(total).attribute(image, target=0, feature_mask=mask, **options)[0, 0]
    warned = any("mask" in str(item.message) for item in caught)
    return [round(result[0, 0].item(), 3), round(result[3, 3].item(), 3)], len(passes), warned

exact = [round(half.sum().item(), 3) for half in (image[0, 0, :2], image[0, 0, 2:])]
print("sums of the halves:", exact)
found = {}
for name, mask in (("0 and 1", halves), ("0 and 1000", halves * 1000)):
    found[name] = (
        explained(FeatureAblation, mask),
        explained(ShapleyValueSampling, mask, n_samples=2),
        explained(KernelShap, mask, n_samples=50),
    )
    print(f"numbered {name}, (values, passes, a warning): ablation, Shapley sampling, KernelShap:", found[name])
close, far = found["0 and 1"], found["0 and 1000"]
assert close[0] == far[0] and close[1][0] == far[1][0] and far[1][2] and not far[2][2]
assert close[1][1] == 5 and far[1][1] > 2000
assert all(abs(value - sum_) < 0.01 for value, sum_ in zip(close[2][0], exact))
assert all(abs(value) < 0.3 * sum_ for value, sum_ in zip(far[2][0], exact))
PY
