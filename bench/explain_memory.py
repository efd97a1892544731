"""How much memory an explanation takes at its height: each in a process of its own, by what the system counts.

    .venv-bench/bin/python bench/explain_memory.py [--method NAME ...] [--network NAME ...] [--images N ...]

Prints Markdown: the height of the resident memory in MiB, with what Python, torch, the network and the images take
before the call; the promise is 4 GiB for 64 images. Occlusion at stride 4 has 2,809 places an image, which takes hours
for 64: `--seconds` stops a call and says so. Every chunk takes the same memory, so the height is there in the first.
"""

from __future__ import annotations

import argparse
import resource
import signal
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
DATA = ROOT.parent / "shared/data/imagenet_samples"
METHODS = ("integrated-gradients", "smooth-grad", "grad-cam", "occlusion")


def resident() -> float:
    """The height so far, MiB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def measure(method: str, network: str, n: int, data: str, seconds: int) -> None:
    import torch
    from explain_jobs import NETWORKS, network_of

    import ironglass as ig

    torch.set_num_threads(1)
    images, _ = ig.load_dataset(data, size=NETWORKS[network][1]).test[:n]
    classifier = network_of(network, images[:8])
    targets = torch.zeros(n, dtype=torch.int64)
    settings = {"stride": 4} if method == "occlusion" else {}
    before, began = resident(), time.perf_counter()

    def tell(words: str) -> None:
        taken = time.perf_counter() - began
        print(f"| {method} | {network} | {n} | {before:.0f} | {resident():.0f} | {taken:.0f} | {words} |", flush=True)

    def stop(_signal: int, _frame: object) -> None:
        tell("stopped")
        sys.exit()

    signal.signal(signal.SIGALRM, stop)
    signal.alarm(seconds)
    ig.explain(classifier, images, targets, method, **settings)
    signal.alarm(0)
    tell("finished")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--method", nargs="+", choices=METHODS, default=["integrated-gradients", "occlusion"])
    parser.add_argument("--network", nargs="+", default=["resnet18", "mobilenet_v2"])
    parser.add_argument("--images", nargs="+", type=int, default=[8, 64])
    parser.add_argument("--data", default=str(DATA))
    parser.add_argument("--seconds", type=int, default=0, help="of each call at most; else to its end")
    parser.add_argument("--one", action="store_true", help="in this process, without the heading")
    asked = parser.parse_args()
    if asked.one:
        measure(asked.method[0], asked.network[0], asked.images[0], asked.data, asked.seconds)
        return
    print("| method | network | images | MiB before | MiB at its height | s | |")
    print("| --- | --- | ---: | ---: | ---: | ---: | --- |", flush=True)
    for method in asked.method:
        for network in asked.network:
            for n in asked.images:
                words = ["--method", method, "--network", network, "--images", str(n), "--data", asked.data, "--one"]
                words += ["--seconds", str(asked.seconds)]
                subprocess.run([sys.executable, __file__, *words], check=True)


if __name__ == "__main__":
    main()
