"""Class names that a builder needs, and repeated ones numbered."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ironglass.models.loading.class_errors import NeedsClasses

if TYPE_CHECKING:
    from ironglass.models.request import Wanted


def need_classes(wanted: Wanted) -> tuple[str, ...]:
    """The classes asked for, which a network without weights cannot do without."""
    if wanted.classes is None:
        raise NeedsClasses(
            f"{wanted.name} has no weights and so no classes of its own: give classes, or train it first"
        )
    return wanted.classes


def unique(names: list[str]) -> list[str]:
    """The names with repeated ones numbered: ImageNet has two cranes and two maillots."""
    seen: dict[str, int] = {}
    result = []
    for name in names:
        seen[name] = seen.get(name, 0) + 1
        result.append(name if seen[name] == 1 else f"{name} ({seen[name]})")
    return result
