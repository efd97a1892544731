"""Our attacks against every peer's: same network, images, budget and threads, in turn, in one process.

    make bench
    .venv-bench/bin/python bench/attacks.py [--job NAME ...] [--model NAME ...] [--images N] [--eps 8/255] [--quick]

Prints Markdown. A round lets every contender run once, and each round begins with the next one: A B C D, B C D A, ...;
times are medians over the rounds. Before them each runs once untimed, where its floating-point operations are counted;
one that takes over SLOW times as long as the fastest in the first round sits out the others.
What is fooled is decided by a fresh, plain forward pass over what was given back, clipped to nothing. The fastest peer
is what we are set against, also where it is weaker than we are; the notes say which contender is weaker than which.
Run it on a machine that does nothing else. Models are trained on the first call (bench/models.py).
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import warnings
from collections.abc import Callable, Iterator
from contextlib import redirect_stdout
from dataclasses import asdict
from functools import partial
from pathlib import Path

import numpy as np
import torch
from contest import Contender, Operations, contest
from jobs import EPS, JOBS, SEVERAL, Attack, Case, Job, Plain
from loop import matmul_rate
from peers import PEERS
from table import Row, heading, table
from threadpoolctl import threadpool_limits
from torch import Tensor

import ironglass as ig
from ironglass.attacks import FGSM
from models import CACHE, DATA, MODELS, model, spread

LAYOUTS = {"contiguous": torch.contiguous_format, "channels-last": torch.channels_last}


def contenders_of(name: str, case: Case, peers: list[str] | None) -> dict[str, Callable[[], Attack]]:
    """How each contender of a job is built, ours first."""
    chosen = [peer for peer in PEERS[name] if not peers or peer.partition(",")[0] in peers]
    builders = {"ironglass": JOBS[name].ours} | {peer: PEERS[name][peer] for peer in chosen}
    return {who: partial(build, case) for who, build in builders.items()}


def rows(job: Job, case: Case, contenders: list[Contender], rate: float) -> Iterator[Row]:
    """What the table says of each contender."""
    clean = reads(case, case.images)
    for contender in contenders:
        row = Row(name=contender.name, error=contender.error)
        if not contender.error:
            outputs = [output.detach() for output in contender.outputs]
            row.seconds = statistics.median(contender.seconds)
            row.spread = max(contender.seconds) / min(contender.seconds)
            row.images_per_second = len(case.images) / row.seconds
            row.right = np.concatenate([reads(case, output) for output in outputs])
            row.leaves = leaves(job, case, outputs)
            if job.minimal:
                distance = torch.linalg.vector_norm((outputs[0] - case.images).flatten(1), dim=1).numpy()
                row.distance = np.where(row.right, np.inf, distance)[clean]
            if contender.flops:  # 0 where an attack runs on kernels that torch cannot count
                row.flops, row.share = contender.flops, contender.flops / row.seconds / rate
        yield row


def floor(case: Case, rate: float) -> str:
    with Operations() as operations:
        clean = reads(case, case.images).mean()
    billions, milliseconds = operations.total / 1e9, 1000 * operations.total / rate
    passes = (
        f"one forward pass {billions:.3g} GFLOP, {milliseconds:.3g} ms at a matrix product's {rate / 1e9:.3g} GFLOP/s"
    )
    return f"Clean accuracy {clean:.1%}; {passes}"


def reads(case: Case, images: Tensor) -> np.ndarray:
    """Which images are read right, by a fresh pass."""
    with torch.no_grad():
        return (case.plain(images).argmax(1) == case.labels).numpy()


def leaves(job: Job, case: Case, outputs: list[Tensor]) -> float:
    """By how much a value, at most, lies outside the ball or [0, 1]; below a millionth is rounding, and 0 here."""
    sizes = SEVERAL if len(outputs) > 1 else (1.0 if job.minimal else case.eps,)
    worst = 0.0
    for output, eps in zip(outputs, sizes, strict=True):
        change = float((output.double() - case.images.double()).abs().max()) - eps
        worst = max(worst, change, -float(output.min()), float(output.max()) - 1)
    return worst if worst > 1e-6 else 0.0


def share(text: str) -> float:
    above, _, below = text.partition("/")
    return float(above) / float(below or 1)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--job", nargs="+", choices=JOBS, default=list(JOBS), metavar="NAME", help=", ".join(JOBS))
    parser.add_argument("--model", nargs="+", choices=MODELS, metavar="NAME", help=", ".join(MODELS))
    parser.add_argument("--peer", nargs="+", metavar="NAME", help="only these, such as adv-lib art")
    parser.add_argument("--images", type=int, help="one batch; else the job's own number, 24 to 64")
    parser.add_argument("--eps", type=share, help="such as 8/255; else the model's own")
    parser.add_argument("--repeats", type=int, help="rounds; else the job's own number, 1 to 7")
    parser.add_argument("--right", action="store_true", help="attack only images that are read right unattacked")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument(
        "--layout",
        choices=LAYOUTS,
        default="contiguous",
        help="of the weights that all are given; as loaded, or faster",
    )
    parser.add_argument("--data", default=str(DATA), help="Tiny ImageNet's 20 classes")
    parser.add_argument("--cache", type=Path, default=CACHE, help="the trained models")
    parser.add_argument("--json", type=Path, metavar="FILE", help="every single time, too")
    parser.add_argument(
        "--quick", action="store_true", help="does everything run? The small CNN, 4 images read right, one round"
    )
    asked = parser.parse_args()
    warnings.filterwarnings("ignore")  # the peers' own, of what will change in NumPy and SciPy
    torch.set_num_threads(asked.threads)
    dataset = ig.load_dataset(asked.data)
    right_only = asked.right or asked.quick
    kept = []
    with threadpool_limits(asked.threads):  # NumPy's, for ART
        print(heading(asked.threads), flush=True)
        for model_name in asked.model or (["simple-cnn"] if asked.quick else MODELS):
            with redirect_stdout(sys.stderr):
                classifier = model(model_name, dataset, asked.cache)
            classifier.network.to(memory_format=LAYOUTS[asked.layout])
            # finds, once a network, what can be folded: no part of an attack, nor of its operations
            FGSM()(classifier, *spread(dataset, 2))
            for name in asked.job:
                job = JOBS[name]
                number = asked.images or (4 if asked.quick else job.images)
                images, labels = spread(dataset, number, classifier if right_only else None)
                eps = asked.eps or EPS[model_name]
                case = Case(classifier, Plain(classifier), images, labels, eps)
                rate = matmul_rate()  # anew for each table: a machine is not always as fast
                builders = contenders_of(name, case, asked.peer)
                repeats = asked.repeats or (1 if asked.quick else job.repeats)
                contenders = contest(builders, repeats, counted=job.counted)
                found = list(rows(job, case, contenders, rate))
                title = f"{job.title}, {model_name}, {len(images)} images"
                title += " that are read right" if right_only else ""
                title += f", weights {asked.layout}"
                title += "" if job.minimal or name == "fgsm-5" else f", eps {255 * eps:g}/255"
                print(table(title, floor(case, rate), found), flush=True)
                times = {contender.name: contender.seconds for contender in contenders}
                kept.append({"job": name, "model": model_name, "eps": eps, "images": len(images), "rate": rate})
                kept[-1]["contenders"] = [asdict(row) | {"times": times[row.name]} for row in found]
                if asked.json:
                    asked.json.write_text(json.dumps(kept, indent=1, default=np.ndarray.tolist))


if __name__ == "__main__":
    main()
