"""What every test may ask for."""

import os
from pathlib import Path

import pytest

os.environ["HF_HUB_OFFLINE"] = "1"  # no test may reach the network; read when the hub's library is imported

SHARED = Path(os.environ.get("IRONGLASS_TEST_DATA", Path(__file__).parents[2] / "shared" / "data"))


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Files with slow tests first, so that no worker is left alone with one of them at the end."""
    slow = {item.path for item in items if item.get_closest_marker("slow")}
    items.sort(key=lambda item: item.path not in slow)


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder of real images; the test is skipped, by name, where it is absent."""
    if not SHARED.is_dir():
        pytest.skip(f"real images are not at {SHARED}; set IRONGLASS_TEST_DATA")
    return SHARED


@pytest.fixture(autouse=True)
def own_cache(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    """Keeps the decoded-pixel cache of the tests apart from the user's, and shared between tests."""
    monkeypatch.setenv("IRONGLASS_CACHE", str(tmp_path_factory.getbasetemp() / "cache"))
