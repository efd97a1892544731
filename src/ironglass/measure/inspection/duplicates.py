"""Groups of images of the very same pixels."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np


def duplicate_groups(digests: Sequence[bytes]) -> list[np.ndarray]:
    """Positions of the images of each group of equal digests, ascending; groups in the order of their first image."""
    by_digest: dict[bytes, list[int]] = {}
    for position, digest in enumerate(digests):
        by_digest.setdefault(digest, []).append(position)
    return [np.array(group) for group in by_digest.values() if len(group) > 1]


def joined(n: int, pairs: Sequence[tuple[int, int]]) -> list[np.ndarray]:
    """Positions, of n, in each set that the pairs connect, ascending; sets of one are left out."""
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    if not pairs:
        return []
    first, second = np.array(pairs).T
    graph = coo_array((np.ones(len(first), dtype=np.int8), (first, second)), shape=(n, n))
    _, component = connected_components(graph, directed=False)
    members = np.unique(np.concatenate([first, second]))
    order = members[np.argsort(component[members], kind="stable")]
    cuts = np.flatnonzero(np.diff(component[order])) + 1
    return sorted(np.split(order, cuts), key=lambda group: int(group[0]))
