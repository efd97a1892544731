"""Short names of objectives."""

from typing import Any

import pytest

from ironglass.harden import AWP, MART, NFGSM, TRADES, AdversarialRegularisation
from ironglass.studies.common.objective_names import short_name
from ironglass.train.objective import CrossEntropy


def own(classifier: Any, images: Any, labels: Any) -> Any:
    raise NotImplementedError


@pytest.mark.parametrize(
    ("objective", "name"),
    [
        (NFGSM(eps=4 / 255), "N-FGSM 4/255"),
        (NFGSM(eps=0.03, noise=1.0), "N-FGSM 0.03, noise 1.0"),
        ("trades", "TRADES 8/255"),
        ({"kind": "n-fgsm", "eps": 16 / 255}, "N-FGSM 16/255"),
        (CrossEntropy(), "Cross-entropy"),
        (CrossEntropy(label_smoothing=0.1), "Cross-entropy, label smoothing 0.1"),
        (AWP(objective=TRADES(eps=8 / 255)), "AWP of TRADES 8/255"),
        (MART(eps=8 / 255), "MART 8/255"),
        ("n-fgsm:0.5@l2", "N-FGSM 0.5 (L2)"),
        (AWP(objective=TRADES(norm="l2", eps=128 / 255)), "AWP of TRADES 128/255 (L2)"),
        (AdversarialRegularisation(adv_grad_norm="l1"), "Adversarial regularisation 51/255 (L1)"),
        (own, "own"),
        ("n-fgms", ""),
        (3, ""),
    ],
)
def test_short_names(objective: Any, name: str) -> None:
    assert short_name(objective) == name
