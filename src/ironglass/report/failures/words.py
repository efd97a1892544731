"""Sentences on where the network fails."""

from __future__ import annotations

from ironglass.report.kit.constant import answers_blindly
from ironglass.report.kit.words import count, interval, listed, p_value, percent
from ironglass.results.failures import Failures, FailureSlice
from ironglass.results.sections import Results

FEWEST = 8
"""`measure.statistics.FEWEST`, which stands on this floor's other side."""
LISTED = 3
"""Slices that a sentence names."""


def slice_name(part: FailureSlice) -> str:
    """A slice as "domain: sketch"."""
    return f"{part.attribute}: {part.value}"


def standing_out(failures: Failures) -> list[FailureSlice]:
    """The slices whose accuracy is lower by more than chance."""
    return [part for part in failures.slices if part.stands_out]


def slice_words(failures: Failures) -> str:
    """The worst slices with their numbers, or that none stands out."""
    parts = standing_out(failures)
    if not failures.slices_tested:
        return f"No slice was tested: each, and the rest, needs {failures.least} images."
    if not parts:
        return (
            f"No slice stands out: none of the {count(failures.slices_tested)} that were tested has an accuracy lower "
            "than that of the other images by more than chance would have it."
        )
    named = [
        f"{slice_name(part)} ({percent(part.accuracy.value)}, {interval(part.accuracy)}, n = {count(part.accuracy.n)}; "
        f"the rest {percent(part.rest.value)})"
        for part in parts[:LISTED]
    ]
    more = [f"{count(len(parts) - LISTED)} more"] if len(parts) > LISTED else []
    verb = "stands out" if len(parts) == 1 else "stand out"
    return f"{count(len(parts))} of {count(failures.slices_tested)} slices {verb}: {listed([*named, *more])}."


def correction_words(failures: Failures) -> str:
    """The tests that were made, and what they hold for."""
    pairs = (
        f" and {count(failures.pairs_tested)} pairs of classes with {failures.least_mistakes} mistakes or more"
        if failures.pairs_tested
        else ""
    )
    return (
        f"Tested were {count(failures.slices_tested)} slices of {failures.least} images or more{pairs}, each by "
        f"Fisher’s exact test against the rest, one-sided, and all {count(failures.tests)} p-values were corrected "
        f"together (Holm): where there is nothing to find, something stands out in at most "
        f"{percent(failures.level, 0)} of data sets. The intervals are of each slice by itself. "
        f"{widened_words(failures)}Slices overlap: the same images may stand in several."
    )


def widened_words(failures: Failures) -> str:
    """The slices whose intervals are widened, and why; "" for none."""
    names = [f"“{slice_name(part)}”" for part in failures.slices if part.widened]
    if not names:
        return ""
    slices = "every slice" if len(names) == len(failures.slices) > 1 else listed(names)
    return (
        f"Of {slices}, fewer than {FEWEST} images of the slice or of the rest are right, or wrong: too few for "
        "intervals that hold 95 times in 100, so that these are exact ones, which hold more often. "
    )


def attribute_words(failures: Failures) -> str:
    """The attributes by which images were cut."""
    parts = [f"{row.attribute} ({count(row.tested)} of {count(row.slices)})" for row in failures.attributes]
    text = f"Slices by (tested of all): {listed(parts)}."
    names = {row.attribute: row.kind for row in failures.attributes}
    if names.get("brightness") == "image":
        text += (
            " Brightness is the mean of an image’s pixels and contrast the standard deviation of their grey, both in "
            "[0, 1], in fifths of the images."
        )
    if names.get("stored size") == "image":
        text += " Stored size is the shorter side of the image as its file has it, in pixels."
    if failures.clustered:
        text += (
            f" Clusters are of what the network’s last layer reads (k-means), formed on these same "
            f"{count(failures.clustered)} images, without regard to which answers are right."
        )
    return text


def failure_paragraphs(results: Results) -> list[str]:
    """The paragraph in plain words; none where no slice stands out."""
    failures = results.failures
    return [f"Where it fails: {slice_words(failures)}"] if failures and standing_out(failures) else []


def failure_lines(results: Results) -> list[str]:
    """One line for the terminal where a slice stands out, unless the network answers without regard to the image."""
    failures = results.failures
    if failures is None or answers_blindly(results.evaluation) or not (parts := standing_out(failures)):
        return []
    worst = parts[0]
    more = f", and {count(len(parts) - 1)} more" if len(parts) > 1 else ""
    return [
        f"fails most: {slice_name(worst)}, {percent(worst.accuracy.value)} ({interval(worst.accuracy)}) of "
        f"{count(worst.accuracy.n)} images, the rest {percent(worst.rest.value)} (corrected p "
        f"{p_value(worst.corrected_p)}){more}"
    ]
