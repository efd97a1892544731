"""This tree against another commit: same networks, images and settings, in turn, in one process.

    .venv/bin/python bench/versions.py COMMIT [--job NAME ...] [--rounds N] [--threads N]

The other commit's package is checked out beside this one under another name, so that both are loaded at once. Prints
Markdown: medians of processor time over the rounds, the ratio of each round's two times (median, quartiles), and that
of the two fastest, which a neighbour on the machine disturbs least. Networks have random weights (seed 0) and random
images: speed alone is measured here.
"""

from __future__ import annotations

import argparse
import importlib
import io
import statistics
import subprocess
import sys
import tarfile
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import timm
import torch

from ironglass.models.zoo.simple_cnn import simple_cnn

ROOT = Path(__file__).resolve().parent.parent
OTHER = "ironglass_other"

NETWORKS = {
    "resnet18": lambda: timm.create_model("resnet18", num_classes=20),
    "mobilenetv2": lambda: timm.create_model("mobilenetv2_100", num_classes=20),
    "simple-cnn": lambda: simple_cnn(classes=20),
    "vit-tiny": lambda: timm.create_model("vit_tiny_patch16_224", num_classes=20),
}


def attacked(name: str, **settings: Any) -> Callable[..., Any]:
    return lambda ig, classifier, images, labels: ig.attack(classifier, images, labels, name, seed=0, **settings)


def called(module: str, name: str, **settings: Any) -> Callable[..., Any]:
    """The attack alone, without the judging around it."""

    def call(ig: Any, classifier: Any, images: torch.Tensor, labels: torch.Tensor) -> Any:
        attacks = importlib.import_module(f"{ig.__name__}.attacks")
        threat = attacks.Linf(1 / 255)
        return getattr(attacks, name)(threat=threat, **settings)(classifier, images, labels)

    return call


def explained(name: str) -> Callable[..., Any]:
    return lambda ig, classifier, images, labels: ig.explain(classifier, images, labels, name)


JOBS: dict[str, tuple[str, int, int, Callable[..., Any]]] = {
    "pgd-20, resnet18 64 px, 64": ("resnet18", 64, 64, called("attacks", "PGD", steps=20)),
    "pgd-20, resnet18 64 px, 4": ("resnet18", 64, 4, called("attacks", "PGD", steps=20)),
    "pgd-20, mobilenetv2 64 px, 64": ("mobilenetv2", 64, 64, called("attacks", "PGD", steps=20)),
    "pgd-20, mobilenetv2 64 px, 4": ("mobilenetv2", 64, 4, called("attacks", "PGD", steps=20)),
    "pgd-20, simple-cnn 64 px, 64": ("simple-cnn", 64, 64, called("attacks", "PGD", steps=20)),
    "pgd-20 judged, resnet18 64 px, 64": ("resnet18", 64, 64, attacked("pgd-20", eps=1 / 255)),
    "saliency, resnet18 224 px, 32": ("resnet18", 224, 32, explained("saliency")),
    "saliency, mobilenetv2 224 px, 32": ("mobilenetv2", 224, 32, explained("saliency")),
    "guided-backprop, resnet18 224 px, 8": ("resnet18", 224, 8, explained("guided-backprop")),
    "grad-cam, resnet18 224 px, 1": ("resnet18", 224, 1, explained("grad-cam")),
    "grad-cam, mobilenetv2 224 px, 1": ("mobilenetv2", 224, 1, explained("grad-cam")),
    "grad-cam, resnet18 224 px, 32": ("resnet18", 224, 32, explained("grad-cam")),
    "grad-cam, mobilenetv2 224 px, 32": ("mobilenetv2", 224, 32, explained("grad-cam")),
    "occlusion, mobilenetv2 224 px, 1": ("mobilenetv2", 224, 1, explained("occlusion")),
    "saliency, vit-tiny 224 px, 4": ("vit-tiny", 224, 4, explained("saliency")),
}


@contextmanager
def other_package(commit: str) -> Iterator[Any]:
    """The package as it was at the commit, under a name of its own."""
    archive = subprocess.run(
        ["git", "-C", str(ROOT), "archive", commit, "src/ironglass"], check=True, capture_output=True
    ).stdout
    with tempfile.TemporaryDirectory() as folder:
        with tarfile.open(fileobj=io.BytesIO(archive)) as tar:
            tar.extractall(folder, filter="data")
        package = Path(folder, "src/ironglass").rename(Path(folder, OTHER))
        for file in package.rglob("*.py"):
            text = file.read_text(encoding="utf-8")
            file.write_text(text.replace("ironglass.", f"{OTHER}.").replace("import ironglass", f"import {OTHER}"))
        for file in package.rglob("*.py"):
            text = file.read_text(encoding="utf-8")
            file.write_text(text.replace("from ironglass import", f"from {OTHER} import"))
        sys.path.insert(0, folder)
        yield importlib.import_module(OTHER)


def classifier_of(ig: Any, network: torch.nn.Module, size: int) -> Any:
    names = [str(number) for number in range(20)]
    return ig.Classifier(network.eval(), mean=(0.5,) * 3, std=(0.25,) * 3, classes=names, input_size=size)


def timed(call: Callable[[], Any]) -> float:
    began = time.process_time()
    call()
    return time.process_time() - began


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("commit")
    parser.add_argument("--job", nargs="+", choices=JOBS, default=list(JOBS), metavar="NAME")
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--threads", type=int, default=1)
    given = parser.parse_args()
    torch.set_num_threads(given.threads)
    mine = importlib.import_module("ironglass")
    columns = "then, s | now, s | now ÷ then (quartiles) | fastest ÷ fastest"
    print(f"| {given.threads} thread(s), torch {torch.__version__} | {columns} |")
    print("| --- | --: | --: | --: | --: |")
    with other_package(given.commit) as theirs:
        for name in given.job:
            network, size, n, call = JOBS[name]
            torch.manual_seed(0)
            images, labels = torch.rand(n, 3, size, size), torch.arange(n) % 20
            runs = []
            for ig in (theirs, mine):
                torch.manual_seed(0)
                classifier = classifier_of(ig, NETWORKS[network](), size)
                runs.append(partial(call, ig, classifier, images, labels))
            for run in runs * 3:
                run()
            times = [
                [timed(run) for run in (runs if number % 2 else runs[::-1])][:: 1 if number % 2 else -1]
                for number in range(given.rounds)
            ]
            then, now = (statistics.median(column) for column in zip(*times, strict=True))
            low, ratio, high = statistics.quantiles([new / old for old, new in times], n=4)
            best = min(new for _, new in times) / min(old for old, _ in times)
            row = f"{then:.4f} | {now:.4f} | {ratio:.3f} ({low:.3f} to {high:.3f}) | {best:.3f}"
            print(f"| {name} | {row} |", flush=True)


if __name__ == "__main__":
    main()
