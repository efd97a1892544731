#!/usr/bin/env bash
# keras 3.15.1 with jax 0.10.2: a network whose outputs are all NaN, or all equal, has a top-1 and top-5 accuracy of 100
# %.
#
# Seen: for outputs that are NaN, or 0 for each of 10 classes, SparseTopKCategoricalAccuracy(k=1), (k=5) and
# TopKCategoricalAccuracy(k=5) give 1.0, SparseCategoricalAccuracy 0.25 on the same four images. 100-class probabilities
# that an overconfident network saturates in float16 (97 % of them exactly 0) give top-5 0.856 with random labels, the
# logits they came from 0.05.
# A good guess is wrong because top-1 accuracy "is" accuracy, and a NaN fails every comparison: here an output is among
# the first k unless at least k others are larger, so ties all win and a NaN, which has none larger, wins too. A
# diverged (or gradient-masked, or quantised) model gets a perfect number in the metric most reports print.
set -euo pipefail
folder=$(mktemp -d); trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
install() { if command -v uv >/dev/null; then uv pip install --quiet --python "$folder/venv/bin/python" "$@"; else "$folder/venv/bin/python" -m pip install --quiet "$@"; fi; }
install keras==3.15.1 jax==0.10.2 numpy==2.4.6
HOME="$folder" KERAS_BACKEND=jax JAX_PLATFORMS=cpu "$folder/venv/bin/python" - <<'PY'
import jax, keras
import numpy as np
from keras import metrics

print("keras", keras.__version__, "jax", jax.__version__)
labels = np.array([0, 3, 5, 9])

def score(metric, labels, outputs):
    metric.update_state(labels, outputs)
    return round(float(metric.result()), 3)

for name, value in (("NaN", np.nan), ("0", 0.0)):
    outputs = np.full((4, 10), value, "float32")
    top1, top5 = (score(metrics.SparseTopKCategoricalAccuracy(k), labels, outputs) for k in (1, 5))
    one_hot = score(metrics.TopKCategoricalAccuracy(5), np.eye(10)[labels], outputs)
    plain = score(metrics.SparseCategoricalAccuracy(), labels, outputs)
    print(f"outputs all {name}: top-1 {top1}, top-5 {top5}, top-5 one-hot {one_hot}, accuracy {plain}")
    assert top1 == top5 == one_hot == 1.0 and plain == 0.25
draws = np.random.default_rng(0)
logits, random_labels = draws.normal(size=(1000, 100)) * 40, draws.integers(0, 100, 1000)
exponent = np.exp(logits - logits.max(1, keepdims=True))
probabilities = (exponent / exponent.sum(1, keepdims=True)).astype("float16")
of_logits = score(metrics.SparseTopKCategoricalAccuracy(5), random_labels, logits)
of_probabilities = score(metrics.SparseTopKCategoricalAccuracy(5), random_labels, probabilities)
print(f"random labels: top-5 of the logits {of_logits}, of their float16 probabilities {of_probabilities}")
assert of_logits < 0.1 and of_probabilities > 0.8
PY
