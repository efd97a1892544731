"""The section on attacks."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any

from ironglass.report.attack.chart import under_attack
from ironglass.report.attack.fgsm_chart import fgsm
from ironglass.report.attack.words import attack_words, fgsm_words, notable_points, strongest
from ironglass.report.kit.attacked import attack_grid, fgsm_row, named_rows
from ironglass.report.kit.constant import constant_words
from ironglass.report.kit.headline import Headline
from ironglass.report.kit.section import Chart, Facts, Section, Source
from ironglass.report.kit.support import support_words
from ironglass.report.kit.words import eps_text, listed, percent, short_labels, verdict_reasons, verdict_word
from ironglass.results.attack import Attacks, FGSMCurve
from ironglass.results.sections import Results


def example_folder(attacks: Attacks | None) -> str:
    """The folder of the images of the strongest attack at the largest eps; "" without attacks."""
    if attacks is None:
        return ""
    largest = max(attacks.eps)
    folders = [point.folder for row in strongest(attacks, largest) for point in row.points if point.eps == largest]
    return folders[0] if folders else ""


def chance(data: dict[str, Any], split: str) -> float | None:
    """The accuracy of always naming the commonest class of a split, or None where its images are not counted."""
    counts = data.get("splits", {}).get(split, {}).get("per_class", [])
    return max(counts) / sum(counts) if sum(counts) else None


def _pictures(source: Source) -> Facts:
    samples = source.samples
    return {
        "fgsm_grid": attack_grid(samples, fgsm_row(samples)) if samples else None,
        "attack_grid": attack_grid(samples, named_rows(samples)) if samples else None,
        "shown_attacks": samples.attacks if samples else {},
    }


def _facts(source: Source) -> Facts:
    attacks = source.results.attacks
    return {
        "attack_labels": {row.name: row.label for row in attacks.attacks} if attacks else {},
        "example": example_folder(attacks),
        "chance": chance(source.data, attacks.split) if attacks else None,
        "fgsm_curve": fgsm_alone(source.results),
    }


def fgsm_alone(results: Results) -> FGSMCurve | None:
    """The FGSM curve, unless FGSM is one of the named attacks."""
    named = [row.name for row in results.attacks.attacks] if results.attacks else []
    return None if "fgsm" in named else results.fgsm


def _is_measured(source: Source, facts: Facts) -> bool:
    measured = source.results.attacks or source.results.fgsm
    return measured is not None or bool(facts["attack_grid"] or facts["fgsm_grid"])


def _charts(source: Source, facts: Facts) -> dict[str, Chart]:
    charts = dict[str, Chart]()
    if attacks := source.results.attacks:
        label = f"Accuracy against eps under {len(attacks.attacks)} attacks, and the worst case of each image"
        charts["attacks"] = Chart(partial(under_attack, attacks, chance=facts["chance"]), label)
    if curve := fgsm_alone(source.results):
        charts["fgsm"] = Chart(partial(fgsm, curve), "Accuracy under FGSM against eps")
    return charts


def _headlines(results: Results) -> list[Headline]:
    """The worst case at every eps; without an evaluation the accuracy on the same images unchanged before them."""
    attacks, curve = results.attacks, fgsm_alone(results)
    headlines_found = _worst_cases(attacks, clean=results.evaluation is None) if attacks else []
    if curve:
        # a single step says no more where stronger attacks were tried
        notable = [] if attacks else notable_points(curve.points)
        for point in curve.points:
            if point.eps > 0:
                label, detail = f"FGSM, eps {eps_text(point.eps)}", "every pixel moved by up to eps"
                headlines_found.append(
                    Headline(label, detail, point.accuracy, point in notable, True, curve.verdict, row=label)
                )
    return headlines_found


def _worst_cases(attacks: Attacks, *, clean: bool) -> list[Headline]:
    rows, unchanged = attacks.attacks, attacks.clean
    title = "Worst case" if len(rows) > 1 else "Under attack"
    condition = f"right under all {len(rows)} attacks" if len(rows) > 2 else "right under both attacks"
    if len(rows) == 1:
        condition = f"by {rows[0].label}"
    headlines_found = [Headline("Accuracy", "of the attacked images, unchanged", unchanged)] if clean else []
    notable = notable_points(attacks.worst)
    for point in attacks.worst:
        if point.eps > 0:
            label = f"{title}, eps {eps_text(point.eps, attacks.norm)}"
            detail = f"{condition}; unchanged, {percent(unchanged.value)}"
            row = f"{label}, {condition}"
            headlines_found.append(Headline(label, detail, point.accuracy, point in notable, True, point.verdict, row))
    return headlines_found


def _words(results: Results, classes: Sequence[str]) -> list[str]:
    """Of FGSM alone only where no other attack was tried."""
    if results.attacks:
        return [attack_words(results.attacks)]
    return [fgsm_words(results.fgsm)] if results.fgsm else []


def _cautions(results: Results) -> list[str]:
    """On a network that answers without regard to the image, where the evaluation does not say so."""
    attacks = results.attacks
    if attacks is None or attacks.naming is None or results.evaluation is not None:
        return []
    return [constant_words(attacks.clean, attacks.naming)]


def _terminal(results: Results) -> list[str]:
    curve = results.fgsm
    if curve is None:
        return []
    return [f"FGSM's numbers are {verdict_word(curve.verdict)}: {'; '.join(verdict_reasons(curve.verdict))}"]


def _support(results: Results) -> str:
    points = results.attacks.worst if results.attacks else results.fgsm.points if results.fgsm else ()
    return support_words(points[-1].accuracy) if points else ""


def _measured(results: Results) -> str:
    """The attacks by name, and at how many eps."""
    if attacks := results.attacks:
        sizes = len([eps for eps in attacks.eps if eps > 0])
        names = dict.fromkeys(label.partition(",")[0] for label in short_labels([row.label for row in attacks.attacks]))
        return f"accuracy under {listed(list(names))}{_at_eps(sizes)}"
    if curve := results.fgsm:
        return f"accuracy under FGSM{_at_eps(len([point for point in curve.points if point.eps > 0]))}"
    return ""


def _at_eps(sizes: int) -> str:
    return f" at {sizes} eps" if sizes > 1 else ""


SECTION = Section(
    key="attacks",
    title="Adversarial attacks",
    template="attack/section",
    results=("attacks", "fgsm"),
    measured=_measured,
    applies=_is_measured,
    file="samples",
    pictures=_pictures,
    facts=_facts,
    charts=_charts,
    headlines=_headlines,
    words=_words,
    cautions=_cautions,
    terminal=_terminal,
    support=_support,
)
