#!/usr/bin/env bash
# torchmetrics 1.9.0: a class without a single true image counts in the macro accuracy, as 0, as soon as it is predicted once.
#
# Seen: four classes, of which only the first two have images, 50 each. Five images of the first are named as the second:
# macro accuracy 0.95. The same five are named as the third, which has no images: 0.633. scikit-learn's
# balanced_accuracy_score is 0.95 both times.
# A good guess is wrong because macro accuracy is documented and used as the mean of the classes' recalls, a class without
# images has no recall, and such classes are left out as long as nothing is taken for them: so the library knows the case.
# Why it matters: it is the default of MulticlassAccuracy. On part of a data set (a domain, a corruption, a shard, a small
# batch in a progress bar) one wrong answer out of the part's classes costs a whole class: with ImageNet's 1,000 outputs
# on 200 classes of renditions the figure tells how many foreign names were used, not how often the network was right.
set -euo pipefail
folder=$(mktemp -d); trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
install() { if command -v uv >/dev/null; then uv pip install --quiet --python "$folder/venv/bin/python" "$@"; else "$folder/venv/bin/python" -m pip install --quiet "$@"; fi; }
install torchmetrics==1.9.0 torch==2.15.0 numpy==2.4.6 scikit-learn==1.9.1
HOME="$folder" "$folder/venv/bin/python" -W ignore - <<'PY'
import torch
import torchmetrics
from sklearn.metrics import balanced_accuracy_score
from torchmetrics.classification import MulticlassAccuracy

print("torchmetrics", torchmetrics.__version__)
labels = torch.tensor([0] * 50 + [1] * 50)
found = {}
for wrong in (1, 2):
    named = labels.clone()
    named[:5] = wrong
    macro = MulticlassAccuracy(num_classes=4)(named, labels).item()  # "macro" is the default
    found[wrong] = macro
    print(f"five images named as class {wrong}: macro {macro:.3f}, balanced {balanced_accuracy_score(labels, named):.3f}")
    assert abs(balanced_accuracy_score(labels, named) - 0.95) < 1e-9
assert abs(found[1] - 0.95) < 1e-6 and abs(found[2] - 0.95 * 2 / 3) < 1e-6
PY
