#!/usr/bin/env bash
# torch 2.15.0: while torch.fx traces one network, forward passes of other networks in other threads fail, and two
# traces that overlap leave nn.Module.__call__ exchanged for the rest of the process.
#
# Seen: the other thread's pass raises "NameError: module is not installed as a submodule"; after two overlapping
# traces nn.Module.__call__ is no longer the original, and every later pass raises the same NameError.
# A good guess is wrong because tracing reads like a function of one network, and inference on another network in
# another thread like something apart; but the tracer exchanges nn.Module.__call__ and __getattr__ for all threads.
set -euo pipefail
folder=$(mktemp -d); trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
install() { if command -v uv >/dev/null; then uv pip install --quiet --python "$folder/venv/bin/python" "$@"; else "$folder/venv/bin/python" -m pip install --quiet "$@"; fi; }
install torch==2.15.0 numpy==2.4.0
"$folder/venv/bin/python" - <<'PY'
import contextlib, io, threading
import torch
from torch import fx, nn

print("torch", torch.__version__)

class Paused(nn.Module):
    """Stops in the middle of its forward pass until it is let go."""
    def __init__(self):
        super().__init__()
        self.layer = nn.Linear(2, 2)
        self.events = [[threading.Event(), threading.Event()]]
    def forward(self, x):
        inside, go = self.events[0]
        inside.set()
        go.wait(60)
        return self.layer(x)

def passes(network, x):
    try:
        network(x)
        return "a result"
    except NameError as error:
        return f"NameError: {error}"

def trace(network):
    with contextlib.suppress(Exception):
        fx.symbolic_trace(network)

other, x = nn.Sequential(nn.Linear(2, 2)), torch.ones(1, 2)
original = nn.Module.__call__
first = Paused()
thread = threading.Thread(target=trace, args=(first,))
thread.start()
first.events[0][0].wait(60)
during = passes(other, x)
first.events[0][1].set()
thread.join()
after = passes(other, x)
print("another network while one is traced:", during)
print("and afterwards:", after)
one, two = Paused(), Paused()
threads = [threading.Thread(target=trace, args=(network,)) for network in (one, two)]
for network, thread in zip((one, two), threads):
    thread.start()
    network.events[0][0].wait(60)
for network, thread in zip((one, two), threads):
    network.events[0][1].set()
    thread.join()
kept = nn.Module.__call__ is original
later = passes(other, x)
print("nn.Module.__call__ is the original after two overlapping traces:", kept)
print("a pass after them:", later)
assert "not installed as a submodule" in during and after == "a result" and not kept and "not installed" in later
PY
