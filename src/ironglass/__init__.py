"""See through your image classifier, then make it hard to break."""

from __future__ import annotations

import importlib
import inspect
import sys
from types import ModuleType
from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

# name: the module it comes from; imported on first use, since torch alone takes seconds
_HOMES = {
    "Arm": "ironglass.studies.comparison",
    "Audit": "ironglass.studies.plan",
    "Augment": "ironglass.data.augment",
    "Classifier": "ironglass.models.classifier",
    "Comparison": "ironglass.studies.comparison",
    "Dataset": "ironglass.data.dataset",
    "Explained": "ironglass.studies.explained",
    "Hardening": "ironglass.studies.harden",
    "InputError": "ironglass.errors",
    "Recipe": "ironglass.train.recipe",
    "Run": "ironglass.run",
    "Stage": "ironglass.train.recipe",
    "Sweep": "ironglass.studies.sweep",
    "Transfer": "ironglass.studies.transfer_plan",
    "Transplant": "ironglass.models.transplant",
    "attack": "ironglass.measure.robustness",
    "audit": "ironglass.studies.audit",
    "compare": "ironglass.studies.compare",
    "evaluate": "ironglass.measure.accuracy",
    "fit": "ironglass.train.fit",
    "load_classifier": "ironglass.models.load",
    "load_dataset": "ironglass.data.load",
    "save_classifier": "ironglass.models.save",
    "sweep": "ironglass.studies.sweep",
    "transfer": "ironglass.studies.transfer",
    "write_report": "ironglass.report.page",
}
# rooms that can be called, and the home of the function that runs then: ironglass.harden(plan, folder), harden.NFGSM
_CALLED = {"explain": "ironglass.explain", "harden": "ironglass.studies.harden"}

if TYPE_CHECKING:
    from ironglass.data.augment import Augment
    from ironglass.data.dataset import Dataset
    from ironglass.data.load import load_dataset
    from ironglass.errors import InputError
    from ironglass.explain import explain
    from ironglass.measure.accuracy import evaluate
    from ironglass.measure.robustness import attack
    from ironglass.models.classifier import Classifier
    from ironglass.models.load import load_classifier
    from ironglass.models.save import save_classifier
    from ironglass.models.transplant import Transplant
    from ironglass.report.page import write_report
    from ironglass.run import Run
    from ironglass.studies.audit import audit
    from ironglass.studies.compare import compare
    from ironglass.studies.comparison import Arm, Comparison
    from ironglass.studies.explained import Explained
    from ironglass.studies.harden import Hardening, harden
    from ironglass.studies.plan import Audit
    from ironglass.studies.sweep import Sweep, sweep
    from ironglass.studies.transfer import transfer
    from ironglass.studies.transfer_plan import Transfer
    from ironglass.train.fit import fit
    from ironglass.train.recipe import Recipe, Stage

__all__ = [
    "Arm",
    "Audit",
    "Augment",
    "Classifier",
    "Comparison",
    "Dataset",
    "Explained",
    "Hardening",
    "InputError",
    "Recipe",
    "Run",
    "Stage",
    "Sweep",
    "Transfer",
    "Transplant",
    "attack",
    "audit",
    "compare",
    "evaluate",
    "explain",
    "fit",
    "harden",
    "load_classifier",
    "load_dataset",
    "save_classifier",
    "sweep",
    "transfer",
    "write_report",
]


def __getattr__(name: str) -> Any:
    if name in _CALLED:
        return importlib.import_module(f"ironglass.{name}")
    if name not in _HOMES:
        raise AttributeError(f"module 'ironglass' has no attribute {name!r}")
    value = globals()[name] = getattr(importlib.import_module(_HOMES[name]), name)
    return value


def __dir__() -> list[str]:
    return sorted(__all__)


class _Room(ModuleType):
    """A room that can be called: it runs the function of its name, whose signature it shows."""

    def __call__(self, *given: Any, **fields: Any) -> Any:
        return self._function(*given, **fields)

    @property
    def _function(self) -> Any:
        name = self.__name__.rpartition(".")[2]
        return vars(importlib.import_module(_CALLED[name]))[name]

    @property
    def __signature__(self) -> inspect.Signature:
        return inspect.signature(self._function)


class _Face(ModuleType):
    """This module. A room in _CALLED becomes callable when the import system puts it here as an attribute."""

    def __setattr__(self, name: str, value: Any) -> None:
        if name in _CALLED and isinstance(value, ModuleType):
            value.__class__ = _Room
        super().__setattr__(name, value)


sys.modules[__name__].__class__ = _Face
