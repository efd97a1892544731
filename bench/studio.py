"""How long an answer of the studio takes while somebody paints.

    .venv/bin/python bench/studio.py [--model simple-cnn] [--size 64] [--strokes 200] [--attack pgd-20]

A model with fresh weights, a brush stroke that grows point by point, Grad-CAM of every layer; over HTTP on 127.0.0.1,
one request after another, as the page asks. Prints median and 95th percentile, and the machine's load:
a busy machine measures its other work, too. The page's own drawing is not in it.
"""

from __future__ import annotations

import argparse
import http.client
import json
import os
import tempfile
import threading
import time
from pathlib import Path

import numpy as np

import ironglass as ig
from ironglass.studio.app import Studio
from ironglass.studio.load import load
from ironglass.studio.server import Server


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", default="simple-cnn")
    parser.add_argument("--size", type=int, default=64)
    parser.add_argument("--strokes", type=int, default=200)
    parser.add_argument("--attack", default="")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        run = Path(folder) / "run"
        classes = tuple(f"class {i}" for i in range(10))
        ig.save_classifier(ig.load_classifier(given.model, classes=classes, size=given.size, channels=3), run)
        taken = sorted(measured(Studio([load(str(run))]), given.strokes, given.attack))
    median, high = taken[len(taken) // 2], taken[int(0.95 * (len(taken) - 1))]
    what = f"{given.model} at {given.size} px, attack {given.attack or 'none'}, {len(taken)} strokes"
    print(f"{what}: median {median:.0f} ms, p95 {high:.0f} ms")
    print(f"load {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores")


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
