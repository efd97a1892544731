#!/usr/bin/env bash
# torch 2.15.0: a forward pass with a broad "except Exception" runs its fallback during backward() when it is
# checkpointed (use_reentrant=False), though nothing went wrong.
#
# Seen: the forward notes its fallbacks: none after the forward pass, one after backward(), where it caught a
# _StopRecomputationError; the lines behind run once, not twice. The gradient is right if the fallback saves no tensor
# for its own gradient; a fallback that does (a matrix product) makes backward() raise an AssertionError, "Unexpected
# state". Without checkpointing, and with set_checkpoint_early_stop(False), the fallback is never run.
# A good guess is wrong because recomputation "runs the forward again", so the same lines in the same order; it is ended
# early by an exception that user code can catch, as an Exception and not a BaseException.
# Why it matters: such fallbacks (another attention kernel, a smaller chunk, the CPU) usually set a flag for the rest of
# the run or log an out-of-memory. Adversarial training with checkpointing then slows down, or reports errors, for no
# cause.
set -euo pipefail
folder=$(mktemp -d); trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
install() { if command -v uv >/dev/null; then uv pip install --quiet --python "$folder/venv/bin/python" "$@"; else "$folder/venv/bin/python" -m pip install --quiet "$@"; fi; }
install torch==2.15.0 numpy==2.4.6
HOME="$folder" "$folder/venv/bin/python" - <<'PY'
import contextlib
import torch
from torch import nn
from torch.utils.checkpoint import checkpoint, set_checkpoint_early_stop

print("torch", torch.__version__)

class Careful(nn.Module):
    """Falls back to another function if its layer fails, and notes why."""
    def __init__(self, fallback):
        super().__init__()
        self.layer, self.fallback, self.caught, self.ends = nn.Linear(3, 3), fallback, [], 0
    def forward(self, x):
        try:
            y = self.layer(x.tanh()).sigmoid()
        except Exception as error:
            self.caught.append(type(error).__name__)
            return self.fallback(x, self.layer.weight)
        self.ends += 1
        return y

def run(checkpointed, context, fallback=lambda x, weight: -x):
    torch.manual_seed(0)
    network, x = Careful(fallback), torch.rand(2, 3, requires_grad=True)
    with context:
        result = checkpoint(network, x, use_reentrant=False) if checkpointed else network(x)
        after_forward = list(network.caught)
        result.sum().backward()
    return after_forward, network.caught, network.ends, x.grad

plain = run(False, contextlib.nullcontext())
early = run(True, contextlib.nullcontext())
late = run(True, set_checkpoint_early_stop(False))
try:
    run(True, contextlib.nullcontext(), torch.matmul)
    product = "no error"
except AssertionError as error:
    product = str(error)
for name, (before, after, ends, _) in (("plain", plain), ("checkpointed", early), ("without early stop", late)):
    print(f"{name}: caught in forward {before}, by the end of backward {after}; reached the end {ends} times")
print("with a matrix product as the fallback, backward() raises:", product)
assert "Unexpected state" in product
assert plain[1] == late[1] == early[0] == [] and early[1] == ["_StopRecomputationError"]
assert early[2] == 1 and late[2] == 2 and torch.equal(plain[3], early[3]) and torch.equal(plain[3], late[3])
PY
