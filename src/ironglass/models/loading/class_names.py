"""Class names that a builder needs, and repeated ones numbered."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ironglass.models.loading.class_errors import NeedsClasses

if TYPE_CHECKING:
    from ironglass.models.request import ModelRequest


def need_classes(request: ModelRequest) -> tuple[str, ...]:
    """The requested classes, which a network without weights needs."""
    if request.classes is None:
        raise NeedsClasses(
            f"{request.name} has no weights and so no classes of its own: give classes, or train it first"
        )
    return request.classes


def unique(names: list[str]) -> list[str]:
    """The names with repeated ones numbered: ImageNet has two cranes and two maillots."""
    counts: dict[str, int] = {}
    result = []
    for name in names:
        counts[name] = counts.get(name, 0) + 1
        result.append(name if counts[name] == 1 else f"{name} ({counts[name]})")
    return result
