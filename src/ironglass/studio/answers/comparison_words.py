"""Two models on one picture, in words: what the second predicts, and whether an attack made on the first transfers."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from ironglass.studio.answers.request import Request
from ironglass.studio.answers.view import View

NORMS = {"linf": "Linf", "l2": "L2"}


def short_names(paths: Sequence[str]) -> list[str]:
    """Names of models by the fewest last parts of their paths that tell them apart; equal ones are numbered."""
    parts, names = [Path(path).parts or (path,) for path in paths], list(paths)
    for count in range(1, max(map(len, parts)) + 1):
        names = ["/".join(one[-count:]) for one in parts]
        if len(set(names)) == len(set(paths)):
            break
    return [f"{name} ({names[: i + 1].count(name)})" if names.count(name) > 1 else name for i, name in enumerate(names)]


def size_text(request: Request) -> str:
    """The threat of a request, as "Linf, eps 8/255"."""
    eps = f"{request.steps}/255" if request.norm == "linf" else f"{request.eps:g}"
    return f"{NORMS[request.norm]}, eps {eps}"


def comparison_words(
    shown: View, request: Request, label: int | None, models: Sequence[str], classes: Sequence[str]
) -> str:
    """Sentences on the predictions of two models, "" where there is one.

    label: the true class; None where nobody knows, and then each model is compared with its own first prediction.
    models: names of both.
    """
    if shown.second is None:
        return ""
    first, second = models
    moves = [_move(shown.predictions, classes), _move(shown.second.predictions, classes)]
    both = f"{first}: {moves[0]}. {second}: {moves[1]}."
    if not request.is_attacked:
        same = shown.predictions[1] == shown.second.predictions[1]
        return f"{both} For the modified image the two models {'agree' if same else 'disagree'}."
    subject = "The edited and attacked image" if request.strokes or request.degrees else "The attack"
    return (
        f"Attack made on {first} ({request.attack}, {size_text(request)}) and shown to both. {both} "
        f"{_transfer(shown, label, subject, first, second)}"
    )


def _transfer(shown: View, label: int | None, subject: str, first: str, second: str) -> str:
    assert shown.second is not None
    (before, after), (other_before, other_after) = shown.predictions, shown.second.predictions
    truth, other_truth = (before, other_before) if label is None else (label, label)
    if before != truth:
        return f"{first} misclassifies the original already, so this image says nothing of transfer."
    if after == truth:
        return f"{subject} does not fool {first} itself: there is nothing to transfer."
    if other_before != other_truth:
        return f"{second} misclassifies the original already, so this image says nothing of transfer."
    if other_after == other_truth:
        return f"{subject} fools {first} and not {second}: it does not transfer."
    same = "the same class" if after == other_after else "another class"
    return f"{subject} fools both: it transfers, and {second} predicts {same}."


def _move(predictions: tuple[int, int], classes: Sequence[str]) -> str:
    before, after = ("no class" if one < 0 else classes[one] for one in predictions)
    return f"{before}, unchanged" if before == after else f"{before} → {after}"
