"""`quality`, `shortcuts` and `evidence` of `results.json`: what maps are worth."""

from __future__ import annotations

from typing import Literal

from ironglass.results.codec import result
from ironglass.results.numbers import Amount, Count, Mean, Rate, Share


@result
class Areas:
    """Faithfulness of maps, as orders of the pixels.

    insertion: area under the target's probability while pixels are put in, the strongest first; more is better.
    deletion: the same while pixels are taken out; less is better.
    """

    insertion: Mean
    deletion: Mean


@result
class MethodQuality(Areas):
    """One method's quality.

    insertion: area under the target's probability while pixels are put in, the strongest first; more is better.
    deletion: the same while pixels are taken out; less is better.
    sensitivity: largest change of the map under small noise, as a share of its length; null where all maps are zero.
    gap: of methods whose maps add up to a logit or its change, |gap| as a share of that; null of other methods.
    seconds: an image.
    """

    sensitivity: Mean | None
    gap: Mean | None
    seconds: Amount


@result
class Controls:
    """Maps that know nothing of the network.

    random: of noise.
    edges: of an edge detector.
    """

    random: Areas
    edges: Areas


@result
class Depth:
    """Number of random layers.

    layers: counted from the last.
    from: the foremost of them.
    """

    layers: Count
    from_: str


@result
class Similarity:
    """Similarity of a map after the weights are randomised.

    correlation: Spearman's with the map before, one a depth; null where every map was constant.
    ssim: structural similarity, one a depth; null where every map was constant.
    verdict: "passes", "fails" or "unclear".
    """

    correlation: tuple[Mean, ...] | None
    ssim: tuple[Mean, ...] | None
    verdict: Literal["passes", "fails", "unclear"]


@result
class SanityControls:
    """Maps that know nothing of the network, under the same test.

    random: new noise each time, which must pass.
    edges: an edge detector, which must fail.
    """

    random: Similarity
    edges: Similarity


@result
class Sanity:
    """The test with random weights (arXiv 1810.03292).

    n: images.
    seed: of the weights.
    layers: how many there are to make random.
    depths: numbers of layers at which maps were compared.
    halfway: position in `depths` that is nearest to half of the layers.
    methods: by name.
    controls: maps that know nothing of the network.
    """

    n: Count
    seed: Count
    layers: Count
    depths: tuple[Depth, ...]
    halfway: Count
    methods: dict[str, Similarity]
    controls: SanityControls


@result
class Quality:
    """Tests of the methods themselves.

    n: images.
    methods: by name.
    controls: maps that know nothing of the network.
    sanity: the test with random weights; null for a single image and a network without weights.
    """

    n: Count
    methods: dict[str, MethodQuality]
    controls: Controls
    sanity: Sanity | None


@result
class ShortcutRegion:
    """One fixed place where the maps of a class meet.

    class: whose maps they are.
    place: top, left, bottom and right in pixels.
    share: of the map, in units of what an even map has there.
    share_elsewhere: the same of other classes' maps.
    rate: other images that become the class when the place is pasted over them.
    control: the same for another place.
    p: McNemar's, from 0 to 1.
    shortcut: whether the place decides.
    """

    class_: str
    place: tuple[Count, Count, Count, Count]
    share: float
    share_elsewhere: float
    rate: Rate
    control: Rate
    p: Share
    shortcut: bool


@result
class Shortcuts:
    """Fixed places that decide the prediction.

    by: the method whose maps were looked through.
    n: images.
    places: those that were tried.
    """

    by: str
    n: Count
    places: tuple[ShortcutRegion, ...]


@result
class EvidenceMass:
    """Share of a method's maps on the planted evidence.

    mass: share of the positive map inside.
    points: images whose strongest pixel lies inside.
    """

    mass: Mean
    points: Rate


@result
class Evidence:
    """Maps of planted data, where it is known what decides.

    n: images.
    areas: share of the pixels by what was planted, "shape" and "mark".
    methods: by name, and by what was planted.
    """

    n: Count
    areas: dict[str, Share]
    methods: dict[str, dict[str, EvidenceMass]]
