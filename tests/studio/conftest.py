"""A trained run on small photographs, the studio over it, and a client of its server."""

import ctypes
import gc
import http.client
import json
import os
import socket
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

import ironglass as ig
from ironglass.studio.app import Studio
from ironglass.studio.load import Opened, load_all
from ironglass.studio.server import Server

MIB = 2**20


@pytest.fixture(scope="session")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with `photos`, dark and light ones, and the runs `first` and `second` trained on them."""
    folder, random = tmp_path_factory.mktemp("studio"), np.random.default_rng(0)
    for number, name in enumerate(("dark", "light")):
        (folder / "photos" / name).mkdir(parents=True)
        for i in range(20):
            pixels = random.integers(60 * number, 60 * number + 120, (24, 24, 3), dtype=np.uint8)
            Image.fromarray(pixels).save(folder / "photos" / name / f"{i:02}.png")
    dataset = ig.load_dataset(str(folder / "photos"))
    for seed, run in enumerate(("first", "second")):
        classifier = ig.load_classifier("simple-cnn", classes=dataset.classes, size=24, channels=3, seed=seed)
        recipe = ig.Recipe(model="simple-cnn", stages=(ig.Stage(epochs=4, batch_size=8),), seed=seed)
        ig.fit(classifier, dataset, recipe, folder=folder / run, progress=False)
    return folder


@pytest.fixture(scope="session")
def opened(place: Path) -> tuple[Opened, ...]:
    """Both runs with the photographs."""
    models = [str(place / "first"), str(place / "second")]
    return load_all(models, str(place / "photos"), device="cpu", download=False)


@pytest.fixture
def studio(opened: tuple[Opened, ...]) -> Studio:
    return Studio(opened)


@pytest.fixture
def server(studio: Studio) -> Iterator[Server]:
    """The server, answering."""
    with Server(studio) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        yield server
        server.shutdown()
        thread.join()


@pytest.fixture
def ask(server: Server) -> Callable[..., tuple[int, Any, dict[str, str]]]:
    """Sends one request; gives the status, what came back (JSON as its value), and the headers."""

    def send(
        method: str, path: str, body: Any = None, *, token: str | None = None, **headers: str | None
    ) -> tuple[int, Any, dict[str, str]]:
        connection = http.client.HTTPConnection("127.0.0.1", server.server_port, timeout=30)
        host = f"127.0.0.1:{server.server_port}"
        sent: dict[str, str | None] = {"Host": host}
        if method == "POST":
            sent |= {"Origin": f"http://{host}", "Content-Type": "application/json"}
        sent |= {name.replace("_", "-"): value for name, value in headers.items()}
        given = body if isinstance(body, bytes) or body is None else json.dumps(body).encode()
        if method == "POST":
            sent.setdefault("Content-Length", str(len(given or b"")))
        connection.putrequest(method, f"/{server.token if token is None else token}/{path}", skip_host=True)
        for name, value in sent.items():
            if value is not None:
                connection.putheader(name, value)
        connection.endheaders(given)
        answer = connection.getresponse()
        read = answer.read()
        kind = answer.headers.get_content_type()
        connection.close()
        return answer.status, json.loads(read) if kind == "application/json" else read, dict(answer.headers)

    return send


@pytest.fixture
def page(browser: Any, server: Server, request: pytest.FixtureRequest) -> Iterator[Any]:
    """The page after its first answer; whatever it complained of or asked of others is an error."""
    width, scheme = getattr(request, "param", (1440, "light"))
    page = browser.new_page(viewport={"width": width, "height": 844}, color_scheme=scheme, has_touch=width < 600)
    complaints, requests = [], []
    page.on("console", lambda message: complaints.append(message.text))
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on("request", lambda asked: requests.append(asked.url))
    page.goto(server.address)
    page.wait_for_selector("#bars li")
    yield page
    page.close()
    refused = "the server responded with a status of 422"  # which a test asks for, and the page says in its own words
    assert [one for one in complaints if refused not in one] == []
    assert [url for url in requests if not url.startswith((server.address, "data:", "blob:"))] == []


def resident() -> int:
    """Bytes of this process that are in memory."""
    gc.collect()
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def keep_free_blocks(below: int) -> None:
    """Has the allocator give freed blocks back unless they are below that size, in bytes; glibc else keeps up to 64 MiB
    of them for each thread, and they are no memory that anything holds."""
    if sys.platform == "linux":
        mallopt, m_mmap_threshold = getattr(ctypes.CDLL(None), "mallopt", None), -3
        if mallopt is not None:
            mallopt(m_mmap_threshold, below)


@pytest.fixture(scope="module", autouse=True)
def own_objects_alone() -> None:
    """Leaves to the collector what a file's tests make: else each look at the memory visits all that a worker holds,
    which took most of the time of 300 requests."""
    gc.collect()
    gc.freeze()


@pytest.fixture
def unharmed(server: Server, ask: Callable[..., Any]) -> Iterator[None]:
    """After the test the server answers, and threads, files, connections and memory are what they were."""
    ask("POST", "ask/begin", {})
    if not Path("/proc/self/fd").is_dir():
        pytest.skip("needs /proc")

    def held() -> tuple[int, ...]:
        files = len([*Path("/proc/self/fd").iterdir()])
        return threading.active_count(), files, len(server.connections), server.room.reserved, len(server.studio.worker)

    def settled() -> tuple[int, ...]:
        deadline = time.monotonic() + 10
        while held()[2] and time.monotonic() < deadline:
            time.sleep(0.01)
        return held()

    keep_free_blocks(MIB)
    before, memory = settled(), resident()
    yield
    settled()
    status, said, _ = ask("POST", "ask/begin", {})
    assert (status, "page" in said) == (200, True)
    assert settled() == before
    assert resident() - memory < 128 * MIB
    keep_free_blocks(32 * MIB)


@pytest.fixture
def send(server: Server) -> Callable[[bytes], tuple[int, dict[str, Any]]]:
    """Sends bytes as they are, with HOST and TOKEN in their places; gives status and JSON of the first answer."""

    def send(content: bytes) -> tuple[int, dict[str, Any]]:
        content = content.replace(b"HOST", b"127.0.0.1:%d" % server.server_port)
        content = content.replace(b"TOKEN", server.token.encode())
        with socket.create_connection(("127.0.0.1", server.server_port), timeout=30) as client:
            client.sendall(content)
            client.shutdown(socket.SHUT_WR)
            answer = http.client.HTTPResponse(client)
            answer.begin()
            return answer.status, json.loads(answer.read())

    return send
