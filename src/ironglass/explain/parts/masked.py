"""Images seen through masks, as many in a pass as is fast."""

from __future__ import annotations

from torch import Tensor

from ironglass.models.classifier import Classifier
from ironglass.types import Images

VALUES = 3 * 2**19
"""Pixel values of one pass on the processor: 10 colour images of 224 pixels; of ResNet-18, 27 took 8 % longer each."""
LARGEST = 512
"""Images of one pass, at most."""
GPU_FACTOR = 16
"""How many times as many on other devices, which need large passes to be busy."""


def seen_through(classifier: Classifier, images: Images, masks: Tensor) -> Images:
    """The images (n, c, h, w) where `masks` (n, 1, h, w) or (n, c, h, w) are 1, and the baseline where they are 0.

    The baseline is the colour that the network's normalisation brings to 0, as the authors of such methods multiply
    normalised images by their masks.
    """
    return classifier.mean.to(images.dtype).lerp(images, masks.to(images.dtype))


def pass_size(image: Images, n: int) -> int:
    """Number of `n` images like `image` (1, c, h, w) in one pass without gradients: from 1 to n."""
    factor = 1 if image.device.type == "cpu" else GPU_FACTOR
    return max(1, min(n, LARGEST, factor * VALUES // image[0].numel()))
