"""Every plan from Python refuses a wrong field in one line that names it."""

# Short, former and wrong forms are given on purpose, which the types do not admit.
# pyright: reportArgumentType=false, reportCallIssue=false, reportOptionalMemberAccess=false
# pyright: reportAttributeAccessIssue=false, reportIndexIssue=false

import contextlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch

import ironglass as ig
from ironglass.attacks import ATTACKS, L2, PGD, Linf, Occluder, Patch
from ironglass.data.augment import Augment
from ironglass.errors import InputError
from ironglass.explain import EXPLAINERS
from ironglass.fields import check_seed
from ironglass.harden import (
    AWP,
    MART,
    NFGSM,
    TRADES,
    AdversarialRegularisation,
    FastAT,
    FGSMTraining,
    Free,
    PGDTraining,
)
from ironglass.models.structure.transplant import Transplant
from ironglass.train.loop.optimiser import make_optimiser
from ironglass.train.objective import CrossEntropy
from ironglass.train.plateau import Plateau

AUDIT = {"dataset": "digits", "model": "logistic"}


def own(classifier: torch.nn.Module, images: torch.Tensor, labels: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    logits = classifier(images)
    return torch.nn.functional.cross_entropy(logits, labels), logits


KINDS = [
    ig.Stage, ig.Recipe, ig.Audit, ig.Explained, ig.Hardening, ig.Sweep, ig.Comparison, ig.Arm, ig.Transfer, Augment,
    Plateau, Transplant, CrossEntropy, NFGSM, TRADES, MART, Free, FastAT, FGSMTraining, PGDTraining,
    AdversarialRegularisation,
]  # fmt: skip


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
def test_no_kind_raises_anything_else(kind: Callable[..., object]) -> None:
    with pytest.raises(InputError, match="no_such_field"):
        kind(no_such_field=1)
    with pytest.raises(InputError, match="by name"):
        kind(3)
    for name in kind.__dataclass_fields__:  # type: ignore[attr-defined]
        for wrong in (object(), -1e400, float("nan"), {"a": 1}, [[]], "\0", b"x", 10**400, torch.zeros(2)):
            with contextlib.suppress(InputError):
                kind(**{name: wrong})


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (lambda: ig.Stage(epochs=0), "epochs is 0: give a number above 0"),
        (lambda: ig.Stage(epochs=10**20), "epochs is 100000000000000000000: give a number of at most 1,000,000"),
        (lambda: ig.Stage(epochs=1.5), "epochs is 1.5: give a whole number"),
        (lambda: ig.Stage(peak_lr="fast"), "peak_lr is 'fast': give a number"),
        (lambda: ig.Stage(peak_lr=float("inf")), "peak_lr is inf: give a"),
        (lambda: ig.Stage(optimiser="lion"), "optimiser is 'lion': choose from sgd, adamw, adam"),
        (lambda: ig.Audit(seed=2**32), "seed is 4294967296: give a number below 4,294,967,296"),
        (lambda: ig.Audit(seed=-1), "seed is -1: give a number of at least 0"),
        (lambda: ig.Audit(name="../../etc"), "name is '../../etc'"),
        (lambda: ig.Audit(stages=({"epochs": 0},)), "stages.0.epochs is 0"),
        (lambda: ig.Audit(stages=(5,)), r"stages.0 is 5: give Stage\(...\)"),
        (
            lambda: ig.Audit(stages=({"epoch": 1},)),
            r"no field 'stages.0.epoch' \(did you mean epochs\?\); stages.0 has",
        ),
        (lambda: ig.Audit(explained={"method": ()}), r"no field 'explanation.method' \(did you mean methods\?\)"),
        (lambda: ig.Audit(channels=2), "channels is 2: choose from 1, 3"),
        (lambda: ig.Audit(attacks=ig.Attacks(eps=("banana",))), "eps 'banana' is not a number"),
        (lambda: ig.Audit(only="3,7"), "only is '3,7': give a list"),
        (lambda: ig.Hardening(), "Hardening needs after"),
        (lambda: ig.Hardening(after=3), r"after is 3: give Audit\(...\)"),
        (lambda: ig.Sweep(trial=ig.Audit(), vary=3), "vary is 3"),
        (lambda: ig.Arm(stages=()), "stages is"),
        (lambda: ig.Transfer(source=ig.Audit(), target=ig.Audit(), seeds=0), "seeds is 0"),
        (lambda: NFGSM(eps=8), "eps is 8 and images range from 0 to 1: for bytes write 8/255"),
        (lambda: CrossEntropy(label_smoothing=1), "label_smoothing is 1: give a number below 1"),
    ],
)
def test_the_line_names_the_field_and_what_is_right(make: Callable[[], object], says: str) -> None:
    with pytest.raises(InputError, match=says) as raised:
        make()
    assert "\n" not in str(raised.value)
    assert "pydantic" not in str(raised.value).lower()


def test_seeds_are_whole_numbers_of_32_bits() -> None:
    assert check_seed(2**32 - 1) == 2**32 - 1
    for wrong in (-1, 2**32, 10**30, 1.0, "1", None, True):
        with pytest.raises(InputError, match="seed is"):
            check_seed(wrong)
    classifier = ig.load_classifier("logistic", classes=("a", "b"), size=4, channels=1)
    images, labels = torch.zeros(2, 1, 4, 4), torch.zeros(2, dtype=torch.int64)
    for call in (
        lambda seed: ig.attack(classifier, images, labels, seed=seed),
        lambda seed: ig.load_classifier("logistic", classes=("a", "b"), size=4, channels=1, seed=seed),
        lambda seed: ig.load_dataset("digits", seed=seed),
    ):
        with pytest.raises(InputError, match="seed is 18446744073709551616"):
            call(2**64)


