"""`torchvision/NAME`: networks of torchvision, each with its own normalisation and size."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ironglass.choices import did_you_mean
from ironglass.errors import InputError
from ironglass.models.classifier import Classifier
from ironglass.models.loading.class_names import unique
from ironglass.models.loading.forms.form import NameForm
from ironglass.models.loading.new_head import with_new_head
from ironglass.models.loading.wrap import wrap
from ironglass.models.normalisation import CONFIGURED

if TYPE_CHECKING:
    from ironglass.models.request import ModelRequest


class TorchvisionNetwork(NameForm):
    """`torchvision/NAME`."""

    def matches(self, name: str) -> bool:
        """Returns whether it begins with `torchvision/`."""
        return name.startswith("torchvision/")

    def build(self, request: ModelRequest) -> Classifier:
        """`torchvision/NAME`, with the mean, deviation and size of its published weights."""
        from torchvision import models
        from torchvision.models import get_model, get_model_weights, list_models

        name = request.name.removeprefix("torchvision/")
        if name not in list_models(module=models):  # not those that find boxes, which fetch a backbone
            suggestion = did_you_mean(name, list_models(module=models))
            raise InputError(
                f"torchvision has no classification model {name!r}{suggestion}: see torchvision.models.list_models()"
            )
        if request.channels != 3:
            raise InputError(f"{request.name} takes colour images: load the data with 3 channels")
        published = getattr(get_model_weights(name), "DEFAULT", None)
        try:
            network = get_model(name, weights=published if request.pretrained else None, **request.options)
            preset: Any = published.transforms() if published else None
            mean, std, crop = preset.mean, preset.std, preset.crop_size[0]
            names = unique(list(published.meta["categories"]))  # type: ignore[union-attr]
        except AttributeError as error:
            raise InputError(f"{request.name} is not an image classifier: it has no published classes") from error
        except Exception as error:
            raise InputError(f"cannot build {request.name}: {type(error).__name__}: {error}") from error
        size = request.size or (crop, crop)
        classifier = wrap(network, request, mean=mean, std=std, classes=names, size=size, origin=CONFIGURED)
        if request.classes is not None and list(request.classes) != names:
            classifier = with_new_head(classifier, request.classes)
        return classifier

    def native_size(self, name: str) -> tuple[int, int] | None:
        """Of the published weights."""
        from torchvision.models import get_model_weights, list_models

        short_name = name.removeprefix("torchvision/")
        published: Any = (
            getattr(get_model_weights(short_name), "DEFAULT", None) if short_name in list_models() else None
        )
        return (published.transforms().crop_size[0],) * 2 if published else None

    def names(self) -> list[str]:
        """Whatever torchvision lists as a classification model."""
        from torchvision import models

        return [f"torchvision/{name}" for name in models.list_models(module=models)]

    def knows_classes(self, *, weighted: bool) -> bool:
        """Those of its weights."""
        return weighted
