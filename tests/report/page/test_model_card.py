"""The model card, whole and with little known."""

import json
import re
import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from ironglass.report.page.model_card import model_card
from ironglass.results.attack import Attacks
from ironglass.results.codec import to_dict
from ironglass.results.evaluation import Evaluation, Naming
from ironglass.results.numbers import Rate
from ironglass.results.sections import read_results
from ironglass.run import Run


def front_matter(card: str) -> list[str]:
    assert card.startswith("---\n")
    return card.split("---\n")[1].splitlines()


def test_whole_card(two_classes: Run):
    card = model_card(two_classes)
    lines = front_matter(card)
    assert {"license: other", "library_name: ironglass", "- image-classification", "- accuracy"} <= set(lines)
    assert f"      value: {two_classes.results['evaluation']['accuracy']['value']:.6g}" in lines
    assert "# Made-up run" in card
    assert "| FGSM, eps 8/255 | 9.0\u202f% | 7.4–10.9\u202f% | 1,000 |" in card
    assert "| 12 × 12 px blur patch, worst position | 40.0\u202f% |" in card
    assert "cat, dog." in card
    assert "**suspect**" in card
    assert "ironglass run made-up" in card


@pytest.mark.parametrize(
    ("model", "library"),
    [
        ("timm/resnet18", "timm"),
        ("simple-cnn", "ironglass"),
        ("torchvision/resnet18", "ironglass"),
        (None, "ironglass"),
    ],
)
def test_the_library_is_one_that_can_load_the_weights(two_classes: Run, tmp_path: Path, model, library: str) -> None:
    run = Run(shutil.copytree(two_classes.path, tmp_path / "copy"))
    run.write_text("config.json", json.dumps({"ironglass": {"model": model}}))
    lines = front_matter(model_card(run))
    assert f"library_name: {library}" in lines
    assert ("- timm" in lines) is (library == "timm")


def test_the_worst_case_takes_the_place_of_fgsm(attacked: Run):
    card = model_card(attacked)
    row = "| Worst case, eps 2/255, right under all 3 attacks | 17.9\u202f% | 15.6–20.4\u202f% | 1,000 |"
    assert row in card
    assert "Verdicts on the worst case (Linf):" in card
    assert "\n- eps 2/255: **trusted**\n" in card
    assert "\n- eps 8/255: **suspect**: twice the steps still fool more" in card
    assert "| FGSM, eps" not in card
    assert "Robustness was measured with FGSM, PGD, 20 steps and margin-loss variant of AutoAttack" in card


def test_fgsm_that_is_not_among_the_attacks_keeps_its_rows(attacked: Run, attacks: Attacks, tmp_path: Path):
    run = Run(shutil.copytree(attacked.path, tmp_path / "copy"))
    rows = tuple(row for row in attacks.attacks if row.name == "pgd-20")
    run.record("attacks", to_dict(replace(attacks, attacks=rows)))
    card = model_card(run)
    assert "| Under attack, eps 8/255, by PGD, 20 steps |" in card
    assert "| FGSM, eps 8/255 |" in card
    assert "Verdict on the numbers under FGSM: **suspect**" in card


def test_an_audit_does_not_say_what_the_network_was_trained_on(two_classes: Run, tmp_path: Path):
    assert ", trained on " in model_card(two_classes)
    run = Run(shutil.copytree(two_classes.path, tmp_path / "copy"))
    recipe = json.loads((run.path / "recipe.json").read_text())
    (run.path / "recipe.json").write_text(json.dumps(recipe | {"training": False}))
    card = model_card(Run(run.path))
    assert "trained on" not in card
    assert ", measured on " in card


def test_a_number_that_was_not_judged_is_called_so(attacked: Run, attacks: Attacks, tmp_path: Path):
    run = Run(shutil.copytree(attacked.path, tmp_path / "copy"))
    run.record("attacks", to_dict(replace(attacks, worst=tuple(replace(one, verdict=None) for one in attacks.worst))))
    card = model_card(run)
    assert card.count("**not judged**") == 4
    assert "**trusted**" not in card


