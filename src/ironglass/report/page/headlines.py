"""What stands first on the page, the numbers with their intervals, and last, what nobody measured."""

from __future__ import annotations

from typing import Any

from ironglass.report.attack.words import notable_points
from ironglass.report.comparison.words import comparison_cards
from ironglass.report.kit.words import eps_text, percent, verdict_of
from ironglass.report.page.summary import harshest_mask
from ironglass.report.sweep.words import chosen_by, taken, trial_words
from ironglass.report.transfer.words import transfer_cards


def headlines(results: dict[str, Any]) -> list[dict[str, Any]]:
    """The numbers of the first screen, each with its interval and, where one was given, its verdict."""
    cards = []
    if evaluation := results.get("evaluation"):
        cards.append(
            ("Accuracy", f"on clean {evaluation.get('split', 'test')} images", evaluation["accuracy"], evaluation)
        )
    if corrupted := results.get("corruptions"):
        several = len(corrupted["corruptions"])
        over = f"mean of {several} corruptions" if several > 1 else corrupted["corruptions"][0]["label"]
        cards.append(("Accuracy on corrupted images", f"{over}, five severities", corrupted["mean"], {}))
    for condition in results.get("explanations", {}).get("conditions", []):
        if condition["kind"] in ("occlusion", "control"):
            detail = "where the method points" if condition["kind"] == "occlusion" else "the same, to compare with"
            cards.append((_capital(condition["label"]), detail, condition["accuracy"], {}))
    if swept := results.get("sweep"):
        cards += _swept(swept)
    if hardened := results.get("hardening"):
        cards += _hardened(hardened)
    if results.get("comparison") and results.get("transferred"):
        cards += comparison_cards(results["comparison"], results["transferred"])
    if moved := results.get("transfer"):
        cards += transfer_cards(moved)
    if attacks := results.get("attacks"):
        cards += _under_attack(attacks, alone=not cards)
    if (occlusion := results.get("occlusion")) and occlusion["masks"]:
        mask, patch = harshest_mask(occlusion), occlusion["patch"]
        cards.append(("Worst-placed patch", f"{mask['name']}, {patch} × {patch} pixels", mask["worst"], occlusion))
    # a single step says no more where stronger attacks were tried
    for point in notable_points([] if attacks else results.get("fgsm", {}).get("points", [])):
        label = f"FGSM, eps {eps_text(point['eps'])}"
        cards.append((label, "every pixel moved by up to eps", point["accuracy"], results["fgsm"]))
    return [
        {
            "label": label,
            "detail": detail,
            "rate": rate,
            "verdict": verdict_of(part) if {"eps", "points", "verdict"} & part.keys() else None,
        }
        for label, detail, rate, part in cards
    ]


def _hardened(measured: dict[str, Any]) -> list[tuple[str, str, dict[str, Any], dict[str, Any]]]:
    """The worst case at the largest eps, before and after, and the accuracy that it cost."""
    rows, norm = measured["rows"], measured["norm"]
    clean, worst = rows[0], rows[-1]
    eps = eps_text(worst["eps"], norm)
    cards = [
        (f"Under attack {side}, eps {eps}", "right under every attack", worst[side],
         {"verdict": worst["verdicts"][side]})
        for side in ("before", "after")
    ]  # fmt: skip
    return [*cards, ("Unchanged images, after", f"before: {percent(clean['before']['value'])}", clean["after"], {})]


def _swept(measured: dict[str, Any]) -> list[tuple[str, str, dict[str, Any], dict[str, Any]]]:
    """The recommended trial: the accuracy it was chosen by, and those that had no say."""
    best = taken(measured)
    if best is None:
        return []
    key, others = chosen_by(measured), len(measured["recommended"]["tests"])
    detail = "of validation images" if key == "validation" else "of validation images under attack"
    if others:
        detail += f": the highest of {others + 1} {'settings' if measured.get('settings') else 'trials'}"
    cards = [(f"Recommended: {trial_words(best, measured)}", detail, best[key], {})]
    if measured["split"] != "validation":
        cards.append((f"The same on {measured['split']} images", "which had no say in it", best["measured"], {}))
    if robust := best.get("robust"):
        eps = eps_text(measured["attacks"]["eps"], measured["attacks"]["norm"])
        cards.append((f"The same under attack, eps {eps}", "right under every attack", robust["accuracy"], robust))
    return cards


