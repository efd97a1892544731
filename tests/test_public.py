"""The public face, pinned."""

import importlib
import inspect
import subprocess
import sys

import pytest

import ironglass


def test_the_public_names() -> None:
    assert ironglass.__all__ == [
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
    for name in ironglass.__all__:
        assert callable(getattr(ironglass, name))
    assert dir(ironglass) == ironglass.__all__


ROOMS = [
    ("certify", "ironglass.measure.robustness.certified", "Proof"),
    ("explain", "ironglass.measure.maps.explained", "GradCAM"),
    ("harden", "ironglass.api", "NFGSM"),
    ("run", "ironglass.api", "Run"),
]


@pytest.mark.parametrize(("name", "home", "inside"), ROOMS)
def test_a_room_can_be_called(name: str, home: str, inside: str) -> None:
    room, function = getattr(ironglass, name), getattr(importlib.import_module(home), name)
    assert room is importlib.import_module(f"ironglass.{name}")
    assert inspect.signature(room) == inspect.signature(function)
    assert getattr(room, inside).__name__ == inside
    with pytest.raises(TypeError, match=rf"{name}\(\) missing"):
        room()


@pytest.mark.parametrize("first", ["import ironglass.explain", "from ironglass.harden import NFGSM"])
def test_whatever_was_imported_before(first: str) -> None:
    code = (
        f"{first}\nimport ironglass as ig\nprint(callable(ig.explain), callable(ig.harden), ig.harden.NFGSM.__name__)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["True", "True", "NFGSM"]


def test_importing_it_imports_no_torch() -> None:
    code = "import sys, ironglass, ironglass.cli; print('torch' in sys.modules, 'numpy' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["False", "False"]


def test_every_name_documents_itself() -> None:
    for name in ironglass.__all__:
        assert getattr(ironglass, name).__doc__, name


def test_classifiers_and_data_are_short_in_words() -> None:
    classifier = ironglass.load_classifier("logistic", classes=[f"c{n}" for n in range(30)], size=4, channels=1)
    assert repr(classifier).splitlines() == [
        "Classifier(logistic, 510 parameters, cpu",
        "  images   4 × 4 × 1, mean 0.5, std 0.25",
        "  classes  30: c0, c1, c2, c3, c4, c5, c6, c7, c8, c9, …)",
    ]
    dataset = ironglass.load_dataset("digits")
    assert repr(dataset.test) == "Split(359 images of 32 × 32 × 1, uint8)"
    assert len(repr(dataset).splitlines()) == 4
