"""Tensor types, with their shapes. n: images, c: channels, h and w: height and width, k: classes."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

from jaxtyping import Bool, Float, Float32, Int64, UInt8
from torch import Tensor

Pixels: TypeAlias = UInt8[Tensor, "n c h w"] | Float32[Tensor, "n c h w"]
"""Stored images: bytes from 0 to 255, or floats in [0, 1]."""

Images: TypeAlias = Float[Tensor, "n c h w"]
"""What a classifier sees: float32 in [0, 1]. Normalisation is the classifier's own affair."""

Labels: TypeAlias = Int64[Tensor, " n"]
"""True classes, or the classes to be explained, as positions in `classes`."""

Logits: TypeAlias = Float[Tensor, "n k"]
"""Scores before the softmax."""

Maps: TypeAlias = Float[Tensor, "n d h w"]
"""Signed attributions: d is 1, or c where a method tells the channels apart. Units of the explained score."""

Mask: TypeAlias = Bool[Tensor, " n"]
"""One yes or no an image."""

Loss: TypeAlias = Float[Tensor, ""]
"""A scalar to descend."""

Progress: TypeAlias = Callable[[int, int], None]
"""Called as (done, of) while long work goes on; also the place where an interruption is noticed."""
