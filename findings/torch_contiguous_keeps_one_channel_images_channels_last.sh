#!/usr/bin/env bash
# torch 2.15.0: contiguous() does not undo channels-last for images of one channel, so a network that flattens with
# view() fails on them; with three channels the same call helps.
#
# Seen: grey images from an (n, h, w, 1) array, permuted: strides (784, 1, 28, 1), is_contiguous() True in both formats;
# after contiguous() the strides are the same, the convolution's output is channels-last and view(n, -1) behind it
# raises "view size is not compatible"; numpy.ascontiguousarray before torch does not help either. A copy in (n, 1, h,
# w) passes. With 3 channels contiguous() cures it.
# A good guess is wrong because x.contiguous() is the known cure, and is_contiguous() says that it is not even needed; a
# size-1 channel fits both formats, and the convolution decides by the stride of that channel.
# Why it matters: the model works on the tensor its author tested and fails on an equal one (torch.equal is True) that
# came from NumPy: an audit blames the model, or the input, by its values.
set -euo pipefail
folder=$(mktemp -d); trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
install() { if command -v uv >/dev/null; then uv pip install --quiet --python "$folder/venv/bin/python" "$@"; else "$folder/venv/bin/python" -m pip install --quiet "$@"; fi; }
install torch==2.15.0 numpy==2.4.6
HOME="$folder" "$folder/venv/bin/python" - <<'PY'
import numpy as np
import torch
from torch import nn

print("torch", torch.__version__)

class Flattens(nn.Module):
    def __init__(self, channels):
        super().__init__()
        self.layer = nn.Conv2d(channels, 4, 3)
    def forward(self, x):
        return self.layer(x).view(len(x), -1)

def outcome(x):
    try:
        Flattens(x.shape[1])(x)
        return "passes"
    except RuntimeError as error:
        return str(error).split(" with ")[0]

found = {}
for channels in (1, 3):
    array = np.random.default_rng(0).random((8, 28, 28, channels), dtype="float32")
    permuted = torch.from_numpy(array).permute(0, 3, 1, 2)
    usual = torch.from_numpy(array.transpose(0, 3, 1, 2).copy())
    assert torch.equal(permuted, usual)
    after, numpys = permuted.contiguous(), torch.from_numpy(np.ascontiguousarray(array.transpose(0, 3, 1, 2)))
    assert (outcome(numpys) == "passes") == (channels == 3)
    found[channels] = outcome(usual), outcome(permuted), outcome(after), permuted.is_contiguous()
    print(f"{channels} channels: as (n, c, h, w) {found[channels][0]}; permuted {found[channels][1]};")
    print(f"  contiguous(): {found[channels][2]}; strides {after.stride()}, contiguous before {found[channels][3]}")
assert found[1][0] == found[3][0] == "passes" and found[1][3] and not found[3][3]
assert "not compatible" in found[1][1] and "not compatible" in found[1][2] and found[3][2] == "passes"
PY
