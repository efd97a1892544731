"""What the numbers say, in sentences for somebody who reads nothing else.

Every sentence follows from a number of `results.json` by a threshold stated here; what was not measured is not said.
"""

from __future__ import annotations

from typing import Any

from ironglass.report.attack.words import attack_words, notable_points
from ironglass.report.audit.constant import constant_lines
from ironglass.report.comparison.words import comparison_words
from ironglass.report.corruption.words import corruption_words
from ironglass.report.explanation.words import explanation_words, shortcut_words
from ironglass.report.kit.words import count, decimal, eps_text, magnitude, percent, verdict_of
from ironglass.report.sweep.words import sweep_words
from ironglass.report.transfer.words import transfer_words


def harshest_mask(occlusion: dict[str, Any]) -> dict[str, Any]:
    """The mask that leaves the lowest accuracy when it lies in each image's own worst place."""
    return min(occlusion["masks"], key=lambda mask: mask["worst"]["value"])


def commonest_confusion(confusion: list[list[int]]) -> tuple[int, int, int] | None:
    """The most frequent mistake as (true class, predicted class, times), or None where there is none."""
    pairs = [(n, i, j) for i, row in enumerate(confusion) for j, n in enumerate(row) if i != j and n > 0]
    if not pairs:
        return None
    n, i, j = max(pairs, key=lambda pair: (pair[0], -pair[1], -pair[2]))
    return i, j, n


def lead(recipe: dict[str, Any], data: dict[str, Any], results: dict[str, Any]) -> str:
    """One sentence on what this run is, from whatever of it is known."""
    if recipe.get("description"):
        return str(recipe["description"])
    model = results.get("model", {})
    name = model.get("name") or recipe.get("model") or "An image classifier"
    size = f" of {magnitude(model['parameters'])} parameters" if "parameters" in model else ""
    classes = data.get("classes", [])
    task = f" telling {len(classes)} classes apart" if classes else ""
    source = data.get("name") or recipe.get("dataset")
    return f"{name}{size}{task}{f', on {source}' if source else ''}: where it looks, and what fools it."


def plain_words(results: dict[str, Any], classes: list[str]) -> list[str]:
    """What the numbers say, a short paragraph a question; of FGSM alone only where no other attack was tried."""
    parts = (
        ("transfer", transfer_words),
        ("hardening", hardening_words),
        (
            "transferred",
            lambda shown: comparison_words(results["comparison"], shown) if "comparison" in results else "",
        ),
        ("sweep", sweep_words),
        ("evaluation", lambda part: accuracy_words(part, classes)),
        ("layers", looking_words),
        ("occlusion", occlusion_words),
        ("exhaustive", exhaustive_words),
        ("corruptions", corruption_words),
        ("explanations", explanation_words),
        ("shortcuts", lambda found: f"Does one place decide? {shortcut_words(found)}" if found["places"] else ""),
        ("attacks", attack_words) if "attacks" in results else ("fgsm", fgsm_words),
    )
    said = [text for key, say in parts if key in results for text in (say(results[key]),) if text]
    return [*constant_lines(results), *said]


def accuracy_words(evaluation: dict[str, Any], classes: list[str]) -> str:
    """How often it is right, against always naming the commonest class, and its most frequent mistake."""
    rate, confusion = evaluation["accuracy"], evaluation.get("confusion", [])
    right = round(rate["value"] * rate["n"])
    text = f"Of {count(rate['n'])} {evaluation.get('split', 'test')} images it names {count(right)} right"
    if confusion and (total := sum(map(sum, confusion))):
        text += f"; always naming the commonest class would get {percent(max(map(sum, confusion)) / total, 0)}"
    text += "."
    if worst := commonest_confusion(confusion):
        true, predicted, n = worst
        times = "once" if n == 1 else f"{count(n)} times"
        text += f" Its most frequent mistake is to call “{classes[true]}” “{classes[predicted]}”, {times}."
    return text


