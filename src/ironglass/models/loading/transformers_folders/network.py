"""Networks of transformers that return logits only, and quiet calls of the library."""

from __future__ import annotations

import inspect
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from torch import Tensor, nn

from ironglass.errors import InputError, brief


class LogitsOnly(nn.Module):
    """A model of transformers that takes images and gives logits (n, k).

    order: the channels in the order in which the model takes them.
    size: the images it was made for, height and width in pixels; it is asked to interpolate its positions for others,
        where it can.
    """

    def __init__(self, model: nn.Module, order: tuple[int, ...] | None, size: tuple[int, int]) -> None:
        super().__init__()
        self.model, self.order, self.size = model, order, size
        self.interpolates = "interpolate_pos_encoding" in inspect.signature(model.forward).parameters

    def forward(self, images: Tensor) -> Tensor:
        """The logits alone, of images as `Classifier` normalises them."""
        if self.order is not None:
            images = images[:, list(self.order)]
        options = {"interpolate_pos_encoding": True} if self.interpolates and images.shape[-2:] != self.size else {}
        return self.model(pixel_values=images, **options).logits


def configuration_for(settings: dict[str, Any], kind: str, classes: int) -> Any:
    """The library's configuration of a model of this kind, for so many classes."""
    from transformers import AutoConfig

    return AutoConfig.for_model(kind, **settings, num_labels=classes)


def model_class(config: Any) -> Any:
    """The library's own class for the configuration, by `architectures` where there are several."""
    from transformers.models.auto.auto_factory import _get_model_class
    from transformers.models.auto.modeling_auto import MODEL_FOR_IMAGE_CLASSIFICATION_MAPPING

    return _get_model_class(config, MODEL_FOR_IMAGE_CLASSIFICATION_MAPPING)


@contextmanager
def quiet(source: str) -> Iterator[None]:
    """Without the library's bars and lines; whatever it raises on a stranger's settings becomes an InputError."""
    from transformers.utils import logging

    level, bars = logging.get_verbosity(), logging.is_progress_bar_enabled()
    logging.set_verbosity(50)  # critical alone
    logging.disable_progress_bar()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    except InputError:
        raise
    except Exception as error:
        raise InputError(
            f"{source}: transformers cannot follow it ({type(error).__name__}: {brief(str(error))})"
        ) from error
    finally:
        logging.set_verbosity(level)
        if bars:
            logging.enable_progress_bar()
