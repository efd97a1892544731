"""Several people paint at once, with marked pictures: nobody sees anything of another's. The long run is in bench/."""

import importlib.util
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

import ironglass as ig
from ironglass.studio.server import Server

BENCH = Path(__file__).parents[2] / "bench" / "studio_sessions.py"


@pytest.fixture(scope="module")
def bench() -> ModuleType:
    spec = importlib.util.spec_from_file_location("studio_sessions", BENCH)
    assert spec is not None
    assert spec.loader is not None
    module = sys.modules["studio_sessions"] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def played(bench: ModuleType, server: Server, place: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Plays with pauses shorter than people's."""
    monkeypatch.setattr(bench, "PAINTS", (0.1, 0.4))
    monkeypatch.setattr(bench, "LOOKS", (0.05, 0.3))
    classifier = ig.load_classifier(str(place / "first"))
    return lambda people, seconds: bench.simulate(server.address, classifier, people, seconds)


def test_nobody_sees_anothers_picture_map_or_name(played: Any, server: Server) -> None:
    seen = played(8, 15)
    assert seen.errors == []
    assert len(seen.taken) > 100
    assert seen.strokes > 40
    assert len(seen.names) > 12
    assert seen.refusals > 2
    assert len(server.studio.sessions) == 0


@pytest.mark.parametrize("mixed", ["picture", "map", "name"])
def test_the_bench_would_notice(played: Any, server: Server, monkeypatch: pytest.MonkeyPatch, mixed: str) -> None:
    """A studio that mixes up two pages is seen to do so."""
    sessions, view, before = server.studio.sessions, server.studio.answers.view, []
    if mixed == "picture":
        everybody = []
        keep, picture = sessions.keep, sessions.picture
        monkeypatch.setattr(sessions, "keep", lambda *given: everybody.append(given[1]) or keep(*given))
        monkeypatch.setattr(
            sessions, "picture", lambda *given: everybody[-1] if len(everybody) > 4 else picture(*given)
        )
    elif mixed == "map":

        def swapped(given: Any, check: Any) -> Any:
            before.append(view(given, check))
            return {**before[-1], "maps": before[max(0, len(before) - 2)]["maps"]}

        monkeypatch.setattr(server.studio.answers, "view", swapped)
    else:
        monkeypatch.setattr(
            sessions,
            "picture",
            lambda _, name: (
                next(page.pictures[name] for page in sessions._pages.values() if name in page.pictures) / 255
            ),
        )
    assert any(played(6, 5).errors for _ in range(6))  # on a busy machine nobody may have asked for much yet
