#!/usr/bin/env bash
# zennit 0.5.1, torch 2.15.0, torchvision 0.29.2: a canonizer that merges batch-norms into the layers before them leaves
# a network of other logits, since what is left of each batch-norm still divides by sqrt(1 + eps).
#
# Seen: MobileNetV3-Small, whose batch-norms have eps 0.001, in float64 and evaluation mode: the logits of eight images
# differ by 8.5 % of their size once the canonizer is applied; those of ResNet-18 (eps 0.00001) by
# some 0.01 %. With eps set to 0 in the merged batch-norms the logits are the network's own to 1e-12. Relevances that
# sum to the logit then sum to another network's.
# A good guess is wrong because the merge itself takes eps into account, its docstring says that the batch-norm computes
# the identity afterwards, and canonizers are there to leave the function unchanged; running_var is set to 1, and eps
# stays.
# Why it matters: conservation is checked against a logit that the model never gave; comparing two libraries' relevances
# shows differences that belong to neither rule.
set -euo pipefail
folder=$(mktemp -d); trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
install() { if command -v uv >/dev/null; then uv pip install --quiet --python "$folder/venv/bin/python" "$@"; else "$folder/venv/bin/python" -m pip install --quiet "$@"; fi; }
install torch==2.15.0 torchvision==0.29.2 zennit==0.5.1 numpy==2.4.6
HOME="$folder" "$folder/venv/bin/python" - <<'PY'
from importlib.metadata import version

import torch
from torch import nn
from torchvision.models import mobilenet_v3_small, resnet18
from zennit.canonizers import SequentialMergeBatchNorm

print(*(f"{name} {version(name)}" for name in ("zennit", "torch", "torchvision")), sep=", ")
found = {}
for build in (mobilenet_v3_small, resnet18):
    torch.manual_seed(0)
    network, images = build().double(), torch.rand(8, 3, 96, 96, dtype=torch.float64)
    for layer in network.modules():
        if isinstance(layer, nn.BatchNorm2d):
            layer.momentum = None
    with torch.no_grad():
        network.train()(images)
        before = network.eval()(images)
        merged = SequentialMergeBatchNorm().apply(network)
        norms = [one.batch_norm for one in merged]
        after = network(images)
        eps = {norm.eps for norm in norms}
        for norm in norms:
            norm.eps = 0.0
        cured = network(images)
    size = before.norm()
    found[build.__name__] = (after - before).norm() / size, (cured - before).norm() / size
    print(f"{build.__name__}: {len(norms)} merged, eps {eps}; logits differ by {found[build.__name__][0]:.2%} of their size,"
          f" with eps 0 by {found[build.__name__][1]:.1e}")
assert found["mobilenet_v3_small"][0] > 5e-3 and found["resnet18"][0] > 1e-5
assert all(cured < 1e-9 for _, cured in found.values())
PY
