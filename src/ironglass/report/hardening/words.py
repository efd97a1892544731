"""Sentences on a hardening: its outcome, how it was made, its cost, and the classes that it changed."""

from __future__ import annotations

from dataclasses import replace

from ironglass.report.kit.words import (
    NOT_JUDGED,
    count,
    decimal,
    duration,
    eps_text,
    listed,
    over_seeds,
    p_value,
    percent,
    verdict_word,
)
from ironglass.results.hardening import Hardening
from ironglass.results.hardening.change import ClassChange, Method
from ironglass.results.hardening.seeds import SeedSpread
from ironglass.results.training import Stage

LEVEL = 0.05
NAMED = 5
"""Classes that a sentence names, at most."""


def hardening_words(measured: Hardening) -> str:
    """Gain under attack and cost on unchanged images, tested in pairs; a difference is one where `stands` says so."""
    worst = measured.rows[-1]
    won = worst.after.value - worst.before.value
    eps = eps_text(worst.eps, measured.norm)
    text = (
        f"Of {count(worst.after.n)} images {percent(worst.before.value)} were right under every attack at eps "
        f"{eps} before, and {percent(worst.after.value)} are after"
    )
    more = f"{100 * abs(won):.1f} points {'more' if won > 0 else 'fewer'}"
    p = f"McNemar’s test, {_p(worst.test.p)}"
    text += f": {more} ({p})" if stands(measured)[1] else f", a difference that may be chance ({p})"
    return f"{text}. {clean_words(measured)}{_trust_words(measured)}"


def stands(measured: Hardening) -> tuple[bool, bool]:
    """Tells of unchanged images and of the worst case whether they differ by more than chance (5 %), both tests read
    together by Holm's procedure."""
    p_values = measured.rows[0].test.p, measured.rows[-1].test.p
    if min(p_values) > LEVEL / 2:
        return False, False
    clean, worst = (p <= LEVEL for p in p_values)
    return clean, worst


def clean_words(measured: Hardening) -> str:
    """A sentence on the accuracy that is lost on unchanged images; with their number where it is another."""
    clean, worst = measured.rows[0], measured.rows[-1]
    lost = clean.before.value - clean.after.value
    of = "" if clean.after.n == worst.after.n else f" (all {count(clean.after.n)} of the split)"
    change = f"{percent(clean.before.value)} before, {percent(clean.after.value)} after, {_p(clean.test.p)}"
    chance = "" if stands(measured)[0] else ", which may be chance"
    if lost == 0:
        return f"On unchanged images{of} the two do not differ: {change}."
    return (
        f"On unchanged images{of} it {'costs' if lost > 0 else 'gains'} {100 * abs(lost):.1f} points{chance}: {change}."
    )


def seed_words(measured: Hardening) -> str:
    """Sentences on the means over seeds; "" for one seed."""
    if (seeds := measured.seeds) is None:
        return ""
    n, change = len(seeds.rows), seeds.robust_change
    eps = eps_text(measured.rows[-1].eps, measured.norm)
    sides = "Both models were" if seeds.trained_before else "The hardened model was"
    text = (
        f"{sides} trained by {n} seeds and judged on the same images. After hardening "
        f"{over_seeds(seeds.robust_after)} are right under every attack at eps {eps}, and "
        f"{over_seeds(seeds.clean_after)} unchanged. Against before that is a change of "
        f"{_points(change)} under attack and of {_points(seeds.clean_change)} on unchanged images."
    )
    if change.mean.low <= 0 <= change.mean.high:
        return f"{text} Over seeds the change under attack may be chance."
    return text


def _points(spread: SeedSpread) -> str:
    low, value, high = (100 * number for number in (spread.mean.low, spread.mean.value, spread.mean.high))
    return f"{value:+.1f} points ({low:+.1f} to {high:+.1f})".replace("-", "−")


def _trust_words(measured: Hardening) -> str:
    """The verdicts on the two numbers under attack, where they are not trusted."""
    verdicts = measured.rows[-1].verdicts
    sides = {"before": verdicts.before, "after": verdicts.after} if verdicts else {"before": None, "after": None}
    words = {side: verdict_word(verdict) for side, verdict in sides.items()}
    doubted = [side for side, word in words.items() if word in ("suspect", "invalid")]
    unjudged = [side for side, word in words.items() if word == NOT_JUDGED]
    text = ""
    if doubted:
        text += f" The number {' and '.join(doubted)} is not fully to be trusted: see its verdict."
    if unjudged:
        text += f" The number {' and '.join(unjudged)} is not judged."
    return text


def method_words(measured: Hardening) -> str:
    """Method of the hardening, its stages and its start; "" in files of older versions."""
    if not measured.methods:
        return ""
    stages = [
        f"{method_name(method)} for {_epochs(stage)}{_ramp(stage)}"
        for method, stage in zip(measured.methods, measured.stages, strict=True)
    ]
    text = f"It was hardened by {stages[0] if len(stages) == 1 else ', then '.join(stages)}"
    if not measured.stages_before:
        return f"{text}, from the network before."
    plain = "cross-entropy" if _plain(measured.stages_before) else "other objectives"
    if same_stages(measured):
        return f"{text}, from fresh weights; the network before was trained by {plain} in the same stages."
    epochs = sum(stage.epochs for stage in measured.stages_before)
    return (
        f"{text}, from fresh weights; the network before was trained by {plain} for {_number(epochs)} in other stages."
    )


