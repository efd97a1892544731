#!/usr/bin/env bash
# torchmetrics 1.9.0 (torch 2.15.0): one rounding error above 1 in a batch of probabilities changes the calibration
# error of the whole batch, since all of it is put through a softmax again.
#
# Seen: ten equal members averaged as sum(0.1 * p): one entry is 1.0000001; multiclass_calibration_error of that batch
# is 0.536 and, clamped to 1, 0.300. Nothing is raised or warned. In two updates, with that image in a batch of its own,
# a third value comes out for the same three images.
# A good guess is wrong because the documentation's "logits or probabilities" reads like a property of the model, not of
# each batch's rounding; the metric decides by whether every entry lies in [0, 1], batch by batch.
# Why it matters: ensembles, test-time augmentation and weight averaging produce such sums, confident (hardened)
# networks most of all, and the calibration of a model then depends on the batch size.
set -euo pipefail
folder=$(mktemp -d); trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
install() { if command -v uv >/dev/null; then uv pip install --quiet --python "$folder/venv/bin/python" "$@"; else "$folder/venv/bin/python" -m pip install --quiet "$@"; fi; }
install torchmetrics==1.9.0 torch==2.15.0 numpy==2.4.6
HOME="$folder" "$folder/venv/bin/python" - <<'PY'
import torch, torchmetrics
from torchmetrics.classification import MulticlassCalibrationError

print("torchmetrics", torchmetrics.__version__, "torch", torch.__version__)
members = [torch.tensor([[1.0, 0.0, 0.0], [0.2, 0.5, 0.3], [0.6, 0.3, 0.1]])] * 10
average, labels = sum(0.1 * member for member in members), torch.tensor([0, 1, 0])

def calibration_error(*batches):
    metric = MulticlassCalibrationError(num_classes=3)
    for probabilities, targets in batches:
        metric.update(probabilities, targets)
    return round(metric.compute().item(), 3)

whole = calibration_error((average, labels))
clamped = calibration_error((average.clamp(0, 1), labels))
split = calibration_error((average[:1], labels[:1]), (average[1:], labels[1:]))
print(f"largest probability {average.max():.9f}; error {whole}, clamped to [0, 1] {clamped}, in two batches {split}")
assert 1 < average.max() < 1.000001 and average.sum(1).allclose(torch.ones(3))
assert whole - clamped > 0.2 and len({whole, clamped, split}) == 3
PY