def test_with_only_a_recipe_nothing_is_invented(tmp_path: Path):
    card = model_card(Run.create(tmp_path / "run", {"name": "early"}))
    assert "model-index" not in card
    assert "## Results" not in card
    assert "None" not in card


def test_names_cannot_break_the_yaml_or_the_markdown(tmp_path: Path):
    name = 'bad": [x]\n---\n# <script>'
    run = Run.create(tmp_path / "run", {"name": name})
    run.write("data.json", {"classes": ["<img>", "b|c"]})
    naming = Naming(named="a", named_share=0.5, named_true_share=0.5, commonest="a", commonest_share=0.1)
    rate = Rate(value=0.5, low=0.4, high=0.6, n=100)
    evaluation = Evaluation(split="test", accuracy=rate, not_judged=0, loss=None, confusion=(), per_class=(),
                            naming=naming, macro_f1=0.5, report="")  # fmt: skip
    run.record("evaluation", to_dict(evaluation))
    card = model_card(run)
    (line,) = [line for line in front_matter(card) if line.startswith("- name: ")]
    assert json.loads(line.removeprefix("- name: ")) == name
    assert not re.search(r"(?<!\\)<(script|img)", card.split("---\n", 2)[2])
    assert r"b\|c" in card


def test_hubs_own_reader_takes_the_card(attacked: Run) -> None:
    """What huggingface_hub checks offline: its `ModelCard.validate` posts the card to the hub."""
    hub = pytest.importorskip("huggingface_hub")
    card = hub.ModelCard(model_card(attacked), ignore_metadata_errors=False)
    found = {(one.metric_type, one.metric_name): one.metric_value for one in card.data.eval_results}
    results = read_results(attacked.read_object("results.json"), file="")
    assert results.evaluation is not None
    assert results.attacks is not None
    assert found["accuracy", "Accuracy"] == pytest.approx(results.evaluation.accuracy.value, abs=1e-6)
    names = ", ".join(row.name for row in results.attacks.attacks[:-1]) + f" and {results.attacks.attacks[-1].name}"
    for point in results.attacks.worst:
        size = f"{round(point.eps * 255)}/255"
        value = found["accuracy", f"Accuracy under attack, Linf eps {size}, by {names}"]
        assert value == pytest.approx(point.accuracy.value, abs=1e-6)
    again = hub.ModelCardData(**card.data.to_dict(), ignore_metadata_errors=False)
    assert again.to_dict() == card.data.to_dict()


def test_the_card_says_the_threat_and_what_was_not_tested(attacked: Run, two_classes: Run, tmp_path: Path) -> None:
    card = model_card(attacked)
    assert "## Threat model\n\nAn adversary changes every image by at most eps in the Linf norm" in card
    assert "| 8/255 | 0\u202f% (nothing certified) |" in card
    assert "## Not tested\n\n- " in card
    assert "training seeds" in card.split("## Not tested")[1]
    bare = Run.create(tmp_path / "run", {"name": "early"})
    assert "accuracy under attack is not known" in model_card(bare)
    evaluation = two_classes.results["evaluation"]
    mean = {"value": 0.1, "low": 0.05, "high": 0.2, "n": 10}
    calibration = {"bins": 15, "ece": mean, "brier": mean | {"value": 0.2}, "confidence": mean}
    bare.record("evaluation", evaluation | {"calibration": calibration})
    older = model_card(bare)  # whose number was the plain gap
    assert "binned gap, in which chance has a part, is 0.100 (95" in older
    assert 'name: "Binned gap, uncorrected"\n      value: 0.1\n' in older
    bare.record("evaluation", evaluation | {"calibration": calibration | {"binned_gap": 0.15}})
    card = model_card(bare)
    assert "## Calibration\n\nIt is 10.0" in card
    assert "expected calibration error is 0.100 (95" in card
    assert '    - type: ece\n      name: "Expected calibration error"\n      value: 0.1\n' in card
