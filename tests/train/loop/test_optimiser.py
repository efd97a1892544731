"""The optimisers of training, against torch's own."""

from __future__ import annotations

import pytest
import torch

import ironglass as ig
from ironglass.train.loop.optimiser import make_optimiser

KINDS = {
    "sgd": lambda groups: torch.optim.SGD(groups, lr=0.1, momentum=0.9, nesterov=True),
    "adam": lambda groups: torch.optim.Adam(groups, lr=0.1),
    "adamw": lambda groups: torch.optim.AdamW(groups, lr=0.1),
}


@pytest.mark.parametrize("kind", KINDS)
def test_steps_are_those_of_torch_bit_for_bit(kind: str) -> None:
    stage = ig.Stage(optimiser=kind, peak_lr=0.1, weight_decay=0.01)
    ours, theirs = (ig.load_classifier("logistic", classes=("a", "b"), size=4, channels=1) for _ in range(2))
    theirs.load_state_dict(ours.state_dict())
    first, second = make_optimiser(ours, stage), KINDS[kind](make_optimiser(theirs, stage).param_groups)
    for step in range(3):
        images = torch.rand(5, 1, 4, 4, generator=torch.Generator().manual_seed(step))
        for classifier, optimiser in ((ours, first), (theirs, second)):
            classifier.zero_grad()
            classifier(images).pow(2).sum().backward()
            optimiser.step()
    for one, other in zip(ours.parameters(), theirs.parameters(), strict=True):
        assert one.equal(other)
        assert one.requires_grad
    state = first.state_dict()
    assert state["param_groups"] == second.state_dict()["param_groups"]
    again = make_optimiser(ours, stage)
    again.load_state_dict(state)
    for parameter, entry in first.state.items():
        assert all(torch.as_tensor(value).equal(again.state[parameter][name]) for name, value in entry.items())
