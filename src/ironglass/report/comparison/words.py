"""What a comparison of arms says: what each seems to withstand, what it withstands, and how the two are told apart."""

from __future__ import annotations

from typing import Any

from ironglass.report.kit.words import eps_text, percent

BASE = "base"


def common_eps(measured: dict[str, Any], shown: dict[str, Any]) -> float:
    """The largest eps at which images were made on the base and every arm was attacked; else the attacks' largest."""
    sizes = {row["eps"] for row in shown["splits"][shown["measured"]]["rows"]}
    return max(sizes & {*measured["eps"]}, default=max(measured["eps"]))


def seeming(measured: dict[str, Any], shown: dict[str, Any]) -> list[dict[str, Any]]:
    """A row an arm at one eps: its rates on unchanged images, on transferred ones, and under attacks on itself.

    transferred: of the first attack that was shown to all, made on the base; training: the same on training images,
    None where there are none; own: that attack made on the arm itself; worst: each image's worst case of all attacks.
    """
    eps = common_eps(measured, shown)
    splits = {name: _at(part["rows"], eps) for name, part in shown["splits"].items()}
    test, train = splits[shown["measured"]], splits.get("train")
    found = []
    for arm in measured["arms"]:
        rows = [row for row in arm["rows"] if row["eps"] in (0.0, eps)]
        worst = next(row for row in rows if row["name"] == "worst")
        found.append(
            {
                "name": arm["name"],
                "label": arm["label"],
                "eps": eps,
                "attack": test["attack"],
                "clean": rows[0]["after"],
                "transferred": test["surrogates"][BASE][arm["name"]],
                "training": train["surrogates"][BASE][arm["name"]] if train else None,
                "own": test["surrogates"][arm["name"]][arm["name"]],
                "worst": worst["after"],
                "verdict": worst["verdicts"]["after"],
                "clean_test": rows[0]["test"],
                "worst_test": worst["test"],
                "seconds": arm["seconds"],
                "alarms": arm["alarms"],
            }
        )
    return found


def elsewhere(measured: dict[str, Any], shown: dict[str, Any]) -> list[dict[str, Any]]:
    """The other sizes of the images that were shown to all, as the document's: a row an eps, each with its arms."""
    eps, names = common_eps(measured, shown), [arm["name"] for arm in measured["arms"]]
    test, train = shown["splits"][shown["measured"]]["rows"], shown["splits"].get("train", {}).get("rows", [])
    return [
        {
            "eps": row["eps"],
            "attack": row["attack"],
            "arms": [
                {
                    "label": arm["label"],
                    "transferred": row["surrogates"][BASE][name],
                    "training": train[place]["surrogates"][BASE][name] if train else None,
                    "own": row["surrogates"][name][name],
                }
                for name, arm in zip(names, measured["arms"], strict=True)
            ],
        }
        for place, row in enumerate(test)
        if row["eps"] != eps or row["attack"] != _at(test, eps)["attack"]
    ]


def comparison_cards(
    measured: dict[str, Any], shown: dict[str, Any]
) -> list[tuple[str, str, dict[str, Any], dict[str, Any]]]:
    """The arm that gains most from being shown the base's images, both ways; then the hardest to fool, and the base."""
    rows = seeming(measured, shown)
    eps = eps_text(rows[0]["eps"], measured["norm"])
    flattered, best = _flattered(rows), max(rows, key=lambda row: row["worst"]["value"])
    attack = flattered["attack"].upper()
    cards = [
        (f"Seems: {flattered['label']}", f"right on {attack} images made on the base, eps {eps}",
         flattered["transferred"], {}),
        (f"Is: {flattered['label']}", f"right under every attack made on itself, eps {eps}", flattered["worst"],
         flattered),
    ]  # fmt: skip
    if best is not flattered:
        detail = f"right under every attack made on itself; unchanged, {percent(best['clean']['value'])}"
        cards.append((f"Hardest to fool: {best['label']}", detail, best["worst"], best))
    base = rows[0]
    if base is not flattered and base is not best:
        detail = f"right under every attack made on itself; unchanged, {percent(base['clean']['value'])}"
        cards.append(("The base", detail, base["worst"], base))
    return cards


def comparison_words(measured: dict[str, Any], shown: dict[str, Any]) -> str:
    """Which number is which, and what the best arm won and paid, with its pairs."""
    rows = seeming(measured, shown)
    one, eps = _flattered(rows), eps_text(rows[0]["eps"], measured["norm"])
    attack = one["attack"].upper()
    text = (
        f"Shown {attack} images that were made on the base (eps {eps}), “{one['label']}” names "
        f"{percent(one['transferred']['value'])} right"
    )
    if one["training"]:
        text += f", of training images {percent(one['training']['value'])}"
    text += (
        f". Attacked itself it keeps {percent(one['own']['value'])} under the same {attack}, and "
        f"{percent(one['worst']['value'])} under every attack. The first figures say how far it is from the base, not "
        "how hard it is to fool."
    )
    best, base = max(rows, key=lambda row: row["worst"]["value"]), rows[0]
    if best is base:
        return text + " No arm withstands more than the base."
    won = 100 * (best["worst"]["value"] - base["worst"]["value"])
    cost = 100 * (base["clean"]["value"] - best["clean"]["value"])
    sure = "" if best["worst_test"]["p"] < 0.05 else ", which may be chance"
    text += f" The hardest to fool is “{best['label']}”: {won:.1f} points more than the base{sure}"
    paid = f"{abs(cost):.1f} points {'fewer' if cost > 0 else 'more'} on unchanged images"
    return text + f", for {paid}{'' if best['clean_test']['p'] < 0.05 else ', which may be chance'}."


def _flattered(rows: list[dict[str, Any]]) -> dict[str, Any]:
    """The arm, other than the base, whose transferred number stands farthest above its own."""
    return max(rows[1:], key=lambda row: row["transferred"]["value"] - row["worst"]["value"])


def _at(rows: list[dict[str, Any]], eps: float) -> dict[str, Any]:
    return next((row for row in rows if row["eps"] == eps), rows[-1])
