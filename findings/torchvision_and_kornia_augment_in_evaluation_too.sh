#!/usr/bin/env bash
# torchvision 0.29.2 (transforms.v2) and kornia 0.9.0: random augmentations placed in a network go on after eval().
#
# Seen: RandomErasing, GaussianNoise, RandomHorizontalFlip of torchvision and RandomErasing, RandomGaussianNoise of
# kornia, within a Sequential in evaluation mode beside a Dropout: the Dropout stops, every augmentation still changes
# the images; module.training is False on each.
# A good guess is wrong because they are nn.Modules, as Dropout is, have a training flag, and Keras' layers of the same
# names stop at inference.
# Why it matters: the network is random at test time, so that accuracy is too low, maps change from call to call, and
# gradient attacks look weak: a robustness that is noise.
set -euo pipefail
folder=$(mktemp -d); trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
install() { if command -v uv >/dev/null; then uv pip install --quiet --python "$folder/venv/bin/python" "$@"; else "$folder/venv/bin/python" -m pip install --quiet "$@"; fi; }
install torchvision==0.29.2 kornia==0.9.0 torch==2.15.0 numpy==2.4.6
HOME="$folder" "$folder/venv/bin/python" - <<'PY'
import kornia, torch, torchvision
from torchvision.transforms import v2

print("torchvision", torchvision.__version__, "kornia", kornia.__version__, "torch", torch.__version__)
torch.manual_seed(0)
images = torch.rand(4, 3, 32, 32)
assert torch.equal(torch.nn.Dropout(0.5).eval()(images), images)
for augmentation in (
    v2.RandomErasing(p=1), v2.GaussianNoise(), v2.RandomHorizontalFlip(p=1),
    kornia.augmentation.RandomErasing(p=1.0), kornia.augmentation.RandomGaussianNoise(p=1.0),
):
    network = torch.nn.Sequential(augmentation, torch.nn.Dropout(0.5)).eval()
    changed = not torch.equal(network(images), images)
    print(f"{type(augmentation).__module__.split('.')[0]} {type(augmentation).__name__}: training {augmentation.training}, changed {changed}")
    assert not augmentation.training and changed
PY
