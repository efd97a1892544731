"""Time and memory of `ironglass inspect` on data sets, decoding included, and what it names in them.

    python bench/inspection.py ../shared/data/fashion_mnist ../shared/data/cats_vs_dogs

Prints, for each, seconds of the clock, seconds of all cores, the largest memory, and the findings. On a machine that
others use too, read the seconds of all cores: half of them is what two idle cores would take at best.
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", nargs="+", type=Path)
    for path in parser.parse_args().data:
        with tempfile.TemporaryDirectory() as folder:
            words = ["-m", "ironglass", "inspect", str(path), "--output", f"{folder}/run", "--json", "--quiet"]
            before, start = resource.getrusage(resource.RUSAGE_CHILDREN), time.monotonic()
            done = subprocess.run([sys.executable, *words], capture_output=True, text=True, check=True)
            seconds, after = time.monotonic() - start, resource.getrusage(resource.RUSAGE_CHILDREN)
        found = json.loads(done.stdout)["results"]["inspection"]
        near = found["near_duplicates"] or {"pairs": [], "proposed": 0}
        images = sum(split["images"] for split in found["inventory"]["splits"])
        cores = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
        print(
            f"{path.name}: {images:,} images, {seconds:.0f} s ({cores:.0f} s of all cores),"
            f" {after.ru_maxrss / 2**20:.2f} GiB\n"
            f"  same pixels: {len(found['duplicates'])} groups,"
            f" {sum(group['across'] for group in found['duplicates'])} across splits\n"
            f"  near-duplicates: {len(near['pairs'])} pairs of {near['proposed']:,} compared,"
            f" {sum(pair['across'] for pair in near['pairs'])} across splits,"
            f" {sum(crosses_test(pair) for pair in near['pairs'])} of a test image and another split's\n  "
            + ", ".join(f"{fault['fault']}: {len(fault['images'])}" for fault in found["outliers"])
        )


def crosses_test(pair: dict) -> bool:
    return (pair["first"]["split"] == "test") != (pair["second"]["split"] == "test")


if __name__ == "__main__":
    main()
