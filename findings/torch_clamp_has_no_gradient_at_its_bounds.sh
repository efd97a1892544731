#!/usr/bin/env bash
# torch 2.15.0: clamp(x, 0, 1) has gradient 0 at exactly 0 and 1; the same clamp with tensor bounds, or as a minimum of
# a maximum, has 0.5 there.
#
# Seen: gradient at 0, 0.5, 1: clamp, clip and hardtanh 0, 1, 0; clamp with tensor bounds and minimum(maximum(x, 0), 1)
# 0.5, 1, 0.5; clamp_min(0) at 0 gives 0. A 0/1 image passed through clamp(0, 1) before the network gets an input
# gradient of 0 at every pixel, and one of half size with tensor bounds.
# A good guess is wrong because torch gave 1 at the bounds from 2018 up to 2.13 (pytorch pull request 7049, issue
# 195931), and attacks that clamp to the valid range inside the graph lived on it.
# Why it matters: scans, masks, MNIST digits and saturated photos are full of exact 0 and 1, so an attack or a saliency
# map through such a clamp finds nothing to do; the network looks robust, or its gradient masked.
set -euo pipefail
folder=$(mktemp -d); trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
install() { if command -v uv >/dev/null; then uv pip install --quiet --python "$folder/venv/bin/python" "$@"; else "$folder/venv/bin/python" -m pip install --quiet "$@"; fi; }
install torch==2.15.0 numpy==2.4.6
HOME="$folder" "$folder/venv/bin/python" - <<'PY'
import torch
import torch.nn.functional as F
from torch import nn

print("torch", torch.__version__)
zero, one = torch.tensor(0.0), torch.tensor(1.0)
forms = {
    "clamp(0, 1)": lambda x: x.clamp(0, 1),
    "clip(0, 1)": lambda x: x.clip(0, 1),
    "hardtanh(0, 1)": lambda x: F.hardtanh(x, 0, 1),
    "clamp_min(0)": lambda x: x.clamp_min(0),
    "clamp with tensor bounds": lambda x: x.clamp(zero, one),
    "minimum of maximum": lambda x: torch.minimum(torch.maximum(x, zero), one),
}
found = {}
for name, form in forms.items():
    x = torch.tensor([0.0, 0.5, 1.0], requires_grad=True)
    form(x).sum().backward()
    found[name] = x.grad.tolist()
    print(f"{name}: gradient at 0, 0.5, 1: {found[name]}")
torch.manual_seed(0)
network = nn.Sequential(nn.Flatten(), nn.Linear(64, 2))
image = (torch.rand(1, 1, 8, 8) > 0.5).float().requires_grad_()
shares = []
for prepared in (image.clamp(0, 1), image.clamp(zero, one), image):
    gradient, = torch.autograd.grad(F.cross_entropy(network(prepared), torch.zeros(1, dtype=torch.long)), image)
    shares.append((gradient != 0).float().mean().item())
print("pixels of a 0/1 image with a gradient: behind clamp(0, 1), behind tensor bounds, without:", shares)
assert found["clamp(0, 1)"] == found["clip(0, 1)"] == found["hardtanh(0, 1)"] == [0.0, 1.0, 0.0]
assert found["clamp with tensor bounds"] == found["minimum of maximum"] == [0.5, 1.0, 0.5]
assert found["clamp_min(0)"][0] == 0 and shares == [0.0, 1.0, 1.0]
PY