def looking_words(layers: dict[str, Any]) -> str:
    """Where it looks, from the last layer: below 25 % in the top tenth is nearly everywhere, from 50 % a small part."""
    if not layers["layers"]:
        return ""
    last = layers["layers"][-1]
    share = last["concentration"]["value"]
    where = (
        "nearly everywhere" if share < 0.25 else "at some parts more than others" if share < 0.5 else "at small parts"
    )
    text = (
        f"In its last convolutional layer it looks {where}: the tenth of an image where Grad-CAM is highest holds "
        f"{percent(share, 0)} of the evidence (10\u202f% if it were spread evenly)."
    )
    if (agreement := last.get("agreement")) is not None:
        rho = agreement["value"]
        how = "agrees well" if rho >= 0.5 else "agrees in part" if rho >= 0.2 else "hardly agrees"
        text += f" That {how} with what happens when those places are covered (rank correlation {decimal(rho)})."
    return text


def occlusion_words(occlusion: dict[str, Any]) -> str:
    """What a covering patch does, on average and at each image's own worst place."""
    mask, patch = harshest_mask(occlusion), occlusion["patch"]
    return (
        f"A patch of {patch} × {patch} pixels ({mask['name']}) leaves {percent(mask['mean']['value'])} right on "
        f"average over {count(occlusion['positions'])} places, and {percent(mask['worst']['value'])} when it lies in "
        f"each image’s own most harmful place (without a patch, {percent(occlusion['clean']['value'])})."
    )


def exhaustive_words(tried: dict[str, Any]) -> str:
    """What the smallest patch does, and the first that changes every second answer, or else the largest."""
    sizes = [entry for entry in tried["sizes"] if entry["flipped"]["value"] >= 0.5]
    smallest, largest = tried["sizes"][0], tried["sizes"][-1]
    text = (
        f"A patch of {smallest['size']} × {smallest['size']} pixels at its worst place changes the answer on "
        f"{percent(smallest['flipped']['value'])} of {count(tried['n'])} images"
    )
    if sizes:
        side, share = sizes[0]["size"], percent(sizes[0]["flipped"]["value"])
        return f"{text}." if sizes[0] is smallest else f"{text}; one of {side} × {side}, on {share}."
    if largest is smallest:
        return f"{text}."
    return f"{text}; one of {largest['size']} × {largest['size']}, on {percent(largest['flipped']['value'])}."


def hardening_words(measured: dict[str, Any]) -> str:
    """What hardening won under attack and cost on unchanged images, each with its pairs."""
    clean, worst = measured["rows"][0], measured["rows"][-1]
    won = worst["after"]["value"] - worst["before"]["value"]
    cost = clean["before"]["value"] - clean["after"]["value"]
    eps = eps_text(worst["eps"], measured["norm"])
    text = (
        f"Of {count(worst['after']['n'])} images {percent(worst['before']['value'])} withstood every attack at eps "
        f"{eps} before, and {percent(worst['after']['value'])} do after"
    )
    sure = worst["test"]["p"] < 0.05
    more = f": {100 * abs(won):.1f} points {'more' if won > 0 else 'fewer'}"
    text += more if sure else ", a difference that may be chance"
    text += f". On unchanged images it {'costs' if cost > 0 else 'brings'} {100 * abs(cost):.1f} points"
    text += "." if clean["test"]["p"] < 0.05 else ", which may be chance."
    words = {side: verdict_of({"verdict": worst["verdicts"][side]})["word"] for side in ("before", "after")}
    doubted = [side for side, word in words.items() if word in ("suspect", "invalid")]
    unjudged = [side for side, word in words.items() if word == "not judged"]
    if doubted:
        text += f" The number {' and '.join(doubted)} is not fully to be trusted: see its verdict."
    if unjudged:
        text += f" The number {' and '.join(unjudged)} is not judged."
    return text


def fgsm_words(fgsm: dict[str, Any]) -> str:
    """What small planned changes do, and why the number is an upper bound."""
    points = notable_points(fgsm["points"])
    if not points:
        return ""
    stay = ", and ".join(
        f"{percent(p['accuracy']['value'])} stay right when every pixel may change by at most {eps_text(p['eps'])}"
        for p in points
    )
    return (
        f"Under FGSM, {stay} of the range from black to white. FGSM takes a single step, so this is an upper bound on "
        "robustness: a stronger attack can only fool it more often, and surviving FGSM is no proof of safety."
    )
