#!/usr/bin/env bash
# netcal 1.4.0: TemperatureScaling fitted on float32 probabilities, which is what a torch network gives, is the identity.
#
# Seen: 4,000 points, five classes, a network that is five times too sure. The same probabilities in float64 get the factor
# 0.404, which is the best one, and a negative log-likelihood of 0.562; in float32 the factor is exactly 1 and the loss
# 0.829, as before calibration. Nothing is raised or warned of, and transform() gives the probabilities that it was given.
# A good guess is wrong because one would expect a factor that is a little less exact: five digits are plenty. The
# optimiser takes its slope from a difference over a step that float32 cannot see, finds none, and says that it is done.
# Why it matters: "calibration did not help" is then read as a property of the network.
set -euo pipefail
folder=$(mktemp -d); trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
install() { if command -v uv >/dev/null; then uv pip install --quiet --python "$folder/venv/bin/python" "$@"; else "$folder/venv/bin/python" -m pip install --quiet "$@"; fi; }
install netcal==1.4.0 torch==2.15.0 torchvision==0.29.2 numpy==2.4.6 scipy==1.17.1
HOME="$folder" "$folder/venv/bin/python" - 2>"$folder/said" <<'PY'
from importlib.metadata import version

import numpy as np
from netcal.scaling import TemperatureScaling
from scipy.special import softmax

print("netcal", version("netcal"))
random = np.random.default_rng(0)
labels = random.integers(0, 5, 4000)
rows = np.arange(4000)
logits = random.normal(size=(4000, 5))
logits[rows, labels] += 2
logits *= 5

for kind in (np.float64, np.float32):
    probabilities = softmax(logits, axis=1).astype(kind)
    scaling = TemperatureScaling()
    scaling.fit(probabilities, labels)
    calibrated = scaling.transform(probabilities)
    factor, loss = float(scaling.temperature[0]), -np.log(calibrated[rows, labels]).mean()
    print(kind.__name__, "factor", round(factor, 4), "loss", round(float(loss), 4))
    if kind is np.float64:
        assert abs(factor - 0.4045) < 0.002 and abs(loss - 0.5623) < 0.001
    else:
        assert factor == 1 and loss > 0.8 and np.allclose(calibrated, probabilities, atol=1e-6)
PY
if grep -i "warn" "$folder/said" | grep -i -E "converge|temperature|scal"; then echo "it warns now"; exit 1; fi
