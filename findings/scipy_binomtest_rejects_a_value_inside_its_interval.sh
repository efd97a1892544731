#!/usr/bin/env bash
# scipy 1.17.1: binomtest can reject a probability at the 5 % level which its own 95 % interval contains.
#
# Seen: 90 right of 100 against 0.95: p = 0.034, interval 0.824 to 0.951; 171 of 200 against 0.9: p = 0.044, interval
# 0.798 to 0.9007. 7 such results for n = 20, 50, 100, 200 and probabilities 0.8, 0.9, 0.95; the reverse (not rejected
# and outside) never; none against 0.5.
# A good guess is wrong because test and interval come from one result object and "outside the interval" is how one
# reads "significant"; the p-value adds up all results as unlikely as the one seen, the interval cuts 2.5 % off each
# side (Clopper-Pearson). Only at 0.5 are the two the same, so a check on coin flips passes.
# Why it matters: a report that says "accuracy 0.90, 95 % interval up to 0.951" and "differs from the published 0.95 (p
# = 0.03)" contradicts itself, and which of the two is quoted decides the verdict.
set -euo pipefail
folder=$(mktemp -d); trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
install() { if command -v uv >/dev/null; then uv pip install --quiet --python "$folder/venv/bin/python" "$@"; else "$folder/venv/bin/python" -m pip install --quiet "$@"; fi; }
install scipy==1.17.1 numpy==2.4.6
HOME="$folder" "$folder/venv/bin/python" - <<'PY'
import scipy
from scipy.stats import binomtest

print("scipy", scipy.__version__)

def result(hits, images, probability):
    test = binomtest(hits, images, probability)
    interval = test.proportion_ci(0.95)
    return float(test.pvalue), float(interval.low), float(interval.high)

inside, outside = [], []
for images in (20, 50, 100, 200):
    for probability in (0.5, 0.8, 0.9, 0.95):
        for hits in range(images + 1):
            p, low, high = result(hits, images, probability)
            contained = low <= probability <= high
            if p < 0.05 and contained:
                inside.append((hits, images, probability))
            if p >= 0.05 and not contained:
                outside.append((hits, images, probability))
for case in ((90, 100, 0.95), (171, 200, 0.9)):
    p, low, high = result(*case)
    print(f"{case[0]} of {case[1]} against {case[2]}: p = {p:.4f}, 95 % interval {low:.4f} to {high:.4f}")
    assert case in inside and p < 0.05
print(f"rejected though inside: {len(inside)}; not rejected though outside: {len(outside)}")
assert len(inside) == 7 and not outside and not [case for case in inside if case[2] == 0.5]
PY
