"""Pictures of the images that an inspection names."""

from __future__ import annotations

from collections.abc import Iterable

from safetensors.numpy import save

from ironglass.data.survey.survey import Surveyed
from ironglass.results.inspection import ImageRef, Inspection
from ironglass.run import Run
from ironglass.studies.steps.failures.pictures import thumbnail


def write_pictures(run: Run, surveyed: Surveyed, result: Inspection, limit: int) -> None:
    """Writes `inspection.safetensors` (uint8 (h, w, 3) each, "0", "1", ...) and `inspection.json`, their `images`.

    limit: findings of a kind that have pictures, at most.
    """
    refs = list(dict.fromkeys((ref.split, ref.name) for ref in pictured(result, limit)))
    table = surveyed.survey
    positions = {
        (table.splits[number], name): i for i, (number, name) in enumerate(zip(table.split, table.names, strict=True))
    }
    images = surveyed.images([positions[ref] for ref in refs])
    arrays = {str(number): thumbnail(images[positions[ref]]) for number, ref in enumerate(refs)}
    if not arrays:
        return
    with run.atomic(run.path / "inspection.safetensors") as path:
        path.write_bytes(save(arrays))
    run.write("inspection.json", {"images": [list(ref) for ref in refs]})


def pictured(result: Inspection, limit: int) -> Iterable[ImageRef]:
    """The images of the first `limit` findings of each kind; of a group the first six."""
    for group in result.duplicates[:limit]:
        yield from group.images[:6]
    pairs = result.near_duplicates.pairs if result.near_duplicates else ()
    for kind in ((True, True), (True, False), (False, True), (False, False)):
        for pair in [one for one in pairs if (one.certain, one.across) == kind][:limit]:
            yield from (pair.first, pair.second)
    for fault in result.outliers:
        yield from (row.image for row in fault.images[:limit])
    if errors := result.label_errors:
        for row in (*errors.suspects[:limit], *errors.worth_a_look[:limit]):
            yield row.image
