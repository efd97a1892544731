"""Contract checks for attacks, explainers and objectives of your own, as scikit-learn's `check_estimator` does."""

from __future__ import annotations

from ironglass.testing.attack import check_attack
from ironglass.testing.explainer import check_explainer
from ironglass.testing.objective import check_objective

__all__ = ["check_attack", "check_explainer", "check_objective"]
