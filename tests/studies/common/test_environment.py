"""What a run ran on, sitting by sitting."""

import platform
import re
from pathlib import Path
from typing import Any

import pytest
import torch

from ironglass.errors import Notice
from ironglass.run import Run
from ironglass.studies.common.environment import environment, write_environment


@pytest.fixture
def run(tmp_path: Path) -> Run:
    return Run.create(tmp_path / "run", {"seed": 1})


@pytest.fixture
def now() -> dict[str, Any]:
    return environment(device=torch.device("cpu"), seed=1, fingerprint="f00d")


OTHER: dict[str, Any] = {"threads": 64, "machine": "another (2 cores, abcdef)", "device": "a GPU", "commit": "0123abc"}


@pytest.mark.parametrize("key", OTHER)
def test_another_sitting_is_said_and_kept_beside_the_first(run: Run, now: dict[str, Any], key: str) -> None:
    write_environment(run, now)
    write_environment(run, now)  # and no word where all is the same
    with pytest.warns(Notice, match=key + ".* " + re.escape(f"{now[key]}, now {OTHER[key]}")):
        write_environment(run, now | {key: OTHER[key]})
    found = run.read("environment.json")
    assert {name: found[name] for name in now} == now
    assert [sitting[key] for sitting in found["resumed"]] == [OTHER[key]]
    write_environment(run, now | {key: OTHER[key]})
    with pytest.warns(Notice, match=key):
        write_environment(run, now)
    assert [sitting[key] for sitting in run.read("environment.json")["resumed"]] == [OTHER[key], now[key]]


def test_another_version_is_named_by_its_package(run: Run, now: dict[str, Any]) -> None:
    write_environment(run, now)
    with pytest.warns(Notice, match=r"torch \S+, now 9\.9"):
        write_environment(run, now | {"versions": now["versions"] | {"torch": "9.9"}})


@pytest.mark.parametrize("content", ["[]", "{", "null", "{}", '{"versions": 3, "resumed": 7}', '{"resumed": [1]}'])
def test_a_spoilt_one_is_no_obstacle(run: Run, now: dict[str, Any], content: str) -> None:
    run.checksums.path.unlink()
    (run.path / "environment.json").write_text(content)
    write_environment(run, now)
    assert isinstance(run.read("environment.json"), dict)


def test_the_machine_is_told_apart_and_not_named(now: dict[str, Any]) -> None:
    assert platform.node() not in now["machine"]
    assert now["machine"] == environment(device=torch.device("cpu"), seed=1, fingerprint="f00d")["machine"]
