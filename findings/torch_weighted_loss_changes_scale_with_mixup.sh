#!/usr/bin/env bash
# torch 2.15.0 with torchvision 0.29.2: turning on v2.MixUp or CutMix multiplies a class-weighted cross-entropy, by
# about 32 where the weights are 1, 10 and 100.
#
# Seen: 256 images, weights (1, 10, 100): the loss of the integer labels is 1.30, of the same labels as one-hot rows
# 41.60, 32.11 times as much, the mean weight of the labels, and after MixUp about the same. Without weights integers
# and one-hot rows agree.
# A good guess is wrong because one-hot rows and integers are the same labels, and the documentation calls both
# "targets"; but reduction="mean" divides by the sum of the weights for integers and by the number of images for rows.
# Why it matters: the learning rate is in effect multiplied by the mean weight on the day that someone adds mixing to
# harden a network, and what looks like the effect of MixUp is that of a larger step.
set -euo pipefail
folder=$(mktemp -d); trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
install() { if command -v uv >/dev/null; then uv pip install --quiet --python "$folder/venv/bin/python" "$@"; else "$folder/venv/bin/python" -m pip install --quiet "$@"; fi; }
install torch==2.15.0 torchvision==0.29.2 numpy==2.4.6
HOME="$folder" "$folder/venv/bin/python" - <<'PY'
import torch, torchvision
import torch.nn.functional as F
from torch import nn
from torchvision.transforms import v2

print("torch", torch.__version__, "torchvision", torchvision.__version__)
torch.manual_seed(0)
images, labels, logits = torch.rand(256, 3, 4, 4), torch.randint(0, 3, (256,)), torch.randn(256, 3)
weights = torch.tensor([1.0, 10.0, 100.0])
_, mixed = v2.MixUp(alpha=0.2, num_classes=3)(images, labels)
rows = F.one_hot(labels, 3).float()
loss = nn.CrossEntropyLoss(weight=weights)
integers, one_hot, after = (loss(logits, targets).item() for targets in (labels, rows, mixed))
print(f"weighted: integers {integers:.2f}, one-hot {one_hot:.2f}, after MixUp {after:.2f}")
print(f"quotient {one_hot / integers:.2f}, mean weight of the labels {weights[labels].mean():.2f}")
plain = F.cross_entropy(logits, labels).item(), F.cross_entropy(logits, rows).item()
print("without weights:", plain)
assert abs(one_hot / integers - weights[labels].mean().item()) < 1e-2 and after / integers > 15
assert abs(plain[0] - plain[1]) < 1e-5
PY
