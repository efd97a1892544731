"""What a painted stroke takes through Gradio: the other way to build the studio (docs/architecture.md).

    python -m venv build/gradio && build/gradio/bin/pip install "gradio>=6"
    ls -d $PWD/.venv/lib/python3*/site-packages $PWD/src > build/gradio/lib/python3.11/site-packages/ironglass.pth
    build/gradio/bin/python bench/studio_gradio.py serve 7861 &
    build/gradio/bin/python bench/studio_gradio.py measure 7861

`serve` shows an ImageEditor, probabilities and the last layer's Grad-CAM of a simple CNN of 64 px. `measure` does what
Gradio's own page does for a stroke: it uploads background, layer and composite, joins the queue, waits for the event,
and fetches the map.
"""

from __future__ import annotations

import http.client
import io
import json
import sys
import time
import uuid
from typing import Any

import numpy as np
from PIL import Image

SIZE, STROKES = 64, 200
PIXELS = np.random.default_rng(0).integers(0, 255, (SIZE, SIZE, 3), dtype=np.uint8)


def serve(port: int) -> None:
    started = time.perf_counter()
    import gradio as gr

    imported = time.perf_counter() - started
    import torch

    import ironglass as ig

    classifier = ig.load_classifier("simple-cnn", classes=[f"class {i}" for i in range(10)], size=SIZE, channels=3)

    def predict(value: dict[str, Any]) -> tuple[dict[str, float], np.ndarray]:
        images = (
            torch.from_numpy(np.ascontiguousarray(value["composite"][..., :3])).permute(2, 0, 1)[None].float() / 255
        )
        pair = torch.cat([images, images])
        with torch.no_grad():
            shares = classifier(pair).softmax(1)[1].tolist()
        maps = ig.explain(classifier, pair, torch.tensor([0, 0]), "grad-cam")
        last = list(dict(maps).values())[-1][1, 0].detach().numpy()
        heat = (255 * last / max(float(last.max()), 1e-9)).astype(np.uint8)
        return dict(zip(classifier.classes, shares, strict=True)), np.repeat(heat[..., None], 3, 2)

    with gr.Blocks() as page:
        editor = gr.ImageEditor(value=PIXELS, type="numpy", canvas_size=(SIZE, SIZE))
        outputs = [gr.Label(), gr.Image()]
        editor.change(predict, editor, outputs, api_name="predict", trigger_mode="always_last")
    page.queue(default_concurrency_limit=1, max_size=64)
    page.launch(server_port=port, quiet=True, prevent_thread_lock=True)
    print(f"gradio {gr.__version__}: imported in {imported:.1f} s, serves after {time.perf_counter() - started:.1f} s")
    page.block_thread()


def measure(port: int) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", port)
    config = json.loads(call(connection, "GET", "/config"))
    function = next(one["id"] for one in config["dependencies"] if one["api_name"] == "predict")
    taken = []
    for number in range(STROKES + 10):
        painted, layer = PIXELS.copy(), np.zeros((SIZE, SIZE, 4), np.uint8)
        painted[10 : 11 + number % 9, 10 : 12 + number % 50] = 128
        layer[10 : 11 + number % 9, 10 : 12 + number % 50] = 255
        files = [png(PIXELS), png(layer), png(painted)]
        started = time.perf_counter()
        stroke(connection, function, files)
        taken.append(1000 * (time.perf_counter() - started))
    taken = sorted(taken[10:])
    print(f"{STROKES} strokes: median {taken[STROKES // 2]:.0f} ms, p95 {taken[int(0.95 * (STROKES - 1))]:.0f} ms")


def stroke(connection: http.client.HTTPConnection, function: int, files: list[bytes]) -> None:
    edge = uuid.uuid4().hex
    head = (
        f'--{edge}\r\nContent-Disposition: form-data; name="files"; filename="a.png"\r\nContent-Type: image/png\r\n\r\n'
    )
    body = b"".join(head.encode() + one + b"\r\n" for one in files) + f"--{edge}--\r\n".encode()
    paths = json.loads(call(connection, "POST", "/gradio_api/upload", body, f"multipart/form-data; boundary={edge}"))
    back, layer, composite = ({"path": path, "meta": {"_type": "gradio.FileData"}} for path in paths)
    given = {"data": [{"background": back, "layers": [layer], "composite": composite}], "fn_index": function}
    session = uuid.uuid4().hex
    call(connection, "POST", "/gradio_api/queue/join", json.dumps({**given, "session_hash": session}).encode())
    connection.request("GET", f"/gradio_api/queue/data?session_hash={session}")
    events = connection.getresponse()
    while True:
        line = events.readline()
        assert line, "the queue ended without an answer"
        if line.startswith(b"data:") and (event := json.loads(line[5:]))["msg"] == "process_completed":
            break
    connection.close()
    assert event["success"], event
    call(connection, "GET", "/gradio_api/file=" + event["output"]["data"][1]["path"])


def call(
    connection: http.client.HTTPConnection, method: str, path: str, body: bytes = b"", kind: str = "application/json"
) -> bytes:
    connection.request(method, path, body or None, {"Content-Type": kind} if body else {})
    answer = connection.getresponse()
    read = answer.read()
    assert answer.status == 200, (path, answer.status, read[:200])
    return read


def png(pixels: np.ndarray) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "PNG")
    return buffer.getvalue()


if __name__ == "__main__":
    {"serve": serve, "measure": measure}[sys.argv[1]](int(sys.argv[2]))
