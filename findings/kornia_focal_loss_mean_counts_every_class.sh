#!/usr/bin/env bash
# kornia 0.9.0: the mean of losses.FocalLoss is over images and classes, so that it shrinks with the number of classes.
#
# Seen: with gamma=0 and without alpha, where focal loss is cross-entropy (Lin et al. 2017, arXiv 1708.02002), the mean is
# torch's cross_entropy divided by 2, 10 and 100 for so many classes; reduction="none" gives (n, k), nearly all 0.
# A good guess is wrong because torch's cross_entropy, and the paper's sum over anchors, count an image once.
# Why it matters: exchanged for cross-entropy at the same learning rate, training on 100 classes is a hundred times slower,
# and a sum with other terms (distillation, adversarial regularisation) has lost this one.
set -euo pipefail
folder=$(mktemp -d); trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
install() { if command -v uv >/dev/null; then uv pip install --quiet --python "$folder/venv/bin/python" "$@"; else "$folder/venv/bin/python" -m pip install --quiet "$@"; fi; }
install kornia==0.9.0 torch==2.15.0 numpy==2.4.6
HOME="$folder" "$folder/venv/bin/python" -W ignore - <<'PY'
import kornia
import torch
from kornia.losses import FocalLoss

print("kornia", kornia.__version__, "torch", torch.__version__)
torch.manual_seed(0)
for classes in (2, 10, 100):
    logits, labels = torch.randn(64, classes), torch.randint(classes, (64,))
    plain = torch.nn.functional.cross_entropy(logits, labels)
    focal = FocalLoss(alpha=None, gamma=0.0, reduction="mean")(logits, labels)
    each = FocalLoss(alpha=None, gamma=0.0, reduction="none")(logits, labels)
    print(f"{classes} classes: cross-entropy {plain:.4f}, focal {focal:.4f}, ratio {plain / focal:.3f}, {tuple(each.shape)}")
    assert abs(plain / focal - classes) < 1e-3 * classes
    assert each.shape == (64, classes) and (each != 0).sum() == 64
    torch.testing.assert_close(each.sum(1).mean(), plain)
PY
