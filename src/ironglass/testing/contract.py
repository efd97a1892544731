"""Running of a contract's checks: the first that fails is one AssertionError that names method and fault."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import torch

from ironglass.errors import InputError
from ironglass.registry import check_metadata

Check = Callable[[Any], None]


def run_checks(method: Any, checks: Iterable[tuple[str, Check]]) -> None:
    """Calls every check with the method, in order.

    Args:
        method: what is checked.
        checks: pairs of a description, such as "attacking six images", and the check.

    Raises:
        AssertionError: at the first check that fails; also where the method itself raises what it should not.
    """
    for description, check in checks:
        try:
            with torch.random.fork_rng(devices=[]):
                check(method)
        except AssertionError as error:
            raise AssertionError(_line(f"{name_of(method)} {error}")) from error
        except Exception as error:
            raised = f"raises {type(error).__name__} when {description}: {error}"
            raise AssertionError(_line(f"{name_of(method)} {raised}")) from error


def require(holds: object, fault: str) -> None:
    """Raises AssertionError with the fault, which goes on from the method's name ("leaves [0, 1]"), unless it holds."""
    if not holds:
        raise AssertionError(fault)


def _line(text: str) -> str:
    return " ".join(text.split())


def name_of(method: Any) -> str:
    """The name of a method's class, or of the function that it is."""
    return getattr(method, "__name__", type(method).__name__)


def check_carries(kind: str) -> Check:
    """A check of the metadata that `ironglass.register` requires of a kind: "attack", "explainer" or "objective"."""

    def check(method: Any) -> None:
        try:
            check_metadata(method, kind)
        except InputError as error:
            raise AssertionError(f"lacks metadata: {error}") from error

    return check
