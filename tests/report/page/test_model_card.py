"""The model card, whole and with little known."""

import json
import re

from ironglass.report.page.model_card import model_card
from ironglass.run import Run


def front_matter(card: str) -> list[str]:
    assert card.startswith("---\n")
    return card.split("---\n")[1].splitlines()


def test_whole_card(two_classes: Run):
    results = two_classes.results
    card = model_card(
        recipe=two_classes.read("recipe.json"),
        data=two_classes.read("data.json"),
        results=results,
        environment=two_classes.read("environment.json"),
    )
    lines = front_matter(card)
    assert {"license: other", "library_name: timm", "- image-classification", "- accuracy"} <= set(lines)
    assert f"      value: {results['evaluation']['accuracy']['value']:.6g}" in lines
    assert "# Made-up run" in card
    assert "| accuracy, FGSM, eps 8/255 | 9.0\u202f% | 7.4–10.9\u202f% | 1,000 |" in card
    assert "cat, dog." in card
    assert "**suspect**" in card
    assert "ironglass run made-up" in card


def test_the_worst_case_takes_the_place_of_fgsm(attacked: Run):
    card = model_card(recipe={"name": "attacked"}, results=attacked.results)
    assert "| accuracy, worst case of 3 attacks, Linf eps 2/255 | 17.9\u202f% | 15.6–20.4\u202f% | 1,000 |" in card
    assert "\n- eps 2/255: **trusted**\n" in card
    assert "\n- eps 8/255: **suspect**: twice the steps still fool more" in card
    assert "accuracy, FGSM" not in card
    assert "Robustness was measured with FGSM, PGD, 20 steps and margin-loss variant of AutoAttack" in card


def test_fgsm_that_is_not_among_the_attacks_keeps_its_rows(attacked: Run):
    results = dict(attacked.results)
    rows = [row for row in results["attacks"]["attacks"] if row["name"] == "pgd-20"]
    results["attacks"] = results["attacks"] | {"attacks": rows}
    card = model_card(recipe={"name": "attacked"}, results=results)
    assert "| accuracy, PGD, 20 steps, Linf eps 8/255 |" in card
    assert "| accuracy, FGSM, eps 8/255 |" in card
    assert "Verdict on the numbers under FGSM: **suspect**" in card


def test_with_only_a_recipe_nothing_is_invented():
    card = model_card(recipe={"name": "early"})
    assert "model-index" not in card
    assert "## Results" not in card
    assert "None" not in card


def test_names_cannot_break_the_yaml_or_the_markdown():
    name = 'bad": [x]\n---\n# <script>'
    evaluation = {"accuracy": {"value": 0.5, "low": 0.4, "high": 0.6, "n": 100}}
    card = model_card(recipe={"name": name}, data={"classes": ["<img>", "b|c"]}, results={"evaluation": evaluation})
    (line,) = [line for line in front_matter(card) if line.startswith("- name: ")]
    assert json.loads(line.removeprefix("- name: ")) == name
    assert not re.search(r"(?<!\\)<(script|img)", card.split("---\n", 2)[2])
    assert r"b\|c" in card
