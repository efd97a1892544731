#!/usr/bin/env bash
# captum 0.9.0 (torch 2.15.0): on networks with GELU, SiLU, Hardswish, ReLU6, PReLU, Mish or SELU, DeepLift returns the
# gradient times the input and no longer adds up to the change of the output; there is no warning about it.
#
# Seen: a two-layer network: with ReLU, ELU or Softplus the convergence delta is below 1e-5; with each of the seven
# above it is larger than 0.01, and the attributions equal InputXGradient's to 1e-6.
# A good guess is wrong because DeepLift's rescale rule needs nothing but an elementwise function and the paper (arXiv
# 1704.02685) has no list of them; captum applies it to a fixed list of classes and leaves the rest to plain gradients.
# PReLU and ReLU6 are missing beside ReLU.
# Why it matters: ViT, ConvNeXt, EfficientNet and MobileNet are made of these. "Two methods agree" is then one method
# twice, and completeness, the reason to choose DeepLift, is gone.
set -euo pipefail
folder=$(mktemp -d); trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
install() { if command -v uv >/dev/null; then uv pip install --quiet --python "$folder/venv/bin/python" "$@"; else "$folder/venv/bin/python" -m pip install --quiet "$@"; fi; }
install captum==0.9.0 torch==2.15.0 numpy==2.4.6
HOME="$folder" "$folder/venv/bin/python" - <<'PY'
import warnings
from importlib.metadata import version
import torch
from captum.attr import DeepLift, InputXGradient
from torch import nn

print("captum", version("captum"), "torch", torch.__version__)
rescaled, plain = (nn.ReLU, nn.ELU, nn.Softplus), (nn.GELU, nn.SiLU, nn.Hardswish, nn.ReLU6, nn.PReLU, nn.Mish, nn.SELU)
for activation in rescaled + plain:
    torch.manual_seed(0)
    network, images = nn.Sequential(nn.Linear(4, 8), activation(), nn.Linear(8, 2)).eval(), 3 * torch.randn(8, 4)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        values, delta = DeepLift(network).attribute(images, target=1, return_convergence_delta=True)
    gradient = InputXGradient(network).attribute(images.clone().requires_grad_(), target=1)
    delta, same = delta.abs().max().item(), torch.allclose(values, gradient, atol=1e-6)
    named = any(activation.__name__ in str(item.message) for item in caught)
    print(f"{activation.__name__}: delta {delta:.2g}, equals gradient times input: {same}, named in a warning: {named}")
    assert not named and (delta < 1e-5 and not same if activation in rescaled else delta > 0.01 and same)
PY
