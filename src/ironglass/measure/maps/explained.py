"""Public `explain`: maps that keep their images and can be displayed."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor

from ironglass.choices import unknown
from ironglass.errors import InputError
from ironglass.explain import Explainer
from ironglass.explain import explain as plain_maps
from ironglass.measure.maps.attribution import image_maps, last_layer
from ironglass.models.classifier import Classifier
from ironglass.types import Images, Labels, Maps

if TYPE_CHECKING:
    from matplotlib.figure import Figure

COLUMNS = 4
"""Largest number of layers in a figure where none are named."""


class Explanation:
    """Maps of the evidence for a class in each of n images, by one method.

    It is a `MapTensor`, used as any Tensor (n, 1 or c, h, w), or, for a method with maps by layer, `LayerMaps`, used as
    any dict of them. Operations on either give a plain Tensor.

    method: the explainer's name.
    classes: names of the classifier's classes.
    images: the explained images, float32 (n, c, h, w) in [0, 1].
    targets: the explained classes, int64 (n,).
    """

    method: str
    classes: tuple[str, ...]
    images: Images
    targets: Labels

    def _by_layer(self) -> dict[str, Tensor]:
        raise NotImplementedError

    @property
    def layers(self) -> tuple[str, ...]:
        """Names of the layers, in the order in which they run; () where there is one map an image."""
        return ()

    @property
    def _title(self) -> str:
        n = len(self.targets)
        return f"{self.method}, {n} image{'s' * (n != 1)}"

    def _repr_html_(self) -> str:
        from ironglass.report.kit.notebook import html_of

        return html_of(repr(self), self.show(3))

    def show(self, images: int = 4, layers: Sequence[str] | None = None) -> Figure:
        """A matplotlib Figure: each image, and its maps laid over it with their scale.

        Signed maps are red for evidence for the class and blue for evidence against it; those by layer show the
        positive part alone, as Grad-CAM is usually drawn. All maps of a column share one scale, in units of the
        explained score.

        Args:
            images: number of images, from the first on.
            layers: names of layers, a column each; None for up to four, evenly spaced, the last among them.

        Returns:
            A Figure, which a notebook draws; elsewhere `figure.savefig("maps.png")` writes it.

        Raises:
            InputError: for a number of images below 1, and for an unknown layer.
        """
        from ironglass.report.kit.notebook import ExplainedImages, map_figure

        if isinstance(images, bool) or not isinstance(images, int) or images < 1:
            raise InputError(f"images is {images!r}: give how many to show, at least 1")
        by_layer, sample = self._by_layer(), self.images[:images]
        if layers is None:
            layers = self._spread(list(by_layer)) if self.layers else list(by_layer)
        if isinstance(layers, str) or not layers:
            raise InputError(f"layers is {layers!r}: give a list of names")
        if missing := [name for name in layers if name not in by_layer]:
            raise unknown("layer", missing[0], by_layer)
        size = (sample.shape[2], sample.shape[3])
        columns = []
        for name in layers:
            maps = image_maps(by_layer[name][:images].detach(), size).cpu().numpy()
            signed = not self.layers and bool((maps < 0).any())
            columns.append(ExplainedImages(title=name, maps=maps, signed=signed))
        pictures = sample.detach().cpu().float().permute(0, 2, 3, 1).numpy()
        labels = [f"for {self.classes[int(target)]}" for target in self.targets[:images]]
        return map_figure(pictures, columns, labels, self._title)

    def _spread(self, names: list[str]) -> list[str]:
        """Up to four evenly spaced layers with more than 1 × 1 resolution."""
        by_layer = self._by_layer()
        names = [name for name in names if by_layer[name][0, 0].numel() > 1] or [last_layer(by_layer)]
        return [names[i] for i in np.unique(np.linspace(0, len(names) - 1, COLUMNS).round().astype(int))]

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON: the maps as nested lists, by layer where there are layers."""
        by_layer = {name: maps.tolist() for name, maps in self._by_layer().items()}
        head = {"method": self.method, "classes": list(self.classes), "targets": self.targets.tolist()}
        return head | {"maps": by_layer if self.layers else next(iter(by_layer.values()))}


