#!/usr/bin/env bash
# torch 2.15.0: the signature of a program exported from a network in training mode names no buffer that it changes,
# and yet every call moves the batch-norm statistics.
#
# Seen: graph_signature.buffers_to_mutate is {} right after torch.export.export; running the module once changes
# running_mean, running_var and num_batches_tracked; only after run_decompositions() are the three named.
# A good guess is wrong because the signature is the documented place to see what an exported program mutates, so an
# empty one reads like a program without side effects.
set -euo pipefail
folder=$(mktemp -d); trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
install() { if command -v uv >/dev/null; then uv pip install --quiet --python "$folder/venv/bin/python" "$@"; else "$folder/venv/bin/python" -m pip install --quiet "$@"; fi; }
install torch==2.15.0 numpy==2.4.0
"$folder/venv/bin/python" - <<'PY'
import torch
from torch import nn

print("torch", torch.__version__)
network = nn.Sequential(nn.Conv2d(3, 8, 3, padding=1), nn.BatchNorm2d(8), nn.ReLU()).train()
images = torch.rand(4, 3, 8, 8)
program = torch.export.export(network, (images,))
named = dict(program.graph_signature.buffers_to_mutate)
module = program.module()
before = {name: buffer.clone() for name, buffer in module.named_buffers()}
module(images)
moved = [name for name, buffer in module.named_buffers() if not torch.equal(buffer, before[name])]
later = sorted(program.run_decompositions().graph_signature.buffers_to_mutate.values())
print("the signature names:", named)
print("one call moved:", moved)
print("the signature after run_decompositions():", later)
assert named == {} and moved == ["1.running_mean", "1.running_var", "1.num_batches_tracked"] and len(later) == 3
PY
