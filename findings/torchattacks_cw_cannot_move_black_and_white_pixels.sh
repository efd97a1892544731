#!/usr/bin/env bash
# torchattacks 3.5.1 (torch 2.15.0): its Carlini-Wagner attack never moves a pixel that is exactly 0 or 1, so against
# black and white images it finds nothing, whatever c and however many steps.
#
# Seen: 16 images of 0 and 1 (valid input, in [0, 1]): CW with c=100 and 200 steps returns them unchanged, success 0 of
# 16, where PGDL2 with eps=1 fools the network on 15 of 16; on images in [0.05, 0.95] CW fools it on all 16.
# A good guess is wrong because CW is the strong reference that "needs no budget"; the change of variable of the paper
# (arXiv 1608.04644) is infinite at 0 and 1 unless the image is shrunk a little first, and its tanh then has no slope.
# Why it matters: digits, masks, scans and saturated photos get an optimal-looking result, distance 0 and robust
# accuracy 100 %, from the attack that is run in order to be sure.
set -euo pipefail
folder=$(mktemp -d); trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
install() { if command -v uv >/dev/null; then uv pip install --quiet --python "$folder/venv/bin/python" "$@"; else "$folder/venv/bin/python" -m pip install --quiet "$@"; fi; }
install torchattacks==3.5.1 torch==2.15.0 torchvision==0.29.2 numpy==2.4.6
HOME="$folder" "$folder/venv/bin/python" - <<'PY'
import torch, torchattacks
from torch import nn

print("torchattacks", torchattacks.__version__, "torch", torch.__version__)
torch.manual_seed(0)
network = nn.Sequential(nn.Conv2d(3, 8, 3, padding=1), nn.ReLU(), nn.Flatten(), nn.Linear(512, 5)).eval()
noise = torch.rand(16, 3, 8, 8)
images = {"of 0 and 1": (noise > 0.5).float(), "in [0.05, 0.95]": 0.05 + 0.9 * noise}
found = {}
for name, batch in images.items():
    labels = network(batch).argmax(1)
    strong, bounded = torchattacks.CW(network, c=100, steps=200, lr=0.05), torchattacks.PGDL2(network, eps=1.0)
    for kind, attack in (("CW", strong), ("PGDL2", bounded)):
        adversarial = attack(batch, labels)
        fooled = (network(adversarial).argmax(1) != labels).sum().item()
        found[name, kind] = fooled, round((adversarial - batch).abs().max().item(), 4)
        print(f"images {name}, {kind}: fooled {fooled} of 16, largest change {found[name, kind][1]}")
assert found["of 0 and 1", "CW"] == (0, 0.0) and found["of 0 and 1", "PGDL2"][0] >= 12
assert found["in [0.05, 0.95]", "CW"][0] >= 14
PY
