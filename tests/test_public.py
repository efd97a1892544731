"""The public face, pinned."""

import importlib
import inspect
import subprocess
import sys

import pytest

import ironglass


def test_the_public_names() -> None:
    assert ironglass.__all__ == [
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
        "register",
        "save_classifier",
        "sweep",
        "transfer",
        "write_report",
    ]
    for name in ironglass.__all__:
        assert callable(getattr(ironglass, name))
    assert dir(ironglass) == ironglass.__all__


ROOMS = [("explain", "ironglass.explain", "GradCAM"), ("harden", "ironglass.studies.hardening", "NFGSM")]


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
