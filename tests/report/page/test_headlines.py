"""The first screen's numbers, and the list of what was not measured."""

from ironglass.report.page.headlines import headlines, unmeasured

RATE = {"value": 0.5, "low": 0.4, "high": 0.6, "n": 100}
TRUSTED, SUSPECT = {"word": "trusted", "reasons": []}, {"word": "suspect", "reasons": ["few"]}


def attacks(*names: str) -> dict:
    worst = [
        {"eps": 2 / 255, "accuracy": RATE, "verdict": TRUSTED},
        {"eps": 8 / 255, "accuracy": RATE, "verdict": SUSPECT},
    ]
    rows = [{"name": name, "label": name.upper(), "points": []} for name in names]
    return {"norm": "linf", "clean": {**RATE, "value": 0.9}, "attacks": rows, "worst": worst}


def test_a_verdict_only_where_one_was_given():
    verdict = {"word": "invalid", "reasons": ["gradients are not finite"]}
    points = [{"eps": 8 / 255, "accuracy": RATE}]
    cards = headlines({"evaluation": {"accuracy": RATE}, "fgsm": {"points": points, "verdict": verdict}})
    assert [card["verdict"] for card in cards] == [None, verdict]


def test_the_worst_case_stands_beside_the_accuracy_and_in_the_place_of_fgsm():
    fgsm = {"points": [{"eps": 8 / 255, "accuracy": RATE}]}
    cards = headlines({"evaluation": {"accuracy": RATE}, "fgsm": fgsm, "attacks": attacks("fgsm", "pgd", "square")})
    assert [card["label"] for card in cards] == ["Accuracy", "Worst case, eps 2/255", "Worst case, eps 8/255"]
    assert [card["verdict"] for card in cards] == [None, TRUSTED, SUSPECT]
    assert cards[1]["detail"] == "right under all 3 attacks; unchanged, 90.0\u202f%"


def test_without_an_evaluation_the_attacked_images_give_the_clean_accuracy():
    cards = headlines({"attacks": attacks("pgd")})
    assert [card["rate"]["value"] for card in cards] == [0.9, 0.5, 0.5]
    assert cards[1]["label"] == "Under attack, eps 2/255"
    assert cards[1]["detail"].startswith("by PGD;")


def test_unmeasured_names_what_the_attacks_left_out():
    assert any("PGD, AutoAttack" in what for what in unmeasured({"fgsm": {}}))
    said = " ".join(unmeasured({"attacks": attacks("pgd", "square")}))
    assert "attacks other than the 2 above, AutoAttack’s ensemble among them" in said
    assert "held to Linf" in said
    assert "planned change of the pixels" not in said
    assert "among them" not in " ".join(unmeasured({"attacks": attacks("ensemble")}))
