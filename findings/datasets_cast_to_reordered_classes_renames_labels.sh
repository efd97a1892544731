#!/usr/bin/env bash
# datasets 5.2.0: casting a label column to the same class names in another order renames every image's class.
#
# Seen: labels cat, dog, dog, cast to ClassLabel(names=["dog", "cat"]): they read dog, cat, cat; nothing is raised or
# warned. Joining two datasets whose names are in a different order is refused (ValueError), and cast_column is the
# obvious way to make them agree, so the refusal leads straight to swapped labels.
# A good guess is wrong because the same cast from strings maps by name (cat stays cat), and because Arrow dictionary
# types, which ClassLabel resembles, also cast by value. align_labels_with_mapping is the call that maps by name. An
# audit then measures a permuted classifier: accuracy near 0 for a good model, targeted attacks at the wrong class.
set -euo pipefail
folder=$(mktemp -d); trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
install() { if command -v uv >/dev/null; then uv pip install --quiet --python "$folder/venv/bin/python" "$@"; else "$folder/venv/bin/python" -m pip install --quiet "$@"; fi; }
install datasets==5.2.0 numpy==2.4.6
HOME="$folder" HF_HUB_OFFLINE=1 "$folder/venv/bin/python" - <<'PY'
import warnings
import datasets
from datasets import ClassLabel, Dataset, Features

print("datasets", datasets.__version__)
warnings.simplefilter("error")
datasets.disable_progress_bars()
ours, theirs = ClassLabel(names=["cat", "dog"]), ClassLabel(names=["dog", "cat"])

def names(rows):
    return [rows.features["label"].int2str(value) for value in rows["label"]]

first = Dataset.from_dict({"label": [0, 1, 1]}, features=Features({"label": ours}))
second = Dataset.from_dict({"label": [0]}, features=Features({"label": theirs}))
try:
    datasets.concatenate_datasets([first, second])
    refused = False
except ValueError:
    refused = True
cast = names(first.cast_column("label", theirs))
joined = names(datasets.concatenate_datasets([first.cast_column("label", theirs), second]))
strings = names(Dataset.from_dict({"label": ["cat", "dog", "dog"]}).cast_column("label", theirs))
aligned = names(first.align_labels_with_mapping({"dog": 0, "cat": 1}, "label"))
print("as stored:", names(first), "| joined without a cast is refused:", refused)
print("after cast_column:", cast, "| joined then:", joined)
print("cast from strings:", strings, "| align_labels_with_mapping:", aligned)
assert refused and names(first) == strings == aligned == ["cat", "dog", "dog"]
assert cast == ["dog", "cat", "cat"] and joined == ["dog", "cat", "cat", "dog"]
PY
