"""Images shown before and after: of every kind some, and no image twice."""

import numpy as np

from ironglass.studies.hardening.pictures import chosen_positions, kinds_of


def test_kinds_tell_apart_who_is_fooled() -> None:
    before, after = np.array([1, 1, 0, 0, 1], bool), np.array([0, 1, 1, 0, 0], bool)
    kinds = kinds_of(before, after, np.array([1, 1, 1, 1, 0], bool))
    assert {kind: positions.tolist() for kind, positions in kinds.items()} == {
        "before": [0], "both": [1], "after": [2], "neither": [3],
    }  # fmt: skip


def test_each_kind_has_its_share_and_others_fill_what_is_left() -> None:
    many = {kind: np.arange(start, start + 10) for start, kind in enumerate(("before", "both", "after", "neither"))}
    kinds = [kind for kind, _ in chosen_positions(many)]
    assert kinds == ["before"] * 3 + ["both"] * 2 + ["after"]
    few = {"before": np.array([4]), "both": np.array([], int), "after": np.array([], int), "neither": np.arange(9)}
    chosen = chosen_positions(few)
    assert [kind for kind, _ in chosen] == ["before"] + ["neither"] * 5
    assert len(set(chosen)) == 6
    assert chosen_positions({kind: np.array([], int) for kind in many}) == []
