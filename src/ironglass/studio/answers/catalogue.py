"""Lists of the data's pictures: all, misclassified, of highest loss, fooled by attacks that a run recorded."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F

from ironglass.errors import InputError, Notice
from ironglass.models.predict import logits_of, predicted
from ironglass.studio.load import Opened
from ironglass.studio.run_data import fooled_pictures
from ironglass.studio.superseded import Check

MOST_CLASSIFIED = 4000
"""Pictures that are classified for a list, the first of the split, at most."""
BATCH = 64
COMPUTED = ("misclassified", "loss")
"""Lists for which the pictures are classified here."""


@dataclass(frozen=True)
class _Scan:
    predictions: np.ndarray
    losses: np.ndarray


@dataclass(frozen=True)
class Listed:
    """Pictures of a list, and what it says of each.

    index: positions in the split, in the order of the list.
    predictions: the class of each that is named beside it, -1 for none; None where the list names none.
    losses: cross-entropy of each; None where it was not computed.
    classified: pictures of the split that the list was made from.
    """

    index: np.ndarray
    predictions: np.ndarray | None
    losses: np.ndarray | None
    classified: int

    def of_class(self, labels: np.ndarray, label: int | None) -> Listed:
        """Those of one class; all for None."""
        if label is None:
            return self
        member = labels[self.index] == label
        predictions, losses = (None if part is None else part[member] for part in (self.predictions, self.losses))
        return Listed(self.index[member], predictions, losses, self.classified)


@dataclass
class Catalogue:
    """The lists of one model's pictures.

    opened: the model and its data.
    attacks: of each attack and eps that the model's run recorded, positions of the pictures that it fooled, and the
        classes predicted then.
    """

    opened: Opened
    attacks: dict[str, tuple[np.ndarray, np.ndarray]] = field(default_factory=dict)
    _scan: _Scan | None = None

    def __post_init__(self) -> None:
        if self.opened.split is None:
            return
        try:
            recorded = fooled_pictures(self.opened.plan.model)
        except InputError as error:
            warnings.warn(Notice(f"the attacks that the run recorded are not listed: {error}"), stacklevel=2)
            return
        position = {name: i for i, name in enumerate(self.opened.split[1].names)}
        classes = {name: i for i, name in enumerate(self.opened.classifier.classes)}
        for one in recorded:
            entries = [
                (position[name], classes.get(str(prediction), -1))
                for name, prediction in zip(one.names, one.predictions, strict=True)
                if name in position
            ]
            if entries:
                pairs = np.array(sorted(entries))
                self.attacks[f"fooled by {one.attack}"] = pairs[:, 0], pairs[:, 1]

    def names(self) -> list[str]:
        """Names of the lists."""
        return [] if self.opened.split is None else ["all", *COMPUTED, *self.attacks]

    def pictures(self, name: Any, pause: Check) -> Listed:
        """A list by its name. Raises InputError for one that there is not.

        pause: called between batches where pictures have to be classified; other requests are answered there.
        """
        if self.opened.split is None or not isinstance(name, str) or name not in self.names():
            raise InputError(f"list: give one of {', '.join(self.names()) or 'none, since there are no data'}")
        labels = self.opened.split[1].labels
        if name in self.attacks:
            return Listed(*self.attacks[name], None, len(labels))
        if name == "all":
            return Listed(np.arange(len(labels)), None, None, len(labels))
        scan = self._classified(pause)
        n = len(scan.predictions)
        misclassified = np.flatnonzero(scan.predictions != labels[:n])
        index = misclassified if name == "misclassified" else np.argsort(-scan.losses, kind="stable")
        return Listed(index, scan.predictions[index], scan.losses[index], n)

    def _classified(self, pause: Check) -> _Scan:
        """Predictions and losses of the first MOST_CLASSIFIED pictures, computed once."""
        if self._scan is None and self.opened.split is not None:
            split, logits = self.opened.split[1], []
            n = min(MOST_CLASSIFIED, len(split))
            for start in range(0, n, BATCH):
                pause()
                logits.append(logits_of(self.opened.classifier, split.take(slice(start, min(start + BATCH, n)))))
            self._scan = _scan(torch.cat(logits), torch.from_numpy(split.labels[:n]))
        assert self._scan is not None, "lists are made of data"
        return self._scan


def _scan(logits: torch.Tensor, labels: torch.Tensor) -> _Scan:
    """A loss that is no number counts as infinite: such a picture stands first."""
    losses = F.cross_entropy(logits.double(), labels, reduction="none").nan_to_num(torch.inf, posinf=torch.inf)
    return _Scan(predicted(logits).numpy(), losses.numpy())


def catalogues(opened: Sequence[Opened]) -> list[Catalogue]:
    """The catalogue of each model."""
    return [Catalogue(one) for one in opened]
