#!/usr/bin/env bash
# torchao 0.18.0 (torch 2.15.0): quantize_ on a convolutional network quantises its last layer alone.
#
# Seen: after quantize_(resnet18, Int8WeightOnlyConfig()) one of 21 layers with weights, the classifier's head, is int8; 20
# convolutions, 96 % of the weights, stay float32, without a warning. The same call on ViT-B/16 takes 88 % of the weights.
# A good guess is wrong because the config names a number format and not a kind of layer, and it returns without a word
# what it left out; the filter that takes linear layers only is a default argument.
# Why it matters: "the int8 network is as robust and as accurate as the float one" is true of almost the same network;
# size and speed do not change either.
set -euo pipefail
folder=$(mktemp -d); trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
install() { if command -v uv >/dev/null; then uv pip install --quiet --python "$folder/venv/bin/python" "$@"; else "$folder/venv/bin/python" -m pip install --quiet "$@"; fi; }
install torchao==0.18.0 torch==2.15.0 torchvision==0.29.2 numpy==2.4.6
HOME="$folder" "$folder/venv/bin/python" - <<'PY' 2>/dev/null
import torch, torchao, torchvision
from torchao.quantization import Int8WeightOnlyConfig, quantize_

print("torchao", torchao.__version__, "torch", torch.__version__)
counts = {}
for name in ("resnet18", "vit_b_16"):
    network = torchvision.models.get_model(name, weights=None).eval()
    quantize_(network, Int8WeightOnlyConfig())
    layers = [layer.weight for layer in network.modules() if isinstance(layer, (torch.nn.Linear, torch.nn.Conv2d))]
    changed = [weight for weight in layers if type(weight) is not torch.nn.Parameter]
    share = sum(weight.numel() for weight in changed) / sum(weight.numel() for weight in layers)
    counts[name] = len(changed), len(layers)
    print(name, "layers quantised:", counts[name], f"share of the weights {share:.3f}")
assert counts["resnet18"] == (1, 21)
PY
