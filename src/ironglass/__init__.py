"""See through your image classifier, then make it hard to break."""

from __future__ import annotations

import importlib
import inspect
import sys
from types import ModuleType
from typing import TYPE_CHECKING, Any

__version__ = "0.2.0"

# name: the module it comes from; imported on first use, since torch alone takes seconds
_MODULES = {
    "Against": "ironglass.plans.parts",
    "Arm": "ironglass.plans.comparison",
    "Attacks": "ironglass.plans.attacks",
    "Audit": "ironglass.plans.audit",
    "Augment": "ironglass.data.augment",
    "Certification": "ironglass.plans.certification",
    "Classifier": "ironglass.models.classifier",
    "Comparison": "ironglass.plans.comparison",
    "Corruptions": "ironglass.plans.parts",
    "Dataset": "ironglass.data.dataset",
    "Explained": "ironglass.plans.explanation",  # the former name of:
    "ExplanationPlan": "ironglass.plans.explanation",
    "Guard": "ironglass.plans.parts",
    "Hardening": "ironglass.plans.hardening",
    "InputError": "ironglass.errors",
    "Inspection": "ironglass.plans.inspection",
    "Layers": "ironglass.plans.parts",
    "OcclusionCurve": "ironglass.plans.parts",
    "PatchSearch": "ironglass.plans.parts",
    "Recipe": "ironglass.train.recipe",
    "Run": "ironglass.run",
    "Sampling": "ironglass.plans.parts",
    "Stage": "ironglass.train.recipe",
    "Sweep": "ironglass.plans.sweep",
    "Transfer": "ironglass.plans.transfer",
    "Transplant": "ironglass.models.structure.transplant",
    "attack": "ironglass.measure.robustness.attack",
    "audit": "ironglass.api",
    "compare": "ironglass.api",
    "compare_runs": "ironglass.api",
    "evaluate": "ironglass.measure.evaluated",
    "fit": "ironglass.train.fit",
    "inspect_data": "ironglass.api",
    "list_attacks": "ironglass.plans.names",
    "list_corruptions": "ironglass.plans.names",
    "list_explainers": "ironglass.plans.names",
    "list_models": "ironglass.plans.names",
    "load_classifier": "ironglass.models.loading.load",
    "load_dataset": "ironglass.data.load",
    "register": "ironglass.registry",
    "save_classifier": "ironglass.models.loading.save",
    "sweep": "ironglass.api",
    "transfer": "ironglass.api",
    "write_joint_report": "ironglass.report.page.joint",
    "write_report": "ironglass.report.page.page",
}
# packages that are callable, and the module of the function that a call runs: ironglass.harden(plan, folder)
_CALLABLE_PACKAGES = {
    "certify": "ironglass.measure.robustness.certified",
    "explain": "ironglass.measure.maps.explained",
    "harden": "ironglass.api",
    "run": "ironglass.api",
}

if TYPE_CHECKING:
    from ironglass.api import audit, compare, compare_runs, harden, inspect_data, run, sweep, transfer
    from ironglass.data.augment import Augment
    from ironglass.data.dataset import Dataset
    from ironglass.data.load import load_dataset
    from ironglass.errors import InputError
    from ironglass.measure.evaluated import evaluate
    from ironglass.measure.maps.explained import explain
    from ironglass.measure.robustness.attack import attack
    from ironglass.measure.robustness.certified import certify
    from ironglass.models.classifier import Classifier
    from ironglass.models.loading.load import load_classifier
    from ironglass.models.loading.save import save_classifier
    from ironglass.models.structure.transplant import Transplant
    from ironglass.plans.attacks import Attacks
    from ironglass.plans.audit import Audit
    from ironglass.plans.certification import Certification
    from ironglass.plans.comparison import Arm, Comparison
    from ironglass.plans.explanation import ExplanationPlan
    from ironglass.plans.hardening import Hardening
    from ironglass.plans.inspection import Inspection
    from ironglass.plans.names import list_attacks, list_corruptions, list_explainers, list_models
    from ironglass.plans.parts import Against, Corruptions, Guard, Layers, OcclusionCurve, PatchSearch, Sampling
    from ironglass.plans.sweep import Sweep
    from ironglass.plans.transfer import Transfer
    from ironglass.registry import register
    from ironglass.report.page.joint import write_joint_report
    from ironglass.report.page.page import write_report
    from ironglass.run import Run
    from ironglass.train.fit import fit
    from ironglass.train.recipe import Recipe, Stage

__all__ = [
    "Against",
    "Arm",
    "Attacks",
    "Audit",
    "Augment",
    "Certification",
    "Classifier",
    "Comparison",
    "Corruptions",
    "Dataset",
    "ExplanationPlan",
    "Guard",
    "Hardening",
    "InputError",
    "Inspection",
    "Layers",
    "OcclusionCurve",
    "PatchSearch",
    "Recipe",
    "Run",
    "Sampling",
    "Stage",
    "Sweep",
    "Transfer",
    "Transplant",
    "attack",
    "audit",
    "certify",
    "compare",
    "compare_runs",
    "evaluate",
    "explain",
    "fit",
    "harden",
    "inspect_data",
    "list_attacks",
    "list_corruptions",
    "list_explainers",
    "list_models",
    "load_classifier",
    "load_dataset",
    "register",
    "run",
    "save_classifier",
    "sweep",
    "transfer",
    "write_joint_report",
    "write_report",
]


def __getattr__(name: str) -> Any:
    if name in _CALLABLE_PACKAGES:
        return importlib.import_module(f"ironglass.{name}")
    if name not in _MODULES:
        raise AttributeError(f"module 'ironglass' has no attribute {name!r}")
    value = globals()[name] = getattr(importlib.import_module(_MODULES[name]), name)
    return value


def __dir__() -> list[str]:
    return sorted(__all__)


class _CallablePackage(ModuleType):
    """A callable package: a call runs the function of the same name, whose signature it has."""

    def __call__(self, *args: Any, **fields: Any) -> Any:
        return self._function(*args, **fields)

    @property
    def _function(self) -> Any:
        name = self.__name__.rpartition(".")[2]
        return vars(importlib.import_module(_CALLABLE_PACKAGES[name]))[name]

    @property
    def __signature__(self) -> inspect.Signature:
        return inspect.signature(self._function)


class _Package(ModuleType):
    """This package: a subpackage in _CALLABLE_PACKAGES becomes callable when it is set as an attribute."""

    def __setattr__(self, name: str, value: Any) -> None:
        if name in _CALLABLE_PACKAGES and isinstance(value, ModuleType):
            value.__class__ = _CallablePackage
        super().__setattr__(name, value)


sys.modules[__name__].__class__ = _Package
