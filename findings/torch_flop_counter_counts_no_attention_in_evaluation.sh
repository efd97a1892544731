#!/usr/bin/env bash
# torch 2.15.0: FlopCounterMode counts nothing of MultiheadAttention and TransformerEncoderLayer in evaluation mode without
# gradients, and nothing of an LSTM on a processor, ever.
#
# Seen: a TransformerEncoderLayer(64, 4, 128) on 2 x 16 tokens: 2,228,224 with gradients, 0 in eval() under no_grad.
# MultiheadAttention alone: 1,179,648 and 0. LSTM(64, 64): 0 of 2,097,152 in both, while GRU(64, 64) has all 1,572,864.
# A good guess is wrong because the counter sees operators, not modules, and attention written with
# scaled_dot_product_attention is counted either way: but these modules go by one fused operator that has no formula, which
# the counter passes over in silence.
# Why it matters: evaluation without gradients is just how a model's cost is measured: a vision transformer made of these
# modules gets the cost of its first convolution, and two architectures are compared by a number that one of them lacks.
set -euo pipefail
folder=$(mktemp -d); trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
install() { if command -v uv >/dev/null; then uv pip install --quiet --python "$folder/venv/bin/python" "$@"; else "$folder/venv/bin/python" -m pip install --quiet "$@"; fi; }
install torch==2.15.0 numpy==2.4.6
HOME="$folder" "$folder/venv/bin/python" -W ignore - <<'PY'
import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

print("torch", torch.__version__)
torch.manual_seed(0)
tokens = torch.randn(2, 16, 64)


def counted(module, *inputs, gradients):
    module.train(gradients)
    counter = FlopCounterMode(display=False)
    with torch.set_grad_enabled(gradients), counter:
        module(*inputs)
    return counter.get_total_flops()


encoder = nn.TransformerEncoderLayer(64, 4, 128, dropout=0.0, batch_first=True)
attention = nn.MultiheadAttention(64, 4, batch_first=True)
lstm, gru = (kind(64, 64, batch_first=True) for kind in (nn.LSTM, nn.GRU))
for name, module, inputs in (
    ("encoder layer", encoder, (tokens,)),
    ("attention", attention, (tokens,) * 3),
    ("LSTM", lstm, (tokens,)),
    ("GRU", gru, (tokens,)),
):
    found = [counted(module, *inputs, gradients=gradients) for gradients in (True, False)]
    print(f"{name}: {found[0]:,} in training, {found[1]:,} in evaluation")
    assert (found[1] == 0) == (name != "GRU") and (found[0] == 0) == (name == "LSTM")
# the same numbers either way
with torch.no_grad():
    plain = encoder.eval()(tokens)
assert torch.allclose(plain, encoder.train()(tokens), atol=1e-5)
PY
