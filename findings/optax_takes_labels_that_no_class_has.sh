#!/usr/bin/env bash
# optax 0.2.8 with jax 0.10.2: labels that are out of range raise nothing, and what they do depends on the sign and the
# form.
#
# Seen: three classes. softmax_cross_entropy_with_integer_labels: label -1 is the last class, with its loss and
# gradient; label 3 has loss NaN and yet a finite gradient that lowers every logit; as one-hot rows both have loss 0 and
# gradient 0.
# A good guess is wrong because torch raises IndexError for 3 and -1, and a NaN loss is expected to have a NaN gradient,
# so that checks on the gradients or weights would find it.
# Why it matters: -1 and 255 for "unlabelled", and labels counted from 1, are common in image sets. The first trains the
# last class, the second pulls weights while it hides behind one NaN in a logged mean, the third drops a class in
# silence; attacks that climb these losses attack the wrong class or none.
set -euo pipefail
folder=$(mktemp -d); trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
install() { if command -v uv >/dev/null; then uv pip install --quiet --python "$folder/venv/bin/python" "$@"; else "$folder/venv/bin/python" -m pip install --quiet "$@"; fi; }
install optax==0.2.8 jax==0.10.2 numpy==2.4.6
HOME="$folder" JAX_PLATFORMS=cpu "$folder/venv/bin/python" - <<'PY'
import jax, optax
import jax.numpy as jnp
import numpy as np

print("optax", optax.__version__, "jax", jax.__version__)
logits = jnp.array([2.0, 0.0, -1.0])

def integer(logits, label):
    return optax.softmax_cross_entropy_with_integer_labels(logits[None], jnp.array([label])).sum()

def one_hot(logits, label):
    return optax.softmax_cross_entropy(logits[None], jax.nn.one_hot(jnp.array([label]), 3)).sum()

found = {}
for name, loss in (("integer", integer), ("one-hot", one_hot)):
    for label in (2, -1, 3):
        value, gradient = jax.value_and_grad(loss)(logits, label)
        found[name, label] = float(value), np.asarray(gradient).round(3)
        print(f"{name} label {label}: loss {float(value):.3f}, gradient {found[name, label][1].tolist()}")
assert found["integer", -1][0] == found["integer", 2][0] and (found["integer", -1][1] == found["integer", 2][1]).all()
value, gradient = found["integer", 3]
assert np.isnan(value) and np.isfinite(gradient).all() and (gradient > 0).all()
assert all(found["one-hot", label][0] == 0 and not found["one-hot", label][1].any() for label in (-1, 3))
PY