def cost_words(measured: Hardening) -> str:
    """Time, with its ratio to plain training where both were trained alike, and passes; "" where neither is known."""
    after, before = measured.seconds.after, measured.seconds.before
    parts: list[str] = []
    if after is not None:
        parts.append(f"Training took {duration(after)}{ratio_words(measured)}")
        if before is not None and not time_ratio(measured):
            parts[0] += f" (before: {duration(before)}, in other stages)"
    if passes := passes_words(measured.methods):
        parts.append(f"{'it' if parts else 'It'} takes {passes}, where plain training takes one of each")
    return f"{'; '.join(parts)}." if parts else ""


def time_ratio(measured: Hardening) -> float | None:
    """Time of the training after, over that of plain training in the same stages; None where that was not measured."""
    before, after = measured.seconds.before, measured.seconds.after
    if not before or after is None or not same_stages(measured) or not _plain(measured.stages_before):
        return None
    return after / before


def ratio_words(measured: Hardening) -> str:
    """The ratio as a clause, "" where there is none."""
    ratio, before = time_ratio(measured), measured.seconds.before
    if ratio is None or before is None:
        return ""
    guard = ", the guard’s attacks after every epoch included" if measured.watched else ""
    return f", {ratio:.1f} times the {duration(before)} of plain training{guard}"


def passes_words(methods: tuple[Method, ...]) -> str:
    """Passes as "2 forward and 2 backward passes a batch"; of several stages each, "" where one was not counted."""
    counted = [(method.forward, method.backward) for method in methods]
    if not counted or any(forward is None or backward is None for forward, backward in counted):
        return ""
    texts = [f"{forward} forward and {backward} backward" for forward, backward in dict.fromkeys(counted)]
    return f"{', then '.join(texts)} passes a batch"


def method_name(method: Method) -> str:
    """A method with its norm, as "N-FGSM 4/255 (Linf)"; under L2 its own name has it."""
    return f"{method.name} (Linf)" if method.norm == "linf" else method.name


def _ramp(stage: Stage) -> str:
    """The growth of eps in a stage, in words; "" for none."""
    if not stage.eps_ramp:
        return ""
    return f", its eps growing from 0 over the first {stage.eps_ramp:g} epoch{'s' if stage.eps_ramp != 1 else ''}"


def same_stages(measured: Hardening) -> bool:
    """True where both sides were trained in the same stages but for their objectives."""
    before, after = (
        [replace(stage, objective="", eps_ramp=0.0) for stage in part]
        for part in (measured.stages_before, measured.stages)
    )
    return before == after


def _plain(stages: tuple[Stage, ...]) -> bool:
    kinds = [stage.objective.get("kind") if isinstance(stage.objective, dict) else stage.objective for stage in stages]
    return bool(kinds) and set(kinds) == {"CrossEntropy"}


def _epochs(stage: Stage) -> str:
    most = "up to " if stage.until else ""
    layers = f" of {stage.trainable_from} alone" if stage.trainable_from == "head" else ""
    return f"{most}{_number(stage.epochs)}{layers} ({stage.batch_size} images a batch, learning rate {stage.peak_lr:g})"


def _number(epochs: int) -> str:
    return f"{epochs} epoch{'' if epochs == 1 else 's'}"


def class_words(measured: Hardening) -> str:
    """The classes that gained or lost by more than chance explains; "" in files of older versions."""
    if not measured.classes:
        return ""
    parts = [
        part
        for name, where in (("attacked", "under attack"), ("clean", "on unchanged images"))
        if (part := _changed(measured.classes, name, where))
    ]
    tests = sum(1 + (row.attacked is not None) for row in measured.classes)
    scope = f"when {'the test is read' if tests == 1 else f'all {tests} tests of classes are read together (Holm)'}"
    if not parts:
        return f"No class has changed by more than chance explains, {scope}."
    return f"By more than chance explains, {scope}, {'; '.join(parts)}."


def _changed(classes: tuple[ClassChange, ...], name: str, where: str) -> str:
    pairs = [(row.class_, pair) for row in classes if (pair := getattr(row, name)) is not None and pair.stands]
    gained = [label for label, pair in pairs if pair.after.value > pair.before.value]
    lost = [label for label, pair in pairs if pair.after.value < pair.before.value]
    parts = [f"{_classes(names, len(classes))} {verb}" for names, verb in ((gained, "gained"), (lost, "lost")) if names]
    return f"{listed(parts)} {where}" if parts else ""


def _classes(names: list[str], of: int) -> str:
    if len(names) == of and of > 1:
        return f"all {of} classes"
    if len(names) > NAMED:
        return f"{len(names)} of {of} classes"
    return listed([f"“{name}”" for name in names])


def gained_points(before: float, after: float) -> str:
    """A change in points, as "+75.5" or "−2.2"."""
    change = 100 * (after - before)
    return f"{'+' if change > 0 else ''}{decimal(change, 1)}"


def _p(p: float) -> str:
    """A p as "p = 0.03", which no line breaks."""
    return f"p {p_value(p)}".replace(" ", "\u00a0")
