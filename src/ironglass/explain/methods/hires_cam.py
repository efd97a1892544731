"""HiResCAM: each position of a layer by its own gradient."""

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
class HiResCAM:
    """Class activation maps by the product of output and gradient (Draelos and Carin 2020, arXiv 2011.08891).

    map = sum over channels c of A_c · ∂ logit_target / ∂ A_c

    A is the layer's own output, as Grad-CAM's. Where the rest of the network is linear, as pooling and one linear layer
    after the last activation are, the map sums to the logit less the bias; elsewhere it is a first-order estimate.

    layers: as Grad-CAM's.
    """

    label: ClassVar[str] = "HiResCAM"
    unit: ClassVar[str] = "logit"
    signed: ClassVar[bool] = True
    words: ClassVar[str] = "Each place of the last layer by how much it raises the score there: coarse."
    paper: ClassVar[str] = "arXiv 2011.08891"
    purpose: ClassVar[str] = "regions that really raise the score, where Grad-CAM’s mean gradient spreads them"
    limits: ClassVar[str] = "as coarse as the layer; exact only where what follows the layer is linear"
    layers: tuple[str, ...] | None = None

    @explainer_call
    def __call__(self, classifier: Classifier, images: Images, targets: Labels) -> dict[str, Maps]:
        """Signed maps (n, 1, h', w') by layer, each at the layer's own resolution, in the order in which they run.

        images: in [0, 1]. targets: int64 (n,), the classes to explain. Units: those of the logit. Raises InputError as
        Grad-CAM does.
        """
        return class_activation_maps(classifier, images, targets, self.layers, _products, folded)


def _products(output: Tensor, gradient: Tensor, offset: FoldedOffset | None) -> Tensor:
    """Σ_c A_c · ∂/∂A_c, which a batch-norm's scale cancels out of: (n, h, w)."""
    activation = output if offset is None else output - offset.shift[:, None, None]
    return (activation * gradient).sum(1)
