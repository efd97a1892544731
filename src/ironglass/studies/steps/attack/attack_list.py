"""The attacks of an attack step: those that the plan names, and the probes that their verdicts rest on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from functools import cached_property
from pathlib import Path
from typing import Any, Literal

import numpy as np

from ironglass.attacks import FGSM, PGD, THREATS, AutoAttack, Noise, Square, Threat, find_attack
from ironglass.data.dataset import Split
from ironglass.measure.robustness.evidence import Kind, grey_eps
from ironglass.measure.robustness.probes import QUERIES
from ironglass.models.classifier import Classifier
from ironglass.plans.attacks import Attacks as AttackSettings
from ironglass.plans.audit import Audit
from ironglass.run import Run
from ironglass.studies.common.positions import spread_positions
from ironglass.studies.steps.attack.batch_files import tag

PROBED = 128
"""Images on which the probes are made, spread evenly over the attacked ones."""


@dataclass(frozen=True, kw_only=True)
class Task:
    """One attack at several eps on a split, batch by batch. folder: where, in the run's. draws: what its generator is
    named by. kind, of: of a probe, as in `Probe`; None for an attack that was asked for, whose images are kept."""

    folder: str
    name: str
    draws: str
    attack: Any
    sizes: Sequence[float]
    split: Split
    kind: Kind | Literal["grey"] | None = None
    of: str = ""


@dataclass(frozen=True)
class Attacks:
    """The attacks of the plan's attack step on these images."""

    plan: Audit
    classifier: Classifier
    split: Split

    @property
    def settings(self) -> AttackSettings:
        """The attack part of the plan."""
        assert self.plan.attacks is not None
        return self.plan.attacks

    @property
    def sizes(self) -> list[float]:
        """Every eps but 0, in order."""
        return sorted({*self.settings.eps} - {0.0})

    @property
    def positions(self) -> np.ndarray:
        """Of the images that the probes are made on."""
        return spread_positions(len(self.split), PROBED)

    @cached_property
    def attack_tasks(self) -> list[Task]:
        """The attacks that were asked for."""
        return [
            Task(
                folder=f"adversarial/{name}",
                name=name,
                draws=name,
                attack=find_attack(name),
                sizes=self.sizes,
                split=self.split,
            )
            for name in dict.fromkeys(self.settings.methods)
        ]

    @cached_property
    def probes(self) -> list[Task]:
        """Probes that the verdicts rest on, at the largest eps, and one at which every image may become plain grey."""
        subset, largest = self.split.take(self.positions), self.sizes[-1]
        grey = grey_eps(self.threat(largest), subset.pixels[0].size)
        specs: list[tuple[str, str, Any, Any, str, float]] = [("grey", "pgd-20", PGD(), "grey", "", grey or largest)]
        names = {type(task.attack) for task in self.attack_tasks}
        if Noise not in names:
            specs.append(("noise", "noise", Noise(), "noise", "", largest))
        if FGSM not in names:
            specs.append(("fgsm", "fgsm", FGSM(), "single-step", "", largest))
        searched = any(
            getattr(task.attack, "family", "") in ("gradient-free", "ensemble") for task in self.attack_tasks
        )
        if not searched and any(task.attack.steps > 1 for task in self.attack_tasks):
            specs.append(("square", f"square-{QUERIES}", Square(queries=QUERIES), "search", "", largest))
        for task in self.attack_tasks:
            if not isinstance(task.attack, AutoAttack) and any(field.name == "steps" for field in fields(task.attack)):
                longer = replace(task.attack, steps=2 * task.attack.steps)
                specs.append((f"{task.name}-twice", task.name, longer, "longer", task.name, largest))
        return [
            Task(
                folder=f"probes/{name}",
                name=name,
                draws=draws,
                attack=attack,
                sizes=(eps,),
                split=subset,
                kind=kind,
                of=of,
            )
            for name, draws, attack, kind, of, eps in specs
        ]

    @property
    def tasks(self) -> list[Task]:
        """The attacks, then the probes."""
        return [*self.attack_tasks, *self.probes]

    def threat(self, eps: float) -> Threat:
        """The plan's, at this eps."""
        return THREATS[self.settings.norm](eps)

    def folder(self, run: Run, task: Task, eps: float) -> Path:
        """Folder of the batches of a task at one eps."""
        return run.path / task.folder / tag(self.settings.norm, eps)

    def count(self, task: Task) -> int:
        """Number of batches of a task."""
        return -(-len(task.split) // self.settings.batch)
