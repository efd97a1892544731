#!/usr/bin/env bash
# statsmodels 0.15.0 (numpy 2.4.6, scipy 1.17.1): one p-value that is NaN changes what multipletests says of the others,
# in another way for each method, without a warning.
#
# Seen, for p = 0.02, 0.04 and NaN at 0.05: "holm" and "bonferroni" count the NaN as a test (0.02 becomes 0.06 and is not
# rejected; without the NaN it becomes 0.04 and is); "fdr_bh" gives NaN for every corrected p-value; "hommel" too, and
# rejects nothing, even p = 1e-9.
# A good guess is wrong because most of this library takes missing="drop" or raises; here nothing is dropped, said or
# raised.
# Why it matters: a paired test between two networks that answer alike on every image has no p-value. One such pair among
# many comparisons takes significance from the others, or empties the whole table.
set -euo pipefail
folder=$(mktemp -d); trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
install() { if command -v uv >/dev/null; then uv pip install --quiet --python "$folder/venv/bin/python" "$@"; else "$folder/venv/bin/python" -m pip install --quiet "$@"; fi; }
install statsmodels==0.15.0 numpy==2.4.6 scipy==1.17.1 pandas==3.1.1
HOME="$folder" "$folder/venv/bin/python" -W error - <<'PY'
import numpy as np
import statsmodels
from statsmodels.stats.multitest import multipletests

print("statsmodels", statsmodels.__version__)
results = {}
for method in ("holm", "bonferroni", "fdr_bh", "hommel"):
    for values in ((0.02, 0.04), (0.02, 0.04, np.nan), (1e-9, 0.04, np.nan)):
        rejected, corrected = multipletests(values, method=method)[:2]
        results[method, values] = rejected.tolist(), corrected.tolist()
        print(method, values, rejected.tolist(), corrected.round(4).tolist())
pair, missing, tiny = (0.02, 0.04), (0.02, 0.04, np.nan), (1e-9, 0.04, np.nan)
for method in ("holm", "bonferroni"):
    assert results[method, pair][0][0] and np.isclose(results[method, pair][1][0], 0.04)
    assert not results[method, missing][0][0] and np.isclose(results[method, missing][1][0], 0.06)
for method in ("fdr_bh", "hommel"):
    assert np.isnan(results[method, missing][1]).all() and not np.isnan(results[method, pair][1]).any()
assert not any(results["hommel", tiny][0])
PY