def _capital(label: str) -> str:
    return label[0].upper() + label[1:]


def _under_attack(attacks: dict[str, Any], *, alone: bool) -> list[tuple[str, str, dict[str, Any], dict[str, Any]]]:
    """The worst case near 2/255 and at the largest eps; `alone`: the accuracy on unchanged images before them."""
    rows, clean = attacks["attacks"], attacks["clean"]
    title = "Worst case" if len(rows) > 1 else "Under attack"
    what = f"right under all {len(rows)} attacks" if len(rows) > 2 else "right under both attacks"
    if len(rows) == 1:
        what = f"by {rows[0]['label']}"
    cards = [("Accuracy", "of the attacked images, unchanged", clean, {})] if alone else []
    for point in notable_points(attacks["worst"]):
        label = f"{title}, eps {eps_text(point['eps'], attacks['norm'])}"
        cards.append((label, f"{what}; unchanged, {percent(clean['value'])}", point["accuracy"], point))
    return cards


def unmeasured(results: dict[str, Any]) -> list[str]:
    """What a reader might think was measured, and was not."""
    steps = {
        "evaluation": "accuracy on held-out images",
        "layers": "what the single layers contribute",
        "occlusion": "accuracy under a covering patch",
        "fgsm": "accuracy under a planned change of the pixels",
    }
    run = {*results, "fgsm"} if "attacks" in results else {*results}
    missing = [f"{what} (the run has no such step)" for key, what in steps.items() if key not in run]
    attacks = results.get("attacks")
    if hardened := results.get("hardening"):
        missing = []  # each side's own report says what it lacks
        names = dict.fromkeys(row["name"] for row in hardened["rows"] if row["name"] not in ("clean", "worst"))
        attacks = {"norm": hardened["norm"], "attacks": [{"name": name} for name in names]}
    if swept := results.get("sweep"):
        missing = []
        asked = swept["attacks"]
        attacks = asked and {"norm": asked["norm"], "attacks": [{"name": name} for name in asked["names"]]}
    if arms := results.get("comparison"):
        missing = []
        names = dict.fromkeys(row["name"] for row in arms["arms"][0]["rows"] if row["name"] not in ("clean", "worst"))
        attacks = {"norm": arms["norm"], "attacks": [{"name": name} for name in names]}
    spread = (
        "the spread over training seeds: the intervals are those of this one network on other images of the same kind"
    )
    if moved := results.get("transfer"):
        missing = ["images made on a network of another architecture"]
        names = dict.fromkeys([*moved["shown"], *moved["own"]])
        attacks = {"norm": moved["norm"], "attacks": [{"name": name} for name in names]}
        if len(moved["seeds"]) > 1:
            spread = "the spread over training seeds where a number of blocks was trained with a single one"
    return [*missing, _untried(attacks), "images from another source, camera or year than the test images", spread]


def _untried(attacks: dict[str, Any] | None) -> str:
    """The attacks that were not made."""
    if not attacks:
        return "attacks stronger than one step (PGD, AutoAttack), and attacks that know of a defence"
    names = [row["name"] for row in attacks["attacks"]]
    other = f"attacks other than the {len(names)} above" if len(names) > 1 else "attacks other than the one above"
    such = "" if "ensemble" in names else ", AutoAttack’s ensemble among them"
    norm = {"linf": "Linf (every pixel by up to eps)", "l2": "L2 (the whole change up to eps long)"}[attacks["norm"]]
    return f"{other}{such}, attacks that know of a defence, and changes that are not held to {norm}"
