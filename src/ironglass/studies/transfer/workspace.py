"""Dataset, architecture and folders shared by all networks of a transfer study."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import torch

from ironglass.data.dataset import Dataset, Split
from ironglass.data.match import match_classes
from ironglass.errors import InputError
from ironglass.models.classifier import Classifier
from ironglass.models.loading.load import load_classifier, load_saved
from ironglass.models.structure.blocks import Blocks, blocks_of
from ironglass.models.structure.transplant import transplant
from ironglass.plans.transfer import Transfer, TransferNetwork
from ironglass.run import Run
from ironglass.studies.common.plan_data import load_data
from ironglass.studies.common.positions import spread_positions
from ironglass.studies.common.prepare import measured_split
from ironglass.types import Progress


@dataclass(frozen=True)
class Architecture:
    """Architecture of base A, by which networks like it are built. classes: its own. mean, std: a number a channel."""

    model: str
    options: dict[str, Any]
    size: tuple[int, int]
    channels: int
    classes: tuple[str, ...]
    mean: tuple[float, ...]
    std: tuple[float, ...]


@dataclass(frozen=True)
class Workspace:
    """The data and architecture that all networks of a study share. blocks: of base A, and so of every one."""

    plan: Transfer
    run: Run
    device: torch.device
    dataset: Dataset
    source: Architecture
    blocks: Blocks

    def folder(self, name: str) -> Path:
        """Folder of a network."""
        return self.run.path / "networks" / name

    def load(self, name: str) -> Classifier:
        """A network that has been trained."""
        return self._saved(name).to(self.device)

    def _saved(self, name: str) -> Classifier:
        return load_saved(self.folder(name), self.source.model, **self.source.options)

    def fresh(self, network: TransferNetwork) -> Classifier:
        """A network before its training: fresh, but for what is copied."""
        classifier = load_classifier(
            self.source.model,
            classes=self.dataset.classes,
            size=self.dataset.size,
            channels=self.dataset.channels,
            seed=network.fresh_seed,
            mean=self.source.mean,
            std=self.source.std,
            **self.source.options,
        )
        if network.donor:
            transplant(classifier, self._saved(network.donor), network.blocks or 0)
        return classifier.to(self.device)

    @cached_property
    def split(self) -> Split:
        """The images that are measured."""
        _, measured = measured_split(self.plan.target, self.dataset)
        return measured.take(spread_positions(len(measured), self.plan.images))

    @cached_property
    def attacked(self) -> Split:
        """Those of them that each network is attacked on itself."""
        return self.split.take(spread_positions(len(self.split), self.plan.white_box_images))


def architecture_of(source: Classifier) -> Architecture:
    """The source's. Raises InputError for one that cannot be built again."""
    if not source.source:
        raise InputError("the source is a module of your own, which cannot be built again: name file.py:function")
    return Architecture(
        source.source,
        source.options,
        source.input_size,
        source.channels,
        source.classes,
        tuple(source.mean.flatten().tolist()),
        tuple(source.std.flatten().tolist()),
    )


def workspace_of(
    plan: Transfer,
    folder: Path,
    source: Architecture,
    device: torch.device,
    *,
    download: bool = False,
    progress: Progress | None = None,
) -> Workspace:
    """The target's data at the source's size and channels, its labels in the classes that the plan asks for.

    Raises InputError.
    """
    target = plan.target
    dataset = load_data(target, target.size or source.size[0], source.channels, download=download, progress=progress)
    if plan.classes == "source":
        dataset = match_classes(dataset, source.classes)
    one = load_classifier(
        source.model, classes=dataset.classes, size=dataset.size, channels=dataset.channels, **source.options
    )
    return Workspace(plan, Run(folder), device, dataset, source, blocks_of(one))
