#!/usr/bin/env bash
# safetensors 0.8.0, safetensors.numpy: arrays that are not laid out row by row (a transpose, a slice with a step,
# Fortran order) are saved with their entries in the wrong places, without an error.
#
# Seen: save and load of x.T, x[:, ::2], x[::-1] and numpy.asfortranarray(x) give an array of the right shape and type
# whose values differ from what was saved; x itself and x in big-endian order come back right. numpy.save keeps all of
# them. safetensors.torch refuses the same views with a ValueError.
# A good guess is wrong because the torch half of the library is known to raise here and NumPy's own savers handle every
# layout; so does numpy's tobytes().
# Why it matters: weights that are transposed on the way from Keras or Flax (HWIO to OIHW is a transpose) load without a
# complaint into a network that predicts noise, and the audit is of a network nobody trained.
set -euo pipefail
folder=$(mktemp -d); trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
install() { if command -v uv >/dev/null; then uv pip install --quiet --python "$folder/venv/bin/python" "$@"; else "$folder/venv/bin/python" -m pip install --quiet "$@"; fi; }
install safetensors==0.8.0 numpy==2.4.6
HOME="$folder" "$folder/venv/bin/python" - <<'PY'
import io
import numpy as np
import safetensors
from safetensors.numpy import load, save

print("safetensors", safetensors.__version__, "numpy", np.__version__)
x = np.arange(6, dtype="float32").reshape(2, 3)

def kept(array):
    loaded = load(save({"x": array}))["x"]
    file = io.BytesIO()
    np.save(file, array)
    file.seek(0)
    assert loaded.shape == array.shape and loaded.dtype == np.dtype("float32") and np.array_equal(np.load(file), array)
    return np.array_equal(loaded, array)

views = {"transpose": x.T, "step": x[:, ::2], "reversed": x[::-1], "Fortran order": np.asfortranarray(x)}
found = {name: kept(array) for name, array in views.items()}
plain = {"as it is": kept(x), "big-endian": kept(x.astype(">f4")), "copy of x.T": kept(np.ascontiguousarray(x.T))}
print("kept:", plain | found)
print("x.T was", x.T.tolist(), "and is", load(save({"x": x.T}))["x"].tolist())
assert all(plain.values()) and not any(found.values())
PY
