"""Drift of explanation maps between existing runs: the same images and classes, explained by the same method."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from ironglass.measure.statistics import mean_interval
from ironglass.results.explanation import Explanations, Method
from ironglass.results.numbers import Mean
from ironglass.results.runs_compared import MapsPair
from ironglass.studies.common.stored import read_table
from ironglass.studies.runs_compared.pairs import paired
from ironglass.studies.runs_compared.read import CLEAN, OpenedRun

if TYPE_CHECKING:
    from torch import Tensor


@dataclass(frozen=True)
class Explained:
    """The images that a run explained. names, targets: (n,) of text, in the order of the maps. batches: of files."""

    run: OpenedRun
    results: Explanations
    names: np.ndarray
    targets: np.ndarray

    def method(self, name: str) -> Method | None:
        """The method of this name, where the run used it."""
        return next((one for one in self.results.methods if one.name == name), None)

    def maps(self, name: str, size: tuple[int, int]) -> Tensor:
        """The method's maps of the unchanged images, of these pixels: float (n, h, w)."""
        import torch  # late: most comparisons have no maps

        from ironglass.measure.maps.attribution import image_maps
        from ironglass.studies.steps.explanation.run import batch_file, read_explained

        count = -(-self.results.n // self.results.batch)
        files = [batch_file(self.run.run, CLEAN, number) for number in range(count)]
        return torch.cat([image_maps(read_explained(path, [name])[1][name], size) for path in files])


def maps_compared(opened: Sequence[OpenedRun], baseline: str | None) -> tuple[tuple[MapsPair, ...], list[str]]:
    """A row a pair and method that both used with the same settings, and a sentence on each that was left out.

    Two maps of different classes differ by the question, so only images count of which both explained the same class.
    """
    explained, remarks = {run.name: one for run in opened if (one := _explained(run))}, list[str]()
    rows: list[MapsPair] = []
    for first, second in paired(list(explained), baseline):
        one, other = explained[first], explained[second]
        sizes = [run.run.data.get("size") for run in (one, other)]
        if sizes[0] != sizes[1] or not isinstance(sizes[0], list):
            remarks.append(f"The maps of {first} and {second} are of images of different sizes: not compared.")
            continue
        for method in one.results.methods:
            if (same := other.method(method.name)) is None:
                continue
            if same.settings != method.settings:
                remarks.append(f"{method.name} had other settings in {second} than in {first}: maps not compared.")
                continue
            row = _pair(one, other, method, (int(sizes[0][0]), int(sizes[0][1])))
            if row is None:
                remarks.append(f"{first} and {second} explained no class of the same image by {method.name}.")
            else:
                rows.append(row)
    return tuple(rows), remarks


def _explained(run: OpenedRun) -> Explained | None:
    """The images that a run explained by named methods; None where it did not, or where its maps are gone."""
    results, path = run.results.explanations, run.run.path / "per_image" / "explanations.parquet"
    if results is None or not path.is_file() or not (run.run.path / "explanations" / CLEAN).is_dir():
        return None
    run.run.check([f"per_image/{path.name}"])
    table = read_table(path, columns=["name", "condition", "method", "target"])
    columns = {name: np.asarray(table[name].to_pylist(), dtype=str) for name in table.column_names}
    first = (columns["condition"] == CLEAN) & (columns["method"] == results.methods[0].name)
    return Explained(run, results, columns["name"][first], columns["target"][first])


def _pair(one: Explained, other: Explained, method: Method, size: tuple[int, int]) -> MapsPair | None:
    from ironglass.measure.maps.drift import drift

    names, first_positions, second_positions = np.intersect1d(one.names, other.names, return_indices=True)
    same = one.targets[first_positions] == other.targets[second_positions]
    if not same.any():
        return None
    before, after = (
        one.maps(method.name, size)[first_positions[same]],
        other.maps(method.name, size)[second_positions[same]],
    )
    moved = drift(before, after)
    return MapsPair(
        first=one.run.name,
        second=other.run.name,
        method=method.name,
        label=method.label,
        explained=len(names),
        rank_correlation=Mean(**mean_interval(moved["rank_correlation"].numpy(), within=(-1.0, 1.0))),
        top_overlap=Mean(**mean_interval(moved["top_overlap"].numpy(), within=(0.0, 1.0))),
    )
