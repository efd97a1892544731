"""Sentences on the arm that validation images speak for, and on what the measured images say of it."""

from __future__ import annotations

from ironglass.report.comparison.seeds import natural, natural_p, robust_at, scope_words
from ironglass.report.kit.words import count, eps_text, interval, listed, percent
from ironglass.results.hardening import Arm, Comparison, Selection


def selected_arm(measured: Comparison) -> Arm | None:
    """The arm that validation images speak for; None where none were attacked."""
    selection = measured.selection
    return next((arm for arm in measured.arms if selection and arm.name == selection.best), None)


def selection_words(measured: Comparison) -> str:
    """Both figures of the arm of highest validation accuracy under attack, and whether they agree; "" without one."""
    selection, best = measured.selection, selected_arm(measured)
    if selection is None or best is None:
        return ""
    eps, rate = eps_text(selection.eps, measured.norm), selection.rates[best.name]
    rivals = [arm.label for arm in measured.arms if arm.name in selection.rivals]
    doubt = f"; {_named(rivals)} may be as good)" if rivals else "), more than any other beyond chance"
    test = robust_at(best, selection.eps)
    return (
        f"Chosen by {count(rate.n)} validation images, attacked in the same way at eps {eps}: “{best.label}”, which "
        f"keeps {percent(rate.value)} of them ({interval(rate)}{doubt}. Of {count(test.n)} {measured.split} images, "
        f"which had no say, it keeps {percent(test.value)} ({interval(test)}): {_outcome(measured, selection, best)}"
    )


def _outcome(measured: Comparison, selection: Selection, best: Arm) -> str:
    """The end of the sentence: whether the measured images agree."""
    scope = scope_words(measured)
    if selection.outcome == "confirmed":
        others = "every other arm" if len(measured.arms) > 2 else "the other arm"
        return f"ahead of {others} beyond chance, {scope}, so that both agree."
    ahead, undecided = _opponents(measured, selection)
    if selection.outcome == "contradicted":
        verb = "is" if len(ahead) == 1 else "are"
        return f"{_named(ahead)} {verb} ahead of it beyond chance, {scope}. The two disagree."
    value = robust_at(best, selection.eps).value
    rows = {arm.label: robust_at(arm, selection.eps) for arm in measured.arms if arm is not best}
    higher = [f"“{label}” {percent(rate.value)}" for label, rate in rows.items() if rate.value > value]
    text = f"{_named(undecided)} may be as good, {scope}"
    if higher:
        return f"{text}. The two disagree, though by no more than chance explains: {listed(higher)}."
    return f"the highest there, too, but {text}."


def _opponents(measured: Comparison, selection: Selection) -> tuple[list[str], list[str]]:
    """Labels of the arms that are ahead of the selected one beyond chance, and of those it cannot be told from."""
    ahead, undecided = list[str](), list[str]()
    labels = {arm.name: arm.label for arm in measured.arms}
    for pair in measured.pairs:
        if pair.eps != selection.eps or selection.best not in (pair.first, pair.second):
            continue
        other = pair.second if pair.first == selection.best else pair.first
        if not pair.stands:
            undecided.append(labels[other])
        elif pair.first_ahead == (pair.first == other):
            ahead.append(labels[other])
    return ahead, undecided


def _named(labels: list[str]) -> str:
    return listed([f"“{label}”" for label in labels])


def gain_words(measured: Comparison) -> str:
    """Gain and cost of the selected arm against the base, each tested in pairs; "" where it is the base."""
    selection, best, base = measured.selection, selected_arm(measured), measured.arms[0]
    if selection is None or best is None or best is base:
        return ""
    clean, worst = natural(best), robust_at(best, selection.eps)
    chance = base.name in {
        name
        for pair in measured.pairs
        if pair.eps == selection.eps and best.name in (pair.first, pair.second) and not pair.stands
        for name in (pair.first, pair.second)
    }
    won = 100 * (worst.value - robust_at(base, selection.eps).value)
    cost = 100 * (natural(base).value - clean.value)
    of = "" if clean.n == worst.n else f" ({count(clean.n)})"
    return (
        f"Against the base it keeps {abs(won):.1f} points {'more' if won > 0 else 'fewer'} under attack"
        f"{', which may be chance' if chance else ''}, for {abs(cost):.1f} points {'fewer' if cost > 0 else 'more'} on "
        f"unchanged images{of}{'' if natural_p(best) < 0.05 else ', which may be chance'}."
    )
