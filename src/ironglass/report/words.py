"""Numbers as a reader wants them, and what they say in plain words."""

from __future__ import annotations

from typing import Any


def percent(share: float, digits: int = 1) -> str:
    """A share as "94.1 %", with spaces that do not break."""
    return f"{100 * share:.{digits}f}\u202f%"


def interval(rate: dict[str, Any], digits: int = 1) -> str:
    """A rate's 95 % interval as "92.4–95.5 %"."""
    return f"{100 * rate['low']:.{digits}f}–{percent(rate['high'], digits)}"


def count(number: float) -> str:
    """A whole number as "11,689,512"."""
    return f"{round(number):,}"


def magnitude(number: float) -> str:
    """A large number as "11.7 million"."""
    for size, word in ((1e12, "trillion"), (1e9, "billion"), (1e6, "million")):
        if number >= size:
            return f"{number / size:.1f} {word}"
    return count(number)


def objective(given: Any) -> str:
    """A training objective, from its entry in `recipe.json`, as "CrossEntropy, label smoothing 0.1"."""
    if not isinstance(given, dict):
        return str(given)
    fields = [f"{name.replace('_', ' ')} {value}" for name, value in given.items() if name != "kind"]
    return ", ".join([str(given.get("kind", "")), *fields]).strip(", ")


def duration(seconds: float) -> str:
    """A time as "8.2 s", "3 min 5 s" or "2 h 4 min"."""
    if seconds < 60:
        return f"{seconds:.1f} s"
    whole = round(seconds)
    if whole < 3600:
        return f"{whole // 60} min {whole % 60} s"
    return f"{whole // 3600} h {whole % 3600 // 60} min"


def eps_text(eps: float) -> str:
    """An eps in [0, 1] as "8/255"."""
    return f"{round(eps * 255, 2):g}/255"


def decimal(number: float, digits: int = 2) -> str:
    """A signed number as "−0.12", with a true minus."""
    return f"{number:.{digits}f}".replace("-", "−")


def shorten(text: str, length: int) -> str:
    """The text, or its beginning and an ellipsis, in at most `length` characters."""
    return text if len(text) <= length else text[: length - 1] + "…"


def notable_points(points: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The two FGSM points of the first screen: the one nearest to 2/255 (the middle one if that is the last), and the
    largest."""
    moved = sorted((point for point in points if point["eps"] > 0), key=lambda point: point["eps"])
    if len(moved) < 2:
        return moved
    near = min(range(len(moved)), key=lambda i: abs(moved[i]["eps"] - 2 / 255))
    return [moved[near if near < len(moved) - 1 else (len(moved) - 1) // 2], moved[-1]]


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
    """What the numbers say, a short paragraph a question, for somebody who reads nothing else.

    Every sentence follows from a number of `results` by a threshold stated here; what was not measured is not said.
    """
    parts = (
        ("evaluation", lambda part: accuracy_words(part, classes)),
        ("layers", looking_words),
        ("occlusion", occlusion_words),
        ("fgsm", fgsm_words),
    )
    return [text for key, say in parts if key in results for text in (say(results[key]),) if text]


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
