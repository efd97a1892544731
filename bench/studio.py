"""How long an answer of the studio takes while somebody paints.

    .venv/bin/python bench/studio.py [--model simple-cnn] [--size 64] [--strokes 200] [--attack pgd-20]
    .venv/bin/python bench/studio.py --sessions 50 --minutes 10 [--model simple-cnn] [--size 64]

A model with fresh weights, a brush stroke that grows point by point, Grad-CAM of every layer; over HTTP on 127.0.0.1,
one request after another, as the page asks. Prints median and 95th percentile, and the machine's load:
a busy machine measures its other work, too. The page's own drawing is not in it.

With --sessions: so many people at once (`bench/studio_sessions.py`), at the verb `ironglass studio` in a process of its
own, whose memory is read every five seconds. Exit status 1 where anything was wrong, p95 is over 2 s, or memory after
the first tenth of the time is not flat within 10 %.
"""

from __future__ import annotations

import argparse
import http.client
import json
import os
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

import numpy as np
from studio_sessions import simulate

import ironglass as ig
from ironglass.models.classifier import Classifier
from ironglass.studio.app import Studio
from ironglass.studio.load import load
from ironglass.studio.server import Server

QUANTILES = {"median": 0.5, "p95": 0.95, "p99": 0.99}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", default="simple-cnn")
    parser.add_argument("--size", type=int, default=64)
    parser.add_argument("--strokes", type=int, default=200)
    parser.add_argument("--attack", default="")
    parser.add_argument("--sessions", type=int, default=0)
    parser.add_argument("--minutes", type=float, default=10)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        run = Path(folder) / "run"
        classes = tuple(f"class {i}" for i in range(10))
        classifier = ig.load_classifier(given.model, classes=classes, size=given.size, channels=3)
        ig.save_classifier(classifier, run)
        if given.sessions:
            sys.exit(at_once(run, classifier, given.sessions, given.minutes))
        taken = sorted(measured(Studio([load(str(run))]), given.strokes, given.attack))
    what = f"{given.model} at {given.size} px, attack {given.attack or 'none'}, {len(taken)} strokes"
    print(f"{what}: median {quantile(taken, 0.5):.0f} ms, p95 {quantile(taken, 0.95):.0f} ms")
    print(load_of_the_machine())


def at_once(run: Path, classifier: Classifier, people: int, minutes: float) -> int:
    """Lets so many people play; prints what they saw, and gives 1 where the promise is missed."""
    line = [sys.executable, "-m", "ironglass", "studio", str(run), "--no-browser"]
    with subprocess.Popen(line, stdout=subprocess.PIPE, text=True) as server:
        assert server.stdout is not None
        address = server.stdout.readline().strip().partition(": ")[2]
        memory, ended = [], threading.Event()

        def watch() -> None:
            while not ended.wait(5):
                memory.append(resident(server.pid))

        threading.Thread(target=watch, daemon=True).start()
        seen = simulate(address, classifier, people, 60 * minutes)
        ended.set()
        server.terminate()  # a bench that a shell has started in the background ignores Ctrl-C, and so does its server
    if not seen.taken:
        print(*seen.errors[:20], sep="\n")
        return 1
    taken, settled = sorted(seen.taken), memory[len(memory) // 10 :]
    spread = max(settled) / min(settled) - 1
    print(f"{people} people, {minutes:g} minutes: {seen.strokes} strokes, {len(taken)} answers while painting")
    print(
        f"{len(taken) / minutes / 60:.0f} answers/s; {len(seen.names)} pictures put in, {seen.pages} pages opened, ",
        end="",
    )
    print(f"{seen.refusals} asked for another's picture and were refused")
    figures = ", ".join(f"{name} {1000 * quantile(taken, q):.0f} ms" for name, q in QUANTILES.items())
    print(f"{figures}, largest {1000 * taken[-1]:.0f} ms")
    print(f"memory after the first tenth {min(settled)} to {max(settled)} MB: within {100 * spread:.1f} %")
    print(f"{len(seen.errors)} errors", *seen.errors[:20], sep="\n  ")
    print(load_of_the_machine())
    return int(bool(seen.errors) or quantile(taken, 0.95) > 2 or spread > 0.1)


def resident(process: int) -> int:
    """Megabytes of a process that are in memory."""
    return int(Path(f"/proc/{process}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") // 2**20


def quantile(ordered: list[float], share: float) -> float:
    return ordered[int(share * (len(ordered) - 1))]


def load_of_the_machine() -> str:
    return f"load {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores"


def measured(studio: Studio, strokes: int, attack: str) -> list[float]:
    """Milliseconds of each answer, but for the first five, in which kernels are chosen."""
    page = studio.answer("begin", {})["page"]
    size = studio.opened[0].classifier.input_size[0]
    pixels = np.random.default_rng(0).integers(0, 255, (size, size, 3), dtype=np.uint8)
    given = {"page": page, "upload": studio.put_in(page, png(pixels))["upload"], "method": "grad-cam"}
    given |= {"attack": attack, "steps": 8}
    taken = []
    with Server(studio) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        host = f"127.0.0.1:{server.server_port}"
        headers = {"Content-Type": "application/json", "Origin": f"http://{host}"}
        for number in range(strokes + 5):
            angles = np.arange(1 + number % 60) / 9
            points = (size * (0.5 + 0.3 * np.stack([np.cos(angles), np.sin(angles)], 1))).round(2).tolist()
            stroke = {"kind": "brush", "fill": "grey", "radius": size / 16, "points": points}
            body = json.dumps({**given, "number": number, "strokes": [stroke]})
            started = time.perf_counter()
            connection = http.client.HTTPConnection(host)
            connection.request("POST", f"/{server.token}/ask/view", body, headers)
            seen = json.loads(connection.getresponse().read())
            taken.append(1000 * (time.perf_counter() - started))
            connection.close()
            assert seen["maps"], seen
        server.shutdown()
    return taken[5:]


def png(pixels: np.ndarray) -> bytes:
    import io

    from PIL import Image

    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "PNG")
    return buffer.getvalue()


if __name__ == "__main__":
    main()