def test_an_objective_is_a_function_a_name_or_its_fields() -> None:
    assert ig.Stage(objective=own).objective is own
    assert ig.Stage(objective="n-fgsm").objective == ig.Stage(objective="NFGSM").objective == NFGSM()
    assert ig.Stage(objective="cross-entropy").objective == CrossEntropy()
    assert ig.Stage(objective={"kind": "trades", "eps": 0.1}).objective == TRADES(eps=0.1)
    around = {"kind": "AWP", "objective": {"kind": "TRADES", "eps": 0.1}, "gamma": 0.01}
    assert ig.Stage(objective=around).objective == AWP(objective=TRADES(eps=0.1), gamma=0.01)


@pytest.mark.parametrize(
    ("objective", "says"),
    [
        ("nfgsm", "did you mean n-fgsm"),
        ("", "no objective ''"),
        (5, "objective is 5: give a function"),
        (None, "objective is None"),
        (NFGSM, r"give an object of it, NFGSM\(...\)"),
        (lambda classifier, images: None, "does not take"),
        ({"eps": 0.1}, "give its kind"),
        ({"kind": "NFGSM", "epps": 0.1}, "did you mean eps"),
        ({"kind": "NFGSM", "eps": 9}, "eps is 9"),
        ({"kind": "AWP", "objective": "cross-entropy"}, "AWP cannot go around CrossEntropy"),
    ],
)
def test_another_objective_is_refused_at_once(objective: object, says: str) -> None:
    with pytest.raises(InputError, match=says):
        ig.Stage(objective=objective)


def test_adam_is_an_optimiser() -> None:
    classifier = ig.load_classifier("logistic", classes=("a", "b"), size=4, channels=1)
    made = {name: make_optimiser(classifier, ig.Stage(optimiser=name)) for name in ("sgd", "adam", "adamw")}
    kinds = {name: type(optimiser).__bases__[-1] for name, optimiser in made.items()}
    assert kinds == {"sgd": torch.optim.SGD, "adam": torch.optim.Adam, "adamw": torch.optim.AdamW}


SETTINGS = sorted({type(one) for one in (*ATTACKS.values(), *EXPLAINERS.values())} | {Linf, L2, Patch, Occluder},
                  key=lambda kind: kind.__name__)  # fmt: skip


@pytest.mark.parametrize("kind", SETTINGS, ids=lambda kind: kind.__name__)
def test_attacks_and_explainers_refuse_a_wrong_setting_in_one_line(kind: Callable[..., object]) -> None:
    fields = {name: str(field.type) for name, field in kind.__dataclass_fields__.items()}  # type: ignore[attr-defined]
    with pytest.raises(InputError, match=rf"{kind.__name__} has no setting 'no_such_setting'"):
        kind(no_such_setting=1)
    usual = {"eps": 0.1} if kind in (Linf, L2) else {}
    for name, what in fields.items():
        numeric = what.partition(" | ")[0] in ("int", "float")
        for wrong in ("5", "x", [1], {}, object(), torch.zeros(2).numpy) if numeric else ():
            with pytest.raises(InputError, match=f"{name} is "):
                kind(**usual | {name: wrong})
        for absurd in (-1, float("nan"), float("-inf"), 10**30) if numeric else ():
            with contextlib.suppress(InputError):
                kind(**usual | {name: absurd})


def test_settings_take_what_counts_as_a_number() -> None:
    assert PGD(steps=np.int64(3), step_size=np.float32(0.5)).steps == 3  # type: ignore[arg-type]
    assert Linf(torch.tensor(0.5).item()).eps == 0.5
    with pytest.raises(InputError, match=r"has no setting 'step' \(did you mean steps"):
        PGD(step=3)  # type: ignore[call-arg]
    with pytest.raises(InputError, match="PGD's steps is True: give a whole number"):
        PGD(steps=True)
    with pytest.raises(InputError, match="Linf's eps is '8/255': give a number"):
        Linf("8/255")  # type: ignore[arg-type]


def test_what_is_given_to_the_functions_is_looked_at_first(tmp_path: Path) -> None:
    classifier = ig.load_classifier("logistic", classes=("a", "b"), size=4, channels=1)
    images, labels = torch.zeros(2, 1, 4, 4), torch.zeros(2, dtype=torch.int64)
    folder = tmp_path / "run"
    for call, says in (
        (lambda: ig.audit(3, folder), "plan is 3: give an ironglass.Audit"),
        (lambda: ig.sweep(None, folder), "plan is None: give an ironglass.Sweep"),
        (lambda: ig.harden(ig.Audit(), folder), r"plan is Audit\(.*give an ironglass.Hardening"),
        (lambda: ig.compare({}, folder), "plan is {}: give an ironglass.Comparison"),
        (lambda: ig.transfer("x", folder), "plan is 'x': give an ironglass.Transfer"),
        (lambda: ig.fit(classifier, "digits", ig.Recipe(), folder), "dataset is 'digits': give what"),
        (lambda: ig.fit(None, None, ig.Recipe(), folder), "classifier is None: give what"),
        (lambda: ig.evaluate(classifier, images), "split is tensor"),
        (lambda: ig.load_dataset(None), "data is None: give a name"),
        (lambda: ig.load_classifier(7), "model is 7: give a name"),
        (lambda: ig.load_classifier("logistic", classes=10), "classes is 10: give a list"),
        (lambda: ig.explain(classifier, images, labels, None), "method is None: give one of saliency"),
        (lambda: ig.write_report(folder), "is not a run folder"),
    ):
        with pytest.raises(InputError, match=says) as raised:
            call()
        assert "\n" not in str(raised.value)
    assert not folder.exists()
