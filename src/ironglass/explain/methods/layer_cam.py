"""LayerCAM: each position of a layer by the positive part of its own gradient."""

from __future__ import annotations

from typing import ClassVar

from torch import Tensor

from ironglass.engine.folding.fold import FoldedOffset, folded
from ironglass.explain.parts.call import explainer_call
from ironglass.explain.parts.class_activation import class_activation_maps
from ironglass.fields import settings
from ironglass.models.classifier import Classifier
from ironglass.types import Images, Labels, Maps


@settings(frozen=True, kw_only=True)
class LayerCAM:
    """Class activation maps with a positive weight per position (Jiang et al. 2021, doi 10.1109/TIP.2021.3089943).

    map = max(0, sum over channels c of A_c · max(0, ∂ logit_target / ∂ A_c))

    A is the layer's own output, as Grad-CAM's; of positions and not of whole channels, so that shallow layers give fine
    maps. All layers share one forward and one backward pass. The paper's maps of several layers, each scaled to [0, 1],
    are not merged here.

    layers: as Grad-CAM's.
    """

    label: ClassVar[str] = "LayerCAM"
    unit: ClassVar[str] = "logit"
    signed: ClassVar[bool] = False
    words: ClassVar[str] = "Each place of a layer by how much it raises the score, what lowers it left out."
    paper: ClassVar[str] = "doi 10.1109/TIP.2021.3089943"
    purpose: ClassVar[str] = "finer maps from shallow layers, all of them from one pass"
    limits: ClassVar[str] = "shows evidence for the class alone; says nothing of what speaks against it"
    layers: tuple[str, ...] | None = None

    @explainer_call
    def __call__(self, classifier: Classifier, images: Images, targets: Labels) -> dict[str, Maps]:
        """Maps (n, 1, h', w') by layer, at least 0, each at the layer's own resolution, in the order in which they run.

        images: in [0, 1]. targets: int64 (n,), the classes to explain. Units: those of the logit. Raises InputError as
        Grad-CAM does.
        """
        return class_activation_maps(classifier, images, targets, self.layers, _rising, folded)


def _rising(output: Tensor, gradient: Tensor, offset: FoldedOffset | None) -> Tensor:
    """max(0, Σ_c A_c · max(0, ∂/∂A_c)), (n, h, w): of A = (output − shift) / scale the scale's sign remains."""
    if offset is None:
        return (output * gradient.clamp_min(0)).sum(1).clamp_min(0)
    activation = output - offset.shift[:, None, None]
    if offset.scale_weight is not None and bool((offset.scale_weight < 0).any()):
        sign = offset.scale_weight.sign()[:, None, None]
        activation, gradient = activation * sign, gradient * sign
    return (activation * gradient.clamp_min(0)).sum(1).clamp_min(0)
