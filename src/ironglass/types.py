"""Tensor types, with their shapes. n: images, c: channels, h and w: height and width, k: classes."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

from jaxtyping import Bool, Float, Float32, Int64, UInt8
from torch import Tensor

Pixels: TypeAlias = UInt8[Tensor, "n c h w"] | Float32[Tensor, "n c h w"]
"""Stored images: bytes from 0 to 255, or floats in [0, 1]."""

Images: TypeAlias = Float[Tensor, "n c h w"]
"""Inputs of a classifier: float32 in [0, 1], which the classifier normalises itself."""

Labels: TypeAlias = Int64[Tensor, " n"]
"""True classes, or the classes to be explained, as indices into `classes`."""

Logits: TypeAlias = Float[Tensor, "n k"]
"""Scores before the softmax."""

Maps: TypeAlias = Float[Tensor, "n d h w"]
"""Signed attributions: d is 1, or c where a method separates the channels. Units of the explained score."""

Mask: TypeAlias = Bool[Tensor, " n"]
"""A flag per image."""

Loss: TypeAlias = Float[Tensor, ""]
"""A scalar to minimise."""

Progress: TypeAlias = Callable[[int, int], None]
"""Callback (done, total) of long-running work; an interruption is raised from within it."""
