#!/usr/bin/env bash
# torch 2.15.0: a parameter that is frozen between the forward and the backward pass silently gets no gradient.
#
# Seen: requires_grad_(False) after the loss was computed, then loss.backward(): weight.grad is None, bias.grad is there,
# and nothing is raised or warned. Frozen and thawed again before backward(), the gradient is there.
# A good guess is wrong because the graph of the loss was already built with the parameter in it: one would expect the
# flag to count at the next forward pass. So code that freezes a network for a moment (to explain or attack it) in
# another thread takes gradients from a training step that is between its two passes.
set -euo pipefail
folder=$(mktemp -d); trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
install() { if command -v uv >/dev/null; then uv pip install --quiet --python "$folder/venv/bin/python" "$@"; else "$folder/venv/bin/python" -m pip install --quiet "$@"; fi; }
install torch==2.15.0 numpy==2.4.0
"$folder/venv/bin/python" - <<'PY'
import warnings
import torch
from torch import nn

print("torch", torch.__version__)
warnings.simplefilter("error")
layer = nn.Linear(3, 2)
loss = layer(torch.ones(1, 3)).sum()
layer.weight.requires_grad_(False)
loss.backward()
print("frozen before backward:", layer.weight.grad, "| bias:", layer.bias.grad.tolist())
assert layer.weight.grad is None and layer.bias.grad is not None
layer.weight.requires_grad_(True)
loss = layer(torch.ones(1, 3)).sum()
layer.weight.requires_grad_(False)
layer.weight.requires_grad_(True)
loss.backward()
print("frozen and thawed before backward:", layer.weight.grad.tolist())
assert layer.weight.grad is not None
PY
