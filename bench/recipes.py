"""Small runs of five recipes by this tree and by another commit's, their numbers compared one by one.

    .venv/bin/python bench/recipes.py COMMIT --data ../shared/data [--keep FOLDER]

Both trees run in processes of their own, with the same seeds, one thread each. Compared is every number in a run's JSON
and CSV files but for times and checksums; numbers that only one of the two has are counted. Prints Markdown.
"""

from __future__ import annotations

import argparse
import csv
import json
import os
import subprocess
import sys
import tarfile
import tempfile
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
RUNS = {
    "digits": "run digits",
    "mnist-3v7": "run mnist-3v7 --data {data}/mnist --set after.stages.0.epochs=3 --set baseline.0.epochs=3",
    "fashion-attributions": "run fashion-attributions --data {data}/fashion_mnist --set stages.0.epochs=1"
    " --set samples=64 --set explained.quality=8",
    "base": "train simple-cnn digits --only 0,1,2,3,4 --epochs 3",
    "transfer": "transfer base digits --blocks 0,2 --epochs 2 --images 60 --only 5,6,7,8,9",
    "sweep": "sweep logistic digits --epochs 2 --lr 0.1,0.01 --attacks pgd-20 --samples 50",
}
"""What is run, in this order; `base` is what `transfer` copies from."""
CHANGING = ("seconds", "per_second", "time", "checksum", "fingerprint")


def made(source: Path, folder: Path, data: Path) -> None:
    """Makes all runs in the folder by the package in `source`."""
    folder.mkdir(parents=True, exist_ok=True)
    environment = os.environ | {"PYTHONPATH": str(source), "OMP_NUM_THREADS": "1"}
    environment["IRONGLASS_CACHE"] = str(folder / "cache")
    for name, words in RUNS.items():
        if not (folder / name / "report.html").exists():
            command = [sys.executable, "-W", "ignore", "-m", "ironglass", *words.format(data=data.resolve()).split()]
            subprocess.run([*command, "--output", name, "--quiet"], cwd=folder, env=environment, check=True)


def numbers(run: Path) -> dict[str, float]:
    """Every number of a run folder by file and key."""
    found: dict[str, float] = {}
    for path in sorted(run.rglob("*")):
        file = path.relative_to(run).as_posix()
        if path.suffix == ".json" and path.name not in ("config.json", "environment.json"):
            found |= {f"{file}:{key}": value for key, value in flat(json.loads(path.read_text(encoding="utf-8")))}
        elif path.suffix == ".csv":
            with path.open(encoding="utf-8", newline="") as lines:
                for line, cells in enumerate(csv.reader(lines)):
                    found |= {f"{file}:{line}.{i}": float(cell) for i, cell in enumerate(cells) if is_number(cell)}
    return {key: value for key, value in found.items() if not any(word in key for word in CHANGING)}


def flat(value: Any, key: str = "") -> Iterator[tuple[str, float]]:
    if isinstance(value, dict):
        for name, inner in value.items():
            yield from flat(inner, f"{key}.{name}")
    elif isinstance(value, list):
        for i, inner in enumerate(value):
            yield from flat(inner, f"{key}[{i}]")
    elif isinstance(value, int | float) and not isinstance(value, bool):
        yield key, value


def is_number(cell: str) -> bool:
    try:
        float(cell)
    except ValueError:
        return False
    return True


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("commit")
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--keep", type=Path, help="Where runs are made; those that are there already are taken.")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        archive = ["git", "-C", str(ROOT), "archive", given.commit, "src/ironglass"]
        with tarfile.open(fileobj=BytesIO(subprocess.run(archive, check=True, capture_output=True).stdout)) as tar:
            tar.extractall(scratch, filter="data")
        folder = given.keep or Path(scratch)
        for name, source in (("then", Path(scratch, "src")), ("now", ROOT / "src")):
            made(source, folder / name, given.data)
        print("| run | numbers compared | of which differ | only then | only now |")
        print("| --- | --: | --: | --: | --: |")
        for name in RUNS:
            then, now = (numbers(folder / when / name) for when in ("then", "now"))
            both = then.keys() & now.keys()
            differ = sorted(key for key in both if then[key] != now[key])
            print(
                f"| {name} | {len(both):,} | {len(differ):,} | {len(then.keys() - both)} | {len(now.keys() - both)} |"
            )
            for key in differ[:10]:
                print(f"  {key}: {then[key]} → {now[key]}")


if __name__ == "__main__":
    main()
