"""Every reason, from evidence that has it and evidence that does not."""

import pytest
import torch

from ironglass.attacks.parts.scores import LOGITS, Outputs
from ironglass.measure.robustness.evidence import Evidence, Observations, ReferenceAttack, observe
from ironglass.measure.robustness.verdict import WEAKER_THAN, Verdict, judge
from ironglass.measure.statistics import wilson


def evidence(
    *,
    steps=20,
    queries=0,
    accuracies=(0.9, 0.5, 0.1),
    n=1000,
    reference_attacks=(),
    unbounded_eps_accuracy=None,
    outputs=LOGITS,
    **observations,
) -> Evidence:
    points = tuple((0.01 * i, wilson(round(share * n), n)) for i, share in enumerate(accuracies))
    return Evidence(
        observations=Observations(n=n, repeated=n, **observations),
        steps=steps,
        queries=queries,
        points=points,
        reference_attacks=reference_attacks,
        unbounded_eps_accuracy=None if unbounded_eps_accuracy is None else wilson(unbounded_eps_accuracy, n),
        chance=0.1,
        outputs=outputs,
    )


def reference(kind, stood, *, p=1e-3, name="Rival") -> tuple[ReferenceAttack]:
    """Another attack, under which so many of 1,000 images stand, where 500 did."""
    return (ReferenceAttack(kind=kind, name=name, accuracy=wilson(stood, 1000), evaluated=wilson(500, 1000), p=p),)


def test_nothing_against_it():
    assert judge(evidence()) == Verdict("trusted", ())
    assert judge(evidence(accuracies=(0.5, 0.51, 0.1))) == Verdict("trusted", ())  # within the interval
    assert judge(evidence(unbounded_eps_accuracy=110)) == Verdict("trusted", ())  # chance is within the interval
    for kind in WEAKER_THAN:
        assert judge(evidence(reference_attacks=reference(kind, 498))) == Verdict("trusted", ())  # 0.2 points
        assert judge(evidence(reference_attacks=reference(kind, 900))) == Verdict("trusted", ())
        if kind not in ("gradient-free", "search"):
            assert judge(evidence(reference_attacks=reference(kind, 490, p=0.06))) == Verdict("trusted", ())


@pytest.mark.parametrize(
    ("found", "word", "says"),
    [
        (evidence(non_finite=5), "invalid", "not finite numbers on 0.5 % of the images"),
        (
            evidence(nondeterministic=1),
            "invalid",
            "two passes over the same images gave different outputs (0.1 % of them)",
        ),
        (evidence(batch_dependent=10), "invalid", "the outputs for 1.0 % of the images depend on which others"),
        (evidence(reruns=44, differing_reruns=3), "invalid", "3 of 44 passes over one image gave other outputs"),
        (
            evidence(reference_attacks=reference("search", 450)),
            "suspect",
            "Rival, a gradient-free attack, fools images",
        ),
        (
            evidence(outputs=Outputs(squash="sigmoid", watched=True)),
            "suspect",
            "the outputs are no logits: they come out of a sigmoid, and attacks climb what goes into it",
        ),
        (
            evidence(outputs=Outputs(squash="softmax", lost=0.25), distributions=1000),
            "suspect",
            "look like probabilities, not logits: attacks climb the inverse of a softmax of the numbers alone",
        ),
        (evidence(outputs=Outputs(factor=1024.0, top_over_mean=0.01)), "suspect", "attacks multiply them by 1024"),
        (evidence(outputs=Outputs(factor=0.25, top_over_mean=70.0)), "suspect", "attacks divide them by 4"),
        (evidence(zero_gradient=20), "suspect", "the gradient is zero on 2.0 % of the images"),
        (evidence(zero_gradient=501), "invalid", "the gradient is zero on 50.1 % of the images"),
        (evidence(distributions=1000), "suspect", "look like probabilities"),
        (evidence(accuracies=(0.9, 0.1, 0.3)), "suspect", "accuracy rises from 10.0 % at eps 0.01 to 30.0 % at 0.02"),
        (evidence(accuracies=(0.9, 0.1, 0.12, 0.3)), "suspect", "from 10.0 % at eps 0.01 to 30.0 % at 0.03"),
        (evidence(steps=1), "suspect", "an upper bound on robust accuracy: FGSM takes one step"),
        (evidence(steps=0), "suspect", "random noise is a control"),
        (evidence(steps=0, queries=500), "suspect", "the attack takes no gradients"),
        (evidence(autograd=1), "suspect", "autograd inside its own forward pass"),
        (evidence(unbounded_eps_accuracy=130), "invalid", "13.0 % stay right where every image may become plain grey"),
        (
            evidence(reference_attacks=reference("gradient-free", 497, p=0.3, name="Square")),
            "suspect",
            "Square, which takes no gradients",
        ),
        (evidence(reference_attacks=reference("single-step", 490)), "suspect", "49.0 % stay right in place of 50.0 %"),
        (evidence(reference_attacks=reference("noise", 490)), "suspect", "random noise of the same size fools more"),
        (evidence(reference_attacks=reference("transfer", 490)), "suspect", "another network"),
        (evidence(reference_attacks=reference("longer", 490)), "suspect", "twice the steps"),
        (evidence(n=50), "suspect", "only 50 images: the 95 % interval of the accuracy is up to 27 points wide"),
    ],
)
def test_each_reason(found, word, says):
    verdict = judge(found)
    assert verdict.word == word
    assert len(verdict.reasons) == 1
    assert says in verdict.reasons[0]


def test_the_gravest_comes_first():
    verdict = judge(evidence(steps=1, nondeterministic=3, zero_gradient=1))
    assert verdict.word == "invalid"
    assert [words in reason for words, reason in zip(("two passes", "zero", "upper"), verdict.reasons, strict=True)]
    assert "two passes" in verdict.reasons[0]


def test_observe_by_hand():
    logits = torch.tensor([[1.0, 2.0], [0.25, 0.75], [3.0, torch.nan], [0.5, 0.4]])
    gradient = torch.ones(4, 1, 1, 2)
    gradient[1] = 0
    gradient[3, 0, 0, 1] = torch.inf
    again = logits.clone()
    again[0] = 2.5
    assert observe(logits, gradient, again) == Observations(
        n=4, non_finite=2, zero_gradient=1, repeated=4, nondeterministic=1, distributions=1
    )
    assert observe(logits, gradient, again, autograd=True).autograd == 4
    assert observe(logits, gradient) + observe(logits, gradient) == Observations(
        n=8, non_finite=4, zero_gradient=2, repeated=0, nondeterministic=0, distributions=2
    )
