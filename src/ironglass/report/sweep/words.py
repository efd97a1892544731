"""A sweep in words: what a trial is called, and which one to take."""

from __future__ import annotations

from typing import Any

from ironglass.report.kit.words import count, eps_text, interval, listed, objective, percent, verdict_of

NAMED = 4  # trials that a sentence names; of more it counts them


def value_words(value: Any) -> str:
    """A varied value, from its entry in the results, as "0.01", "timm/resnet18" or "NFGSM, eps 0.1"."""
    if isinstance(value, dict):
        return objective(value)
    if isinstance(value, list):
        return ", ".join(map(value_words, value)) or "none"
    return f"{value:g}" if type(value) is float else str(value)


def trial_words(row: dict[str, Any], measured: dict[str, Any]) -> str:
    """A trial's values in a sentence, as "timm/resnet18", or of several axes "learning rate 0.1 and batch size 32"."""
    values = [value_words(value) for value in row["values"]]
    if len(values) == 1:
        return values[0]
    return listed([f"{axis['label']} {value}" for axis, value in zip(measured["axes"], values, strict=True)])


def trial_values(row: dict[str, Any]) -> str:
    """The same in a table, in the order of the axes, as "0.1 · 32"."""
    return " · ".join(value_words(value).removeprefix("timm/") for value in row["values"])


def row_of(measured: dict[str, Any], name: str) -> dict[str, Any]:
    """The row of the trial of that name."""
    return next(row for row in measured["rows"] if row["name"] == name)


def taken(measured: dict[str, Any]) -> dict[str, Any] | None:
    """The row of the recommended trial; None where no trial was measured."""
    found = measured["recommended"]
    return row_of(measured, found["trial"]) if found else None


def sweep_words(measured: dict[str, Any]) -> str:
    """Which trial to take, how sure that is, and what it does on images that did not choose it."""
    rows, best = measured["rows"], taken(measured)
    if best is None:
        return f"None of {count(len(rows))} trials came to a number: see why below."
    axes = listed([axis["label"] for axis in measured["axes"]])
    several = len(measured["axes"]) > 1
    text = f"{count(len(rows))} trials varied {axes}. "
    if [axis["field"] for axis in measured["axes"]] == ["seed"]:
        text += "They are one setting, trained anew by other draws, and there is nothing to choose between. Of them, "
        text += f"seed {trial_words(best, measured)} "
    else:
        text += f"Take {'' if several else axes + ' '}{trial_words(best, measured)}: it "
    text += f"{merit_words(best, measured)}. {seed_words(measured)}{alike_words(measured)}"
    if measured["split"] != "validation":
        text += (
            f" Being the best of several flatters that number; on {measured['split']} images, which had no say, it is "
            f"{percent(best['measured']['value'])} ({interval(best['measured'])})."
        )
    if robust := best.get("robust"):
        word = verdict_of(robust)["word"]
        doubt = "" if word == "trusted" else f" ({word}: see its verdict)"
        text += f" Under attack {percent(robust['accuracy']['value'])} stay right{doubt}."
    return text + edge_words(measured) + _lost(rows)


def chosen_by(measured: dict[str, Any]) -> str:
    """The key of the rate that trials are chosen by: `validation`, or `robust_validation`."""
    return (measured["recommended"] or {}).get("criterion", "validation")


def merit_words(best: dict[str, Any], measured: dict[str, Any]) -> str:
    """What the recommended trial was chosen for, as "names 90 % of 100 validation images right (...)"."""
    rate, clean = best[chosen_by(measured)], best["validation"]
    if chosen_by(measured) == "validation":
        what = f"names {percent(rate['value'])} of {count(rate['n'])} validation images right"
        return f"{what} (95\u202f% interval {interval(rate)})"
    eps = eps_text(measured["attacks"]["eps"], measured["attacks"]["norm"])
    return (
        f"keeps {percent(rate['value'])} of {count(rate['n'])} validation images right under attack at eps {eps} "
        f"(95\u202f% interval {interval(rate)}), which is what a network that is hardened is chosen by; unchanged, "
        f"{percent(clean['value'])}"
    )


def seed_words(measured: dict[str, Any]) -> str:
    """How far the trainings of the recommended setting lie apart; "" where it was trained once."""
    found = measured["recommended"]
    spread = next((one for one in measured.get("settings", ()) if found["trial"] in one["trials"]), None)
    if spread is None:
        return ""
    key = chosen_by(measured)
    part, n = spread[key], len(spread["trials"])
    what = "validation accuracy" if key == "validation" else "validation accuracy under attack"
    return (
        f"By {n} seeds this setting comes to a {what} of {percent(part['mean']['value'])} on average, from "
        f"{percent(part['lowest'])} to {percent(part['highest'])}: so much is the draw alone. "
    )


def alike_words(measured: dict[str, Any]) -> str:
    """Which trials may be as good as the recommended one."""
    found = measured["recommended"]
    others = len(found["tests"])
    if not others:
        if found.get("same"):
            return "No other setting was tried."
        return "There is no other trial to compare it with."
    alike = [trial_words(row_of(measured, name), measured) for name in found["alike"]]
    if not alike:
        return f"{'The other is' if others == 1 else f'All {others} others are'} worse, by more than chance explains."
    if len(alike) > NAMED:
        return f"These images cannot tell it from {len(alike)} of the {others} others, perhaps as good (see the table)."
    may = "which may be as good" if len(alike) > 1 else "which may be just as good"
    return (
        f"These images cannot tell it from {'; '.join(alike) if len(measured['axes']) > 1 else listed(alike)}, {may}."
    )


def edge_words(measured: dict[str, Any]) -> str:
    """Where every good trial lies at the same end of what was tried: the best may lie beyond it."""
    found, text = measured["recommended"], ""
    good = [row_of(measured, name)["values"] for name in (found["trial"], *found["alike"])]
    for place, axis in enumerate(measured["axes"]):
        if axis["field"] == "seed":
            continue
        values, chosen = axis["values"], {str(row[place]) for row in good}
        if len(values) < 3 or any(isinstance(value, bool) or not isinstance(value, int | float) for value in values):
            continue
        for end, beyond in ((min(values), "lower"), (max(values), "higher")):
            if chosen == {str(end)}:
                text += (
                    f" {end:g} is the {beyond[:-2]}est {axis['label']} that was tried: a {beyond} one may be better."
                )
    return text


def _lost(rows: list[dict[str, Any]]) -> str:
    counts = [(sum(key in row for row in rows), key) for key in ("diverged", "failed")]
    said = [f"{'one trial' if n == 1 else f'{n} trials'} {key}" for n, key in counts if n]
    return f" {listed(said).capitalize()}." if said else ""
