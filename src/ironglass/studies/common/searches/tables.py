"""The tables of an inspection, as results."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import numpy as np

from ironglass.data.survey.survey import Survey
from ironglass.measure.inspection.near_duplicates import (
    CERTAIN,
    DISTINCT,
    LEAST,
    LIKELY,
    LIKELY_DISTINCT,
    RANK,
    SAME_FITTED,
    SAME_LEVELS,
    SAMPLE,
    NearPairs,
)
from ironglass.measure.inspection.outliers import Fault
from ironglass.results.inspection import (
    DuplicateGroup,
    ImageRef,
    Inventory,
    NearDuplicates,
    NearPair,
    OutlierRow,
    Outliers,
    SizeRow,
    SplitRow,
)

SIZES = 12
"""Sizes that are listed."""


def image_ref(table: Survey, i: int) -> ImageRef:
    """The image at a position."""
    return ImageRef(split=table.splits[table.split[i]], name=table.names[i], class_=table.classes[table.labels[i]])


def inventory(table: Survey) -> Inventory:
    """Counts of the images as they are stored."""
    sizes = Counter(zip(table.width.tolist(), table.height.tolist(), strict=True))
    splits = []
    for number, name in enumerate(table.splits):
        counts = np.bincount(table.labels[table.split == number], minlength=len(table.classes)).tolist()
        splits.append(SplitRow(name=name, images=sum(counts), per_class=dict(zip(table.classes, counts, strict=True))))
    return Inventory(
        splits=tuple(splits),
        unread=len(table.unread),
        sizes=tuple(
            SizeRow(width=width, height=height, images=images) for (width, height), images in sizes.most_common(SIZES)
        ),
        distinct_sizes=len(sizes),
        modes=dict(Counter(table.modes).most_common()),
        bits={str(bits): images for bits, images in sorted(Counter(table.bits.tolist()).items())},
        low=float(table.low.min()),
        high=float(table.high.max()),
    )


def group_rows(table: Survey, groups: Sequence[np.ndarray]) -> tuple[DuplicateGroup, ...]:
    """Groups of images of the same pixels, those across splits and under two labels first."""
    rows = [
        DuplicateGroup(
            images=tuple(image_ref(table, int(i)) for i in group),
            across=len({*table.split[group].tolist()}) > 1,
            labels_differ=len({*table.labels[group].tolist()}) > 1,
        )
        for group in groups
    ]
    return tuple(sorted(rows, key=lambda row: (not row.across, not row.labels_differ)))


def near_rows(table: Survey, pairs: NearPairs) -> NearDuplicates:
    """Pairs of near-duplicates, the most similar first, and the rule."""
    rows = [
        NearPair(
            first=image_ref(table, i),
            second=image_ref(table, j),
            similarity=round(float(similarity), 4),
            mirrored=bool(mirrored),
            across=bool(table.split[i] != table.split[j]),
            labels_differ=bool(table.labels[i] != table.labels[j]),
            certain=bool(certain),
        )
        for i, j, similarity, mirrored, certain in zip(
            pairs.first.tolist(), pairs.second.tolist(), pairs.similarity, pairs.mirrored, pairs.certain, strict=True
        )
    ]
    rule = (
        "after alignment by a small shift or a mirror, what differs of the two images' detail (1 less its correlation) "
        f"is a share of what differs between either and the {RANK}rd nearest of {SAMPLE:,} images drawn at random; "
        f"colour counts, and the correlation is at least {LEAST:g}. Certain: the share is at most {CERTAIN:g}, and no "
        f"grey level differs by more than {SAME_LEVELS:g}; or it is at most {LIKELY:g}, that nearest image correlates "
        f"by at most {DISTINCT:g}, and no grey level differs by more than {SAME_FITTED:g} once brightness and contrast "
        f"are made the same. Likely: the share is at most {LIKELY:g}, or {LIKELY_DISTINCT:g} where that nearest image "
        f"correlates by at most {DISTINCT:g}"
    )
    return NearDuplicates(pairs=tuple(rows), proposed=pairs.proposed, rule=rule)


def outlier_rows(table: Survey, faults: Sequence[Fault]) -> tuple[Outliers, ...]:
    """The images of each fault."""
    return tuple(
        Outliers(
            fault=fault.fault,  # type: ignore[arg-type]  # one of those that `outliers` names
            rule=fault.rule,
            images=tuple(
                OutlierRow(image=image_ref(table, int(i)), value=round(float(value), 4))
                for i, value in zip(fault.positions, fault.values, strict=True)
            ),
        )
        for fault in faults
    )