class MapTensor(Explanation, Tensor):
    """Maps (n, 1 or c, h, w), in units of the explained score: a Tensor with a display."""

    # results are plain tensors
    __torch_function__ = torch._C._disabled_torch_function_impl  # pyright: ignore[reportAssignmentType]

    def __repr__(self, *, tensor_contents: Any = None) -> str:
        return f"MapTensor({self._title}, {tuple(self.shape)}, {_range(self._plain)})"

    def __str__(self) -> str:
        return repr(self)

    def __deepcopy__(self, memo: dict[int, Any]) -> Tensor:
        return self._plain.clone()

    def __reduce_ex__(self, protocol: Any) -> Any:
        return self._plain.__reduce_ex__(protocol)  # a file holds the plain tensor, which any program reads

    @property
    def _plain(self) -> Tensor:
        return self.as_subclass(Tensor)

    def _by_layer(self) -> dict[str, Tensor]:
        return {self.method: self._plain}


class LayerMaps(Explanation, dict[str, Tensor]):
    """Maps by layer, each (n, 1, h, w), in units of the explained score: a dict with a display."""

    @property
    def layers(self) -> tuple[str, ...]:
        """Names of the layers, in the order in which they run."""
        return tuple(self)

    def __repr__(self) -> str:
        width = max(map(len, self), default=0)
        lines = [f"  {name:<{width}}  {tuple(maps.shape)}, {_range(maps)}" for name, maps in self.items()]
        return "\n".join([f"LayerMaps({self._title}", *lines]) + ")"

    def __reduce_ex__(self, protocol: Any) -> Any:
        return OrderedDict, (), None, None, iter(self.items())  # which torch.load takes without more rights

    def _by_layer(self) -> dict[str, Tensor]:
        return dict(self)


def explain(
    classifier: Classifier, images: Images, targets: Labels, method: str | Explainer = "grad-cam", **fields: Any
) -> MapTensor | LayerMaps:
    """Maps of the evidence for `targets` in `images`, on the classifier's device.

    Args:
        classifier: the classifier to explain.
        images: float (n, c, h, w) in [0, 1].
        targets: int64 (n,), the classes to explain, as positions in `classifier.classes`.
        method: a name in `ironglass.list_explainers()`, or an explainer object, such as
            `ironglass.explain.GradCAM(layers=("conv1",))`.
        fields: replace settings of the method, for instance `patch=8` of "occlusion".

    Returns:
        `MapTensor`, a Tensor (n, 1 or c, h, w), or, of methods that explain every layer, `LayerMaps`, a dict of them
        by layer. Both have `.show()`. Maps are signed, in units of the explained score.

    Raises:
        InputError: for images, targets, a method or a setting that is wrong.

    Example:
        >>> import torch, ironglass as ig
        >>> classifier = ig.load_classifier("logistic", classes=("dark", "bright"), size=4, channels=1)
        >>> maps = ig.explain(classifier, torch.rand(8, 1, 4, 4), torch.tensor([0, 1] * 4), "saliency")
        >>> maps.shape
        torch.Size([8, 1, 4, 4])
        >>> figure = maps.show(2)
    """
    maps: Maps | dict[str, Maps] = plain_maps(classifier, images, targets, method, **fields)
    explanation = LayerMaps(maps) if isinstance(maps, Mapping) else maps.detach().as_subclass(MapTensor)
    explanation.method = method if isinstance(method, str) else type(method).__name__
    explanation.classes, explanation.images = classifier.classes, classifier.accept(images).detach()
    explanation.targets = targets.to(classifier.device)
    return explanation


def _range(maps: Tensor) -> str:
    low, high = (float(bound) for bound in maps.detach().aminmax())
    return f"{low:.3g} to {high:.3g}"
