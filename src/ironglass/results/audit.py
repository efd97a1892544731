"""`layers`, `occlusion` and `exhaustive` of `results.json`: what each layer does, and accuracy with a patch."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from ironglass.results.codec import result
from ironglass.results.numbers import Count, Mean, Rate, Share


@result
class Layer:
    """One convolution.

    name: as `Classifier.layers` gives it.
    shape: channels, height and width of its output.
    concentration: share of the positive Grad-CAM mass in the tenth of the image where it is highest.
    positive: images whose map has any positive evidence.
    agreement: Spearman's rank correlation of the Grad-CAM with the grey occlusion map; null where none has one.
    probe: test accuracy of a linear classifier on the output averaged over space.
    without_layout: accuracy with each channel replaced by its own mean over space: what is left without *where*.
    without_layer: accuracy with the output replaced by its mean over images and space; in a plain chain of layers that
        is chance by construction, with skip connections it is not.
    note: the same in a sentence.
    """

    name: str
    shape: tuple[Count, Count, Count]
    concentration: Mean
    positive: Rate
    agreement: Mean | None
    probe: Rate
    without_layout: Rate
    without_layer: Rate
    note: str


@result
class Layers:
    """Every convolution, in the order in which they run.

    samples: images behind concentration and agreement.
    probe_train: images that the probe learns from.
    probe_test: images that it is tested on.
    chance: share of the largest class.
    clean: accuracy of the unchanged network on the probe's test images.
    layers: a row a convolution.
    """

    samples: Count
    probe_train: Count
    probe_test: Count
    chance: Share
    clean: Rate
    layers: tuple[Layer, ...]


@result
class Mask:
    """One fill of the patch.

    name: "grey", "black", "mean" or "blur".
    mean: accuracy averaged over all positions of the patch.
    worst: images still classified correctly at their own most harmful position.
    """

    name: str
    mean: Mean
    worst: Rate


@result
class Occlusion:
    """Accuracy with a patch at every position of a grid.

    patch: its side in pixels.
    stride: of the grid, in pixels.
    positions: of the grid.
    n: images.
    clean: accuracy on the same images without a patch.
    masks: a row a fill.
    """

    patch: Count
    stride: Count
    positions: Count
    n: Count
    clean: Rate
    masks: tuple[Mask, ...]


@result
class PatchSize:
    """Every position of a patch of one size.

    size: its side in pixels.
    positions: how many there are.
    accuracy: images right without, and right with the patch at every position.
    flipped: images whose prediction some position changes.
    """

    size: Count
    positions: Count
    accuracy: Rate
    flipped: Rate


@result
class Exhaustive:
    """Search of all positions of a patch for one that changes the prediction.

    fill: of the patch.
    stride: of the positions, in pixels.
    n: images.
    clean: accuracy on the same images without a patch.
    sizes: a row a size, the smallest first.
    smallest: of each image the smallest size that changes its prediction, or null.
    """

    fill: str
    stride: Count
    n: Count
    clean: Rate
    sizes: Annotated[tuple[PatchSize, ...], Field(min_length=1)]
    smallest: tuple[Count | None, ...]
