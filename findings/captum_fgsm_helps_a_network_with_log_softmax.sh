#!/usr/bin/env bash
# captum 0.9.0 (torch 2.15.0): captum.robust.FGSM with its default loss makes the images of a network that ends in
# log-softmax easier for it, in exactly the opposite direction of the attack.
#
# Seen: 64 images that a small network gets right: plain FGSM at eps 0.05 with cross-entropy leaves an accuracy of
# 0.109; captum's default leaves 1.0 on the network that returns log-probabilities (every pixel goes the other way),
# 0.156 on logits (14 % of the pixels go the other way) and the same images as plain FGSM on probabilities. With
# loss_func=CrossEntropyLoss(reduction="none") the logits, too, give plain FGSM.
# A good guess is wrong because log-probabilities, with NLL loss, are torch's second standard output and no warning
# tells them apart; the default loss takes the logarithm of the target output, which for a negative number is NaN with a
# finite gradient of the wrong sign. captum.robust.PGD has the same default.
# Why it matters: 100 % "robust accuracy" that no gradient check finds, since gradients are there and not 0.
set -euo pipefail
folder=$(mktemp -d); trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
install() { if command -v uv >/dev/null; then uv pip install --quiet --python "$folder/venv/bin/python" "$@"; else "$folder/venv/bin/python" -m pip install --quiet "$@"; fi; }
install captum==0.9.0 torch==2.15.0 numpy==2.4.6
HOME="$folder" "$folder/venv/bin/python" - <<'PY'
from importlib.metadata import version
import torch
import torch.nn.functional as F
from captum.robust import FGSM
from torch import nn

print("captum", version("captum"), "torch", torch.__version__)
torch.manual_seed(0)
logits = nn.Sequential(nn.Conv2d(3, 8, 3, padding=1), nn.ReLU(), nn.Flatten(), nn.Linear(512, 5)).eval()
images, eps = torch.rand(64, 3, 8, 8), 0.05
labels = logits(images).argmax(1)
images.requires_grad_()
direction = torch.autograd.grad(F.cross_entropy(logits(images), labels, reduction="sum"), images)[0].sign()
images = images.detach()
plain = (images + eps * direction).clamp(0, 1)
opposite = (images - eps * direction).clamp(0, 1)

def attacked(network, **loss):
    return FGSM(network, lower_bound=0, upper_bound=1, **loss).perturb(images, eps, labels)

def accuracy(adversarial):
    return (logits(adversarial).argmax(1) == labels).float().mean().item()

found = {
    "log-probabilities": attacked(nn.Sequential(logits, nn.LogSoftmax(1))),
    "logits": attacked(logits),
    "probabilities": attacked(nn.Sequential(logits, nn.Softmax(1))),
    "logits with cross-entropy": attacked(logits, loss_func=nn.CrossEntropyLoss(reduction="none")),
}
print(f"plain FGSM: accuracy {accuracy(plain):.3f}")
like = {}
for name, adversarial in found.items():
    equal = [((adversarial - other).abs() < 1e-6).float().mean().item() for other in (plain, opposite)]
    like[name] = tuple(round(share, 3) for share in equal)
    print(f"captum on {name}: accuracy {accuracy(adversarial):.3f}; like plain FGSM, like its opposite: {like[name]}")
assert accuracy(plain) < 0.3 and accuracy(found["log-probabilities"]) == 1.0
assert like["log-probabilities"][1] > 0.99 and like["logits with cross-entropy"][0] > 0.99
assert like["probabilities"][0] > 0.99 and like["logits"][0] < 0.99
PY
