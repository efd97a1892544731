"""Expressions of --fail-if: parsed by hand-written rules, and refused in one line."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ironglass.errors import InputError
from ironglass.studies.runs_compared.thresholds import COMPARE, NAMES, Measured, number_of, parse

ROBUST = Measured("robust_accuracy", ("pgd-20", "8/255"))
ACCURACY = Measured("accuracy")


def test_a_comparison_with_arguments() -> None:
    found = parse(" robust_accuracy[pgd-20, 8/255] < 0.40 ")
    assert found.text == "robust_accuracy[pgd-20, 8/255] < 0.40"
    assert found.names == [ROBUST]
    assert str(ROBUST) == "robust_accuracy[pgd-20,8/255]"
    assert [found.holds({ROBUST: value}) for value in (0.39, 0.40, 0.41)] == [True, False, False]


@pytest.mark.parametrize(
    ("operator", "held"), [("<", (1, 0, 0)), ("<=", (1, 1, 0)), (">", (0, 0, 1)), (">=", (0, 1, 1))]
)
def test_each_operator(operator: str, held: tuple[int, int, int]) -> None:
    found = parse(f"accuracy{operator}0.5")
    assert tuple(int(found.holds({ACCURACY: value})) for value in (0.4, 0.5, 0.6)) == held


def test_and_binds_closer_than_or() -> None:
    found = parse("accuracy < 0.1 or accuracy > 0.5 and parameters > 1e3")
    large, small = Measured("parameters"), 10.0
    assert [len(bounds) for bounds in found.alternatives] == [1, 2]
    assert found.holds({ACCURACY: 0.05, large: small})
    assert not found.holds({ACCURACY: 0.6, large: small})
    assert found.holds({ACCURACY: 0.6, large: 1e4})


def test_quotation_marks_hold_commas_and_brackets() -> None:
    assert parse("class_accuracy['a, [b]'] < 1").names == [Measured("class_accuracy", ("a, [b]",))]
    assert parse('class_accuracy["it\'s"] < 1').names == [Measured("class_accuracy", ("it's",))]


@pytest.mark.parametrize(
    ("text", "value"), [("0.4", 0.4), ("8/255", 8 / 255), ("-1e-3", -0.001), (" 8 / 255 ", 8 / 255)]
)
def test_numbers(text: str, value: float) -> None:
    assert number_of(text) == value


@pytest.mark.parametrize("text", ["", "x", "1/0", "1e999", "nan", "1/2/3", "inf"])
def test_what_is_no_number(text: str) -> None:
    assert number_of(text) is None


REFUSED = {
    "": "ends where a name should stand",
    "accuracy": "ends where one of < <= > >= should stand",
    "accuracy <": "ends where a number should stand",
    "0.4 < accuracy": "'0.4' stands where a name should",
    "accuracy < 0.4 accuracy": "after a comparison stands 'accuracy', not `and` or `or`",
    "accuracy = 0.4": "'= 0.4' is neither a name, an operator nor a number",
    "accuracy < 0.4 and": "ends where a name should stand",
    "acuracy < 0.4": "did you mean accuracy",
    "robust_acuracy[pgd-20,8/255] < 0.4": "did you mean robust_accuracy",
    "robust_accuracy < 0.4": "write robust_accuracy[ATTACK,EPS]",
    "robust_accuracy[pgd-20] < 0.4": "write robust_accuracy[ATTACK,EPS]",
    "robust_accuracy[pgd-20,eight] < 0.4": "'eight' is no number",
    "accuracy[x] < 0.4": "accuracy has 1 arguments: write accuracy, without arguments",
    "accuracy < 1/0": "'1/0' is no number",
    "__import__('os').system('x') < 1": "is neither a name, an operator nor a number",
    "__class__ < 1": "there is no measured name '__class__'",
    "accuracy < 0.4; 1": "'; 1' is neither",
    "class_accuracy[a < 0.4": "'[a < 0.4' is neither",
}


@pytest.mark.parametrize("text", REFUSED)
def test_what_is_no_expression_is_refused_in_one_line(text: str) -> None:
    with pytest.raises(InputError) as refused:
        parse(text)
    assert REFUSED[text] in str(refused.value)
    assert str(refused.value).startswith("--fail-if")
    assert "\n" not in str(refused.value)


def test_a_very_long_text_is_refused() -> None:
    with pytest.raises(InputError, match="shorten it"):
        parse("accuracy < 0.1 or " * 100 + "accuracy < 1")


@given(st.text(max_size=60))
def test_any_text_is_an_expression_or_refused(text: str) -> None:
    try:
        found = parse(text)
    except InputError:
        return
    assert all(
        bound.measured.name in NAMES and bound.operator in COMPARE for one in found.alternatives for bound in one
    )
