"""`timm/NAME`: networks of timm, each with its own normalisation and size."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from torch import nn

from ironglass.choices import did_you_mean
from ironglass.errors import InputError
from ironglass.models.classifier import Classifier
from ironglass.models.loading.class_names import need_classes, unique
from ironglass.models.loading.forms.form import NameForm
from ironglass.models.loading.wrap import wrap
from ironglass.models.normalisation import CONFIGURED

if TYPE_CHECKING:
    from ironglass.models.request import ModelRequest


class TimmNetwork(NameForm):
    """`timm/NAME`."""

    def matches(self, name: str) -> bool:
        """Returns whether it begins with `timm/`."""
        return name.startswith("timm/")

    def build(self, request: ModelRequest) -> Classifier:
        """`timm/NAME`, with timm's own mean, deviation and size; fetched only with `pretrained`."""
        import timm

        name = request.name.removeprefix("timm/")
        if not timm.is_model(name):
            raise InputError(
                f"timm has no model {name!r}{did_you_mean(name, timm.list_models())}: see timm.list_models()"
            )
        classes = request.classes if request.weighted else need_classes(request)
        return from_timm(name, request, classes)

    def native_size(self, name: str) -> tuple[int, int] | None:
        """Of the published weights."""
        import timm

        timm_name = name.removeprefix("timm/")
        published = timm.get_pretrained_cfg(timm_name) if timm.is_model(timm_name) else None
        return tuple(published.input_size[1:]) if published else None  # type: ignore[return-value]

    def names(self) -> list[str]:
        """Whatever timm lists."""
        import timm

        return [f"timm/{name}" for name in timm.list_models()]

    def knows_classes(self, *, weighted: bool) -> bool:
        """Those of its weights."""
        return weighted


def from_timm(name: str, request: ModelRequest, classes: tuple[str, ...] | None) -> Classifier:
    """A network that timm builds under this name, for these classes or with its own."""
    import timm
    from timm.data.config import resolve_model_data_config

    options: dict[str, Any] = {"in_chans": request.channels} | request.options
    if classes is not None:
        options["num_classes"] = len(classes)
    try:
        try:
            # transformers must be told their image size; convolutional networks do not take one
            network = timm.create_model(name, pretrained=request.pretrained, **options, **_image_size(request))
        except TypeError:
            network = timm.create_model(name, pretrained=request.pretrained, **options)
    except Exception as error:
        action = "fetch" if request.pretrained else "build"
        raise InputError(f"cannot {action} {request.name}: {type(error).__name__}: {error}") from error
    data = resolve_model_data_config(network)
    mean, std = (_for_channels(data[key], request.channels) for key in ("mean", "std"))
    size = request.size or tuple(data["input_size"][1:])
    class_names = classes or _timm_classes(network)
    return wrap(network, request, mean=mean, std=std, classes=class_names, size=size, origin=CONFIGURED)


def _image_size(request: ModelRequest) -> dict[str, Any]:
    return {"img_size": request.size} if request.size else {}


def _for_channels(values: tuple[float, ...], channels: int) -> list[float]:
    """Per-channel numbers for grey images: the mean of the colours', as timm sums the first filters."""
    return list(values) if len(values) == channels else [sum(values) / len(values)] * channels


def _timm_classes(network: nn.Module) -> list[str]:
    from timm.data.imagenet_info import ImageNetInfo, infer_imagenet_subset

    config: Any = network.pretrained_cfg
    if config.get("label_names"):
        return unique(list(config["label_names"]))
    if subset := infer_imagenet_subset(network):
        info = ImageNetInfo(subset)
        return unique([info.index_to_description(i) for i in range(info.num_classes())])
    return [str(i) for i in range(config["num_classes"])]
