#!/usr/bin/env bash
# torch 2.15.0, safe_globals: allow-listing collections.defaultdict opens a checkpoint that holds an empty one, not one
# with entries; a deque is refused either way.
#
# Seen: torch.load(weights_only=True) within safe_globals([defaultdict, list, deque]): empty defaultdict: loaded; with one
# entry: UnpicklingError; deque([1]): UnpicklingError.
# A good guess is wrong because the error message itself recommends safe_globals for the class that is in the way, and a
# test with an empty history passes; the running history of a real training does not.
set -euo pipefail
folder=$(mktemp -d); trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
install() { if command -v uv >/dev/null; then uv pip install --quiet --python "$folder/venv/bin/python" "$@"; else "$folder/venv/bin/python" -m pip install --quiet "$@"; fi; }
install torch==2.15.0 numpy==2.4.0
"$folder/venv/bin/python" - <<'PY'
import io, pickle
from collections import defaultdict, deque
import torch

print("torch", torch.__version__)

def outcome(value):
    file = io.BytesIO()
    torch.save({"history": value}, file)
    file.seek(0)
    try:
        with torch.serialization.safe_globals([defaultdict, list, deque]):
            torch.load(file, weights_only=True)
        return "loaded"
    except pickle.UnpicklingError as error:
        return "UnpicklingError"

filled = defaultdict(list)
filled["loss"].append(0.5)
found = [outcome(value) for value in (defaultdict(list), filled, deque([1]))]
print("empty defaultdict, filled defaultdict, deque:", found)
assert found == ["loaded", "UnpicklingError", "UnpicklingError"]
PY
