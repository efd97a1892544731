"""Facts that follow from a model's name, before it is built: native size, classes, code."""

from __future__ import annotations

from ironglass.models.loading.forms.code import is_code, is_exported
from ironglass.models.loading.forms.find import FORMS, find_builder, find_form

__all__ = ["check_name", "is_code", "is_exported", "known_names", "knows_classes", "native_size"]


def check_name(name: str) -> None:
    """Raises InputError for a model of no known form of name; nothing is built or fetched yet."""
    find_builder(name)


def known_names() -> list[str]:
    """All names of models that can be listed: our own, timm's, torchvision's."""
    return [name for form in FORMS for name in form.names()]


def native_size(name: str) -> tuple[int, int] | None:
    """Height and width in pixels that belong to the named model; None where any will do or the name is unknown."""
    form = find_form(name)
    return form.native_size(name) if form else None


def knows_classes(name: str, *, weighted: bool) -> bool:
    """Returns whether the named model brings class names of its own; `weighted` says that it comes with weights."""
    form = find_form(name)
    return form.knows_classes(weighted=weighted) if form else True
