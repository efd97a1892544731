#!/usr/bin/env bash
# accelerate 1.15.0: where an epoch's batches are no multiple of gradient_accumulation_steps, its last step is too small.
#
# Seen: ten batches whose gradient is 1 each, four accumulated a step, SGD with rate 1: the weight moves by 1, 1 and then
# 0.5. `accumulate` steps at the end of the loader, but `backward` has divided each of the two losses by four.
# A good guess is wrong because the library knows where the loader ends (it steps there on purpose), and the mean over the
# images of a step is what accumulation stands for.
# Why it matters: with few batches an epoch, as on small image data, the last images of each epoch count for a fraction of
# the others: with one batch left of four, a quarter; and a run with other accumulation is another training.
set -euo pipefail
folder=$(mktemp -d); trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
install() { if command -v uv >/dev/null; then uv pip install --quiet --python "$folder/venv/bin/python" "$@"; else "$folder/venv/bin/python" -m pip install --quiet "$@"; fi; }
install accelerate==1.15.0 torch==2.15.0 numpy==2.4.6
HOME="$folder" "$folder/venv/bin/python" -W ignore - <<'PY'
import accelerate
import torch
from accelerate import Accelerator
from torch.utils.data import DataLoader, TensorDataset

print("accelerate", accelerate.__version__, "torch", torch.__version__)


def moves(batches):
    accelerator = Accelerator(gradient_accumulation_steps=4, cpu=True)
    network = torch.nn.Linear(1, 1, bias=False)
    torch.nn.init.zeros_(network.weight)
    optimiser = torch.optim.SGD(network.parameters(), lr=1.0)
    loader = DataLoader(TensorDataset(torch.ones(batches, 1)), batch_size=1)
    network, optimiser, loader = accelerator.prepare(network, optimiser, loader)
    found, before = [], 0.0
    for (images,) in loader:
        with accelerator.accumulate(network):
            accelerator.backward(network(images).mean())  # the gradient is 1, whatever the weight
            optimiser.step()
            optimiser.zero_grad()
        after = network.weight.item()
        if after != before:
            found.append(round(before - after, 6))
        before = after
    return found


for batches in (8, 9, 10, 11):
    print(batches, "batches:", moves(batches))
assert moves(8) == [1, 1] and moves(9) == [1, 1, 0.25] and moves(10) == [1, 1, 0.5] and moves(11) == [1, 1, 0.75]
PY
