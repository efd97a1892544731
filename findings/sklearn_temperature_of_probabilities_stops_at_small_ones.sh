#!/usr/bin/env bash
# scikit-learn 1.9.1: CalibratedClassifierCV(method="temperature") of a network with predict_proba finds too small a
# temperature where the network is far too sure, which is what the method is for. With the same outputs as
# decision_function it finds the right one.
#
# Seen: 4,000 points, five classes, logits 20 and 100 times too large. The likelihood is best at T = 9.9 and 49.4; by
# decision_function T is just that; by predict_proba in float32 7.2 and 9.4, and the negative log-likelihood of the
# calibrated probabilities 0.60 and 0.74 in place of 0.56. At logits 5 times too large both agree.
# A good guess is wrong because the logarithm of a softmax is the logits but for a constant, which the softmax after the
# division takes out again: the two ways should give one temperature. 1e-12 is added to the probabilities before the
# logarithm, so that all classes more than 28 below the largest logit are taken to be equally unlikely.
# Why it matters: overtrained networks, and networks under attack, have such differences on most images, wrappers of
# torch networks have predict_proba, and the result is a calibrated classifier without a warning.
set -euo pipefail
folder=$(mktemp -d); trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
install() { if command -v uv >/dev/null; then uv pip install --quiet --python "$folder/venv/bin/python" "$@"; else "$folder/venv/bin/python" -m pip install --quiet "$@"; fi; }
install scikit-learn==1.9.1 numpy==2.4.6 scipy==1.17.1
HOME="$folder" "$folder/venv/bin/python" -W error - <<'PY'
import numpy as np
import sklearn
from scipy.optimize import minimize_scalar
from scipy.special import log_softmax, softmax
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.calibration import CalibratedClassifierCV
from sklearn.frozen import FrozenEstimator

print("scikit-learn", sklearn.__version__)


class Network(ClassifierMixin, BaseEstimator):
    """Its input is its logits."""

    def fit(self, x, y):
        self.classes_ = np.unique(y)
        return self

    def predict(self, x):
        return x.argmax(1)


class WithProbabilities(Network):
    def predict_proba(self, x):
        return softmax(x, axis=1)


class WithLogits(Network):
    def decision_function(self, x):
        return x


random = np.random.default_rng(0)
labels = random.integers(0, 5, 4000)
rows = np.arange(4000)
calibrated_logits = random.normal(size=(4000, 5))
calibrated_logits[rows, labels] += 2

found = {}
for times in (5, 20, 100):
    logits = (times * calibrated_logits).astype(np.float32)
    best = minimize_scalar(lambda t: -log_softmax(logits.astype(float) / t, 1)[rows, labels].mean(), (1, 100)).x
    for network in (WithProbabilities(), WithLogits()):
        fitted = CalibratedClassifierCV(FrozenEstimator(network.fit(logits, labels)), method="temperature")
        fitted.fit(logits, labels)
        temperature = 1 / float(fitted.calibrated_classifiers_[0].calibrators[0].beta_)
        loss = -np.log(fitted.predict_proba(logits)[rows, labels]).mean()
        found[times, type(network).__name__] = temperature / best
        print(f"logits {times} times: best T {best:.2f}, {type(network).__name__} T {temperature:.2f}, loss {loss:.3f}")

assert all(abs(found[times, "WithLogits"] - 1) < 0.01 for times in (5, 20, 100))
assert abs(found[5, "WithProbabilities"] - 1) < 0.01
assert 0.65 < found[20, "WithProbabilities"] < 0.8 and found[100, "WithProbabilities"] < 0.25
PY
