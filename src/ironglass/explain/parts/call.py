"""The decorator of explainers' calls."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import TypeVar

from ironglass.models.checks import check_images, check_labels
from ironglass.models.classifier import Classifier
from ironglass.models.eval_without_grad import eval_without_grad
from ironglass.types import Images, Labels

S = TypeVar("S")
R = TypeVar("R")


def explainer_call(
    method: Callable[[S, Classifier, Images, Labels], R],
) -> Callable[[S, Classifier, Images, Labels], R]:
    """Decorator for an explainer's `__call__(self, classifier, images, targets)`.

    Raises InputError for images outside [0, 1] or of another shape, and for targets that are no classes. Inside, the
    network is in evaluation mode and its parameters take no gradient; on leaving, also by an error, it is as it was.
    """

    @wraps(method)
    def call(self: S, classifier: Classifier, images: Images, targets: Labels) -> R:
        check_images(images, classifier.channels)
        check_labels(targets, len(images), len(classifier.classes))
        with eval_without_grad(classifier):
            return method(self, classifier, images, targets)

    return call
