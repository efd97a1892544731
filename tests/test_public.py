"""The public face, pinned."""

import subprocess
import sys

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
        "load_classifier",
        "load_dataset",
        "save_classifier",
        "sweep",
        "transfer",
        "write_report",
    ]
    for name in ironglass.__all__:
        assert callable(getattr(ironglass, name))
    assert dir(ironglass) == ironglass.__all__


def test_explain_is_the_function_whatever_was_imported_before() -> None:
    from ironglass.explain import GradCAM, explain

    assert ironglass.explain is explain
    assert GradCAM().layers is None


def test_importing_it_imports_no_torch() -> None:
    code = "import sys, ironglass, ironglass.cli; print('torch' in sys.modules, 'numpy' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["False", "False"]


def test_every_name_documents_itself() -> None:
    for name in ironglass.__all__:
        assert getattr(ironglass, name).__doc__, name
