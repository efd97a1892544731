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
    from ironglass.models.request import Wanted


class TorchvisionNetwork(NameForm):
    """`torchvision/NAME`."""

    def matches(self, name: str) -> bool:
        """Returns whether it begins with `torchvision/`."""
        return name.startswith("torchvision/")

    def build(self, wanted: Wanted) -> Classifier:
        """`torchvision/NAME`, with the mean, deviation and size of its published weights."""
        from torchvision import models
        from torchvision.models import get_model, get_model_weights, list_models

        name = wanted.name.removeprefix("torchvision/")
        if name not in list_models(module=models):  # not those that find boxes, which fetch a backbone
            near = did_you_mean(name, list_models(module=models))
            raise InputError(
                f"torchvision has no classification model {name!r}{near}: see torchvision.models.list_models()"
            )
        if wanted.channels != 3:
            raise InputError(f"{wanted.name} takes colour images: load the data with 3 channels")
        published = getattr(get_model_weights(name), "DEFAULT", None)
        try:
            network = get_model(name, weights=published if wanted.pretrained else None, **wanted.options)
            preset: Any = published.transforms() if published else None
            mean, std, crop = preset.mean, preset.std, preset.crop_size[0]
            names = unique(list(published.meta["categories"]))  # type: ignore[union-attr]
        except AttributeError as error:
            raise InputError(f"{wanted.name} is not an image classifier: it has no published classes") from error
        except Exception as error:
            raise InputError(f"cannot build {wanted.name}: {type(error).__name__}: {error}") from error
        size = wanted.size or (crop, crop)
        classifier = wrap(network, wanted, mean=mean, std=std, classes=names, size=size, origin=CONFIGURED)
        if wanted.classes is not None and list(wanted.classes) != names:
            classifier = with_new_head(classifier, wanted.classes)
        return classifier

    def native_size(self, name: str) -> tuple[int, int] | None:
        """Of the published weights."""
        from torchvision.models import get_model_weights, list_models

        short = name.removeprefix("torchvision/")
        best: Any = getattr(get_model_weights(short), "DEFAULT", None) if short in list_models() else None
        return (best.transforms().crop_size[0],) * 2 if best else None

    def names(self) -> list[str]:
        """Whatever torchvision lists as a classification model."""
        from torchvision import models

        return [f"torchvision/{name}" for name in models.list_models(module=models)]

    def knows_classes(self, *, weighted: bool) -> bool:
        """Those of its weights."""
        return weighted
