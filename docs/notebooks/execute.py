"""Runs the notebooks of this folder and stores them with their output; --check runs them and writes nothing.

They are run in an empty folder, with the interpreter that runs this. What would differ from run to run, as the times of
execution, is left out.
"""

import os
import sys
import tempfile
from pathlib import Path

import nbformat
from nbclient import NotebookClient

HERE = Path(__file__).resolve().parent


def execute(path: Path, *, write: bool) -> None:
    """Runs one notebook; raises at the first cell that fails."""
    notebook = nbformat.read(path, as_version=4)
    with tempfile.TemporaryDirectory() as folder:
        client = NotebookClient(
            notebook, timeout=600, kernel_name="python3", resources={"metadata": {"path": folder}}, record_timing=False
        )
        client.execute()
    pictures = sum(
        "image/png" in output.get("data", {}) for cell in notebook.cells for output in cell.get("outputs", [])
    )
    for cell in notebook.cells:
        cell.metadata = {}
        if "outputs" in cell:  # warnings name paths of this machine
            cell.outputs = [output for output in cell.outputs if output.get("name") != "stderr"]
    notebook.metadata = {"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}}
    if write:
        nbformat.write(notebook, path)
    print(f"{path.name}: {len(notebook.cells)} cells, {pictures} pictures, {path.stat().st_size / 1024:.0f} KiB")


if __name__ == "__main__":
    os.environ.setdefault("GOMP_SPINCOUNT", "20000")  # on a busy machine spinning threads crawl (docs/benchmarks.md)
    os.environ["PATH"] = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    named = [HERE / name for name in sys.argv[1:] if name != "--check"]
    for one in named or sorted(HERE.glob("*.ipynb")):
        execute(one, write="--check" not in sys.argv)
