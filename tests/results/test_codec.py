"""Results become JSON and come back the same; what is missing, unknown or of another kind is named."""

import json
from typing import Any

import pytest

from ironglass.errors import InputError
from ironglass.results.attack import AttackPoint
from ironglass.results.codec import from_dict, to_dict
from ironglass.results.evaluation import ClassRow
from ironglass.results.numbers import Mean, Rate, Verdict
from ironglass.results.sweep import Sweep
from ironglass.results.versions import sections_of, upgrade, with_counts

RATE = {"value": 0.5, "low": 0.2, "high": 0.8, "n": 10}
POINT = {
    "eps": 0.1, "accuracy": RATE, "png_accuracy": RATE, "fooled": RATE, "folder": "adversarial/fgsm/linf-0.1000",
    "verdict": {"word": "suspect", "reasons": ["only 10 images"]},
}  # fmt: skip


def test_there_and_back() -> None:
    point = from_dict(AttackPoint, POINT, file="results.json")
    assert point.accuracy == Rate(value=0.5, low=0.2, high=0.8, n=10)
    assert point.verdict == Verdict(word="suspect", reasons=("only 10 images",))
    assert to_dict(point) == POINT
    row = {"class": "cat", "precision": 1.0, "recall": 0.5, "f1": 2 / 3, "support": 2}
    assert from_dict(ClassRow, row, file="").class_ == "cat"
    assert to_dict(from_dict(ClassRow, row, file="")) == row


def test_null_stands_for_not_judged_and_absence_is_refused() -> None:
    assert from_dict(AttackPoint, POINT | {"verdict": None}, file="").verdict is None
    assert to_dict(from_dict(AttackPoint, POINT | {"verdict": None}, file="")) == POINT | {"verdict": None}
    with pytest.raises(InputError, match=r"^run/results.json: a.0.verdict is missing"):
        without = {key: value for key, value in POINT.items() if key != "verdict"}
        from_dict(AttackPoint, without, file="run/results.json", key="a.0")


@pytest.mark.parametrize(
    ("changed", "says"),
    [
        ({"accuracy": RATE | {"value": 0.9}}, "accuracy is .* does not lie within its interval"),
        ({"accuracy": RATE | {"value": 7.0, "high": 8.0}}, "accuracy.value is 7.0"),
        ({"accuracy": RATE | {"value": True}}, "accuracy.value is True"),
        ({"accuracy": RATE | {"n": 1.5}}, "accuracy.n is 1.5"),
        ({"accuracy": RATE | {"mean": 1}}, "accuracy.mean is no key"),
        ({"eps": -1.0}, "eps is -1.0"),
        ({"eps": "0.1"}, "eps is '0.1'"),
        ({"verdict": {"word": "perfect", "reasons": []}}, "verdict.word is 'perfect'"),
    ],
)
def test_what_is_wrong_is_named(changed: dict[str, Any], says: str) -> None:
    with pytest.raises(InputError, match=f"^results.json: {says}"):
        from_dict(AttackPoint, POINT | changed, file="results.json")


def test_a_key_in_a_list_of_several_classes_is_named_by_its_path() -> None:
    row = {"name": "a", "folder": "trials/a", "values": [1], "failed": "why"}
    swept = {
        "axes": [],
        "split": "test",
        "jobs": 1,
        "attacks": None,
        "rows": [row],
        "settings": [],
        "recommended": None,
    }
    assert to_dict(from_dict(Sweep, swept, file="")) == swept
    with pytest.raises(InputError, match=r"^r: sweep.rows.0.folder is missing"):
        lost = {key: value for key, value in row.items() if key != "folder"}
        from_dict(Sweep, swept | {"rows": [lost]}, file="r", key="sweep")


def test_a_mean_may_be_negative_and_a_rate_may_not() -> None:
    mean = {"value": -0.5, "low": -1.0, "high": 0.0, "n": 3}
    assert from_dict(Mean, mean, file="").value == -0.5
    with pytest.raises(InputError, match="value"):
        from_dict(Rate, mean, file="")


def test_versions() -> None:
    sections = {"samples": {"images": 2, "seed": 0}}
    assert sections_of(with_counts(sections)) == sections
    assert with_counts(sections) == {"schema_version": 2, "sections": {"samples": 2}, **sections}
    assert upgrade(json.loads(json.dumps(sections)), file="") == with_counts(sections)
    with pytest.raises(InputError, match="schema_version is 3, and this version of ironglass reads 1 to 2"):
        upgrade(with_counts(sections) | {"schema_version": 3}, file="")


VERSION_1: dict[str, Any] = {
    "reading": "target", "known": False, "own_n": 4, "judged_eps": 0.1, "shown": ["fgsm"], "own": ["pgd-3"],
    "own_eps": [0.1], "surrogate": [{"attack": "fgsm", "eps": 0.1, "kept": 0.5}], "n": 8,
    "networks": [{"name": "base-B-s0", "shown": [{"png": 1}], "own": []}],
    "findings": [{"key": "all-plus-best-shown", "claim": "AnB+ is best"}, {"key": "plus-grows", "claim": "grows"}],
}  # fmt: skip
VERSION_2: dict[str, Any] = {
    "label_space": "target", "source_knows_classes": False, "white_box_n": 4, "headline_eps": 0.1,
    "transfer_attacks": ["fgsm"], "white_box_attacks": ["pgd-3"], "white_box_eps": [0.1],
    "source_accuracy": [{"attack": "fgsm", "eps": 0.1, "accuracy": 0.5}], "n": 8,
    "networks": [{"name": "base-B-s0", "transferred": [{"png": 1}], "white_box": []}],
    "claims": [{"key": "all-plus-best-transferred", "statement": "AnB+ is best"},
               {"key": "plus-grows", "statement": "grows"}],
}  # fmt: skip


@pytest.mark.parametrize("head", [{"schema_version": 1, "sections": {"transfer": 24, "samples": 2}}, {}])
def test_a_transfer_of_version_1_is_read_by_todays_names(head: dict[str, Any]) -> None:
    contents = head | {"transfer": VERSION_1, "samples": {"n": 1, "shown": [2]}}
    counts = head.get("sections", {"transfer": 22, "samples": 2})
    assert upgrade(contents, file="") == {"schema_version": 2, "sections": counts, "transfer": VERSION_2,
                                          "samples": {"n": 1, "shown": [2]}}  # fmt: skip


@pytest.mark.parametrize("value", [None, [], "x", {"networks": 3, "findings": [1, {}]}, {"claims": None}])
def test_a_malformed_transfer_of_version_1_is_left_to_the_reader(value: Any) -> None:
    contents = {"schema_version": 1, "sections": {}, "transfer": value}
    assert upgrade(contents, file="")["schema_version"] == 2
