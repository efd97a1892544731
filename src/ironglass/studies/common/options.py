"""Options of a run, given to every study with its plan and its folder."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Protocol

import torch

from ironglass.run import Run
from ironglass.studies.common.prepare import pick_device
from ironglass.studies.common.progress import Tell, silent


class WritePages(Protocol):
    """Writer of a finished run's pages. The face gives it, since studies draw nothing."""

    def __call__(self, run: Run, *, card: bool = False) -> None:
        """Writes the run's report; card: and the model card of its network."""


def no_pages(run: Run, *, card: bool = False) -> None:
    """Leaves the run without a report."""


@dataclass(frozen=True, kw_only=True)
class RunOptions:
    """Options of a run, which change no number.

    device: "auto", "cpu", "cuda", "cuda:1", ... download: whether a data set that is named may be fetched. resume:
    whether to go on with what is in the folder. jobs: networks trained at once, of a study that trains several.
    progress: called as (what is being done, done, of, detail). write_pages: makes the report of a finished run.
    """

    device: str = "auto"
    download: bool = False
    resume: bool = False
    jobs: int = 1
    progress: Tell = silent
    write_pages: WritePages = no_pages

    @property
    def place(self) -> torch.device:
        """The device itself. Raises InputError for one that is not there."""
        return pick_device(self.device)

    def for_part(self, name: str) -> RunOptions:
        """The same for a run within the run, whose messages begin with its name."""

        def report(activity: str, done: int, of: int, detail: str) -> None:
            self.progress(f"{name}: {activity}", done, of, detail)

        return replace(self, progress=report)

    def for_job(self) -> RunOptions:
        """The same for a job, which may be sent to another process and is given its own progress there."""
        return replace(self, resume=True, jobs=1, progress=silent)
