"""Training objectives, and their names."""

from __future__ import annotations

import dataclasses
import importlib
import inspect
import math
from collections.abc import Callable, Mapping
from typing import Any, ClassVar, Protocol, TypeAlias, cast, runtime_checkable

from pydantic import Field
from torch import nn
from torch.nn import functional

from ironglass.choices import did_you_mean, shown, unknown
from ironglass.eps import parse_eps
from ironglass.errors import InputError
from ironglass.fields import dataclass
from ironglass.types import Images, Labels, Logits, Loss

Objective: TypeAlias = Callable[[nn.Module, Images, Labels], tuple[Loss, Logits]]
"""(classifier, images, labels) to the loss, and the logits of the clean images, which it has computed anyway and which
the training accuracy is counted from. One of your own is also called once before training, with a copy."""


@runtime_checkable
class Replaying(Protocol):
    """Objective that is minimised `replays` times in a row on every batch, with an optimiser step each time."""

    replays: int

    def replayed(self) -> Objective:
        """An objective for one batch, called once per replay with the same images; parts of a batch are kept apart."""
        ...


@dataclass(frozen=True, kw_only=True, config={"extra": "forbid"})
class CrossEntropy:
    """Cross-entropy, its targets smoothed: 1 - s + s/k for the label and s/k for the others (Szegedy et al. 2016,
    arXiv 1512.00567), with s = `label_smoothing`."""

    label: ClassVar[str] = "Cross-entropy"
    eps: ClassVar[float] = 0.0
    label_smoothing: float = Field(default=0.0, ge=0, lt=1)

    def __call__(self, classifier: nn.Module, images: Images, labels: Labels) -> tuple[Loss, Logits]:
        """The mean loss over the batch, and the logits."""
        logits = classifier(images)
        return functional.cross_entropy(logits, labels, label_smoothing=self.label_smoothing), logits


NAMED: dict[str, Any] = {"cross-entropy": CrossEntropy()}
"""Objectives by name. Rooms above this one add theirs when they are imported: see `_all_named`."""
_ABOVE = "ironglass.harden"


def as_objective(value: Any) -> Objective:
    """Converts a value to an objective: a function (classifier, images, labels) -> (loss, logits), or -> loss, as it
    is, a name in NAMED, a name with the size of change and its norm, "n-fgsm:4/255" or "n-fgsm:0.5@l2", or the fields
    as in `recipe.json`, {"kind": "NFGSM", "eps": 0.03}.

    Raises InputError for any other value, and for a function that does not take three arguments.
    """
    if isinstance(value, str):
        return _sized_objective(value) if {":", "@"} & {*value} else _named_objective(value)
    if isinstance(value, Mapping):
        fields = dict(value)
        kind = fields.pop("kind", None)
        if not isinstance(kind, str):
            raise InputError(
                f"objective is {shown(value)}: give its kind, too, as in {{'kind': 'n-fgsm', 'eps': 0.03}}"
            )
        return _with_fields(kind, fields)
    if isinstance(value, type) and callable(value):
        raise InputError(f"objective is the class {value.__name__}: give an object of it, {value.__name__}(...)")
    eps = getattr(value, "eps", None)
    if isinstance(eps, int | float) and not 0 <= eps < math.inf:
        name = getattr(value, "__qualname__", type(value).__name__)
        raise InputError(f"the objective {name} has the eps {eps:g}: give how far images are changed, 0 or more")
    if isinstance(value, Replaying):  # it makes one for each batch
        return cast(Objective, value)
    if not callable(value):
        function = "a function (classifier, images, labels) -> (loss, logits)"
        raise InputError(f"objective is {shown(value)}: give {function}, or one of {', '.join(_all_named())}")
    try:
        inspect.signature(value).bind("classifier", "images", "labels")
    except TypeError as error:
        name = getattr(value, "__qualname__", type(value).__name__)
        raise InputError(f"the objective {name} does not take (classifier, images, labels): {error}") from error
    except ValueError:  # of a builtin, whose signature is not written down
        pass
    return cast(Objective, value)


def _named_objective(name: str) -> Any:
    named = _all_named()
    kinds = {type(objective).__name__: objective for objective in named.values()}
    if name not in named and name not in kinds:
        raise unknown("objective", name, named)
    return named[name] if name in named else kinds[name]


def _sized_objective(text: str) -> Any:
    """The objective of a name with eps or norm, as "n-fgsm:8/255", "n-fgsm:0.5@l2" or "n-fgsm@l2"."""
    named, at, norm = text.partition("@")
    name, colon, eps = named.partition(":")
    name = name.strip()
    if name in NAMED and name not in importlib.import_module(_ABOVE).OBJECTIVES:
        raise InputError(f"{name} trains against no change of a size: leave {text.strip().removeprefix(name)} out")
    budget = {"eps": parse_eps(eps) if colon else None, "norm": norm.strip() if at else None}
    return importlib.import_module(_ABOVE).find_objective(name, **budget)


def _with_fields(kind: str, fields: dict[str, Any]) -> Any:
    room = importlib.import_module(_ABOVE)
    wrapper = getattr(room, "AWP", None) if kind in ("AWP", "awp") else None
    if "objective" in fields:
        fields["objective"] = as_objective(fields["objective"])
    names = [field.name for field in dataclasses.fields(wrapper or _named_objective(kind))]
    if wrong := sorted(fields.keys() - {*names}):
        raise InputError(
            f"{kind} has no setting {wrong[0]!r}{did_you_mean(wrong[0], names)}: it has {', '.join(names)}"
        )
    if wrapper and "objective" not in fields:
        raise InputError(f"{kind} goes around another objective: give it, too, as in {{'objective': 'trades'}}")
    return wrapper(**fields) if wrapper else dataclasses.replace(_named_objective(kind), **fields)


def _all_named() -> dict[str, Any]:
    """All objectives by name. The room above is imported by its name as text, so that nothing here depends on it."""
    importlib.import_module(_ABOVE)
    return NAMED
