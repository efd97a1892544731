"""--seeds and --choose-by: one setting by several seeds, and what chooses."""

import json
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from ironglass.cli.training_plans import with_seeds
from ironglass.errors import InputError
from ironglass.plans.attacks import Attacks
from ironglass.plans.audit import Audit
from ironglass.plans.sweep import Sweep


def test_seeds_are_an_axis() -> None:
    assert with_seeds({}, 3, 5) == {"seed": (5, 6, 7)}
    assert with_seeds({"model": ("a", "b")}, 1, 0) == {"model": ("a", "b")}
    with pytest.raises(InputError, match="--seeds is given, and --vary names seeds, too"):
        with_seeds({"seed": (0, 1)}, 2, 0)


def test_training_by_several_seeds_gives_mean_and_spread(call, tmp_path: Path, photos: Path) -> None:
    words = ("train", "logistic", photos, "--epochs", 1, "--batch-size", 8, "--seeds", 2, "--seed", 3)
    status, out, err = call(*words, "--output", "both", "--json")
    assert status == 0, err
    found = json.loads(out)["results"]["sweep"]
    assert [row["values"] for row in found["rows"]] == [[3], [4]]
    [setting] = found["settings"]
    tested = [row["measured"]["value"] for row in found["rows"]]
    assert setting["measured"]["mean"]["value"] == pytest.approx(sum(tested) / 2)
    assert setting["measured"]["mean"]["n"] == 2
    names = [
        pq.read_table(tmp_path / "both" / row["folder"] / "per_image" / "clean.parquet")["name"].to_pylist()
        for row in found["rows"]
    ]
    assert names[0] == names[1]
    assert "Over seeds on " in (tmp_path / "both" / "report.html").read_text("utf-8")


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("--choose-by", "best"), "choose_by"),
        (("--choose-by", "robust"), "choose_by is robust, and no attack is named"),
        (("--choose-by", "pareto"), "choose_by is pareto, and no attack is named"),
        (("--seeds", 2, "--vary", "seed=0,1"), "--vary names seeds, too"),
    ],
)
def test_what_cannot_choose_is_refused(call, photos: Path, words: tuple[object, ...], says: str) -> None:
    status, _, err = call("sweep", "logistic", photos, *words)
    assert status == 2
    assert says in err
    assert err.startswith("ironglass: ")


def test_attacks_choose_unless_clean_images_are_asked_for() -> None:
    attacked = Audit(dataset="digits", model="logistic", attacks=Attacks(methods=("fgsm",), eps=(0.1,)))
    vary = {"seed": (0, 1)}
    assert Sweep(trial=attacked, vary=vary).attacks_validation
    assert not Sweep(trial=attacked, vary=vary, choose_by="clean").attacks_validation
    assert not Sweep(trial=Audit(dataset="digits", model="logistic"), vary=vary).attacks_validation
