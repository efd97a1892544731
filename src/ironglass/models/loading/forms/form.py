"""`NameForm`: a form of model names, the facts that a name alone determines, and the builder."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ironglass.models.classifier import Classifier
    from ironglass.models.request import ModelRequest


class NameForm(ABC):
    """A form of model names, such as `timm/NAME`."""

    @abstractmethod
    def matches(self, name: str) -> bool:
        """Returns whether the name has this form; nothing is built or fetched."""

    @abstractmethod
    def build(self, request: ModelRequest) -> Classifier:
        """The classifier of a name of this form. Raises InputError for a request that it cannot answer."""

    def native_size(self, name: str) -> tuple[int, int] | None:
        """Height and width in pixels that belong to the named model; None where any will do or nothing says so yet."""
        return None

    def names(self) -> list[str]:
        """All names of this form, where they can be listed."""
        return []

    def knows_classes(self, *, weighted: bool) -> bool:
        """Returns whether models of this form bring class names of their own; `weighted`: they come with weights."""
        return True
