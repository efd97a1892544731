"""Pictures of the images that a search names."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

import numpy as np
from safetensors.numpy import save

from ironglass.results.inspection import DuplicateGroup, ImageRef, NearDuplicates, Outliers
from ironglass.results.inspection.labels import LabelErrors
from ironglass.run import Run


def write_pictures(
    run: Run,
    name: str,
    refs: Iterable[ImageRef],
    pictures: Callable[[Sequence[tuple[str, str]]], Sequence[np.ndarray]],
) -> None:
    """Writes NAME.safetensors (uint8 (h, w, 3) each, "0", "1", ...) and NAME.json, their `images`; nothing for none.

    pictures: of images, by their split and name.
    """
    keys = list(dict.fromkeys((ref.split, ref.name) for ref in refs))
    if not keys:
        return
    arrays = {str(number): picture for number, picture in enumerate(pictures(keys))}
    with run.atomic(run.path / f"{name}.safetensors") as path:
        path.write_bytes(save(arrays))
    run.write(f"{name}.json", {"images": [list(key) for key in keys]})


def pictured(
    groups: Sequence[DuplicateGroup],
    near: NearDuplicates | None,
    outliers: Sequence[Outliers],
    errors: LabelErrors | None,
    limit: int,
) -> Iterable[ImageRef]:
    """The images of the first `limit` findings of each kind; of a group the first six."""
    for group in groups[:limit]:
        yield from group.images[:6]
    pairs = near.pairs if near else ()
    for kind in ((True, True), (True, False), (False, True), (False, False)):
        for pair in [one for one in pairs if (one.certain, one.across) == kind][:limit]:
            yield from (pair.first, pair.second)
    for fault in outliers:
        yield from (row.image for row in fault.images[:limit])
    if errors:
        for row in (*errors.suspects[:limit], *errors.worth_a_look[:limit]):
            yield row.image
