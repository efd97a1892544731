#!/usr/bin/env bash
# numpy 2.4.6: the usual line for conformal prediction, quantile(scores, ceil((n+1)(1-alpha))/n, method="higher"),
# returns the next larger score than the one meant; and method="inverted_cdf", which is defined as it, is off by one for
# some n.
#
# Seen: scores 1..99, alpha 0.1: the 90th is meant, "higher" gives the 91st; 199 and 0.05: 190th, 191st. Over all n <
# 400 and k < n, "higher" at k/n is k+1 every time. "inverted_cdf" is k except for a few per cent of the pairs, as (100,
# 7), where it is k+1, since 0.07 * 100 is 7.000000000000001 in floating point. sort(scores)[k-1] is exact.
# A good guess is wrong because "higher" reads like "the smallest score with at least that share below or equal"; it
# rounds up in the n-1 gaps between the scores.
# Why it matters: prediction sets and certified thresholds are larger than their guarantee needs, with 20 calibration
# images by a twentieth; and code checked against this line inherits it, or seems wrong where it is right.
set -euo pipefail
folder=$(mktemp -d); trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
install() { if command -v uv >/dev/null; then uv pip install --quiet --python "$folder/venv/bin/python" "$@"; else "$folder/venv/bin/python" -m pip install --quiet "$@"; fi; }
install numpy==2.4.6
HOME="$folder" "$folder/venv/bin/python" - <<'PY'
import math
import numpy as np

print("numpy", np.__version__)

def rank(n, k, method):
    return int(np.quantile(np.arange(1, n + 1), k / n, method=method))

for n, alpha in ((99, 0.1), (199, 0.05)):
    k = math.ceil((n + 1) * (1 - alpha))
    found = {method: rank(n, k, method) for method in ("higher", "inverted_cdf")}
    print(f"{n} scores, alpha {alpha}: meant {k}, found {found}")
    assert found == {"higher": k + 1, "inverted_cdf": k}
pairs = [(n, k) for n in range(2, 400) for k in range(1, n)]
by_method = {method: [rank(n, k, method) - k for n, k in pairs] for method in ("higher", "inverted_cdf")}
wrong = [pair for pair, off in zip(pairs, by_method["inverted_cdf"]) if off]
print("distance of 'higher' from k, over all n < 400 and k < n:", set(by_method["higher"]))
print(f"of 'inverted_cdf': {set(by_method['inverted_cdf'])}, not 0 in {len(wrong)} of {len(pairs)}, first {wrong[:3]}")
print("0.07 * 100 =", 0.07 * 100, "| 7th of 100 scores:", rank(100, 7, "inverted_cdf"))
assert set(by_method["higher"]) == {1} and set(by_method["inverted_cdf"]) == {0, 1}
assert rank(100, 7, "inverted_cdf") == 8
PY
