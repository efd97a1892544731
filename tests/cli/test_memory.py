"""Memory that runs out where nothing can be halved ends in one line."""

import sys

import pytest
import torch

from ironglass.cli.main import _status

MAIN = sys.modules[_status.__module__]


@pytest.mark.parametrize(
    "error",
    [
        MemoryError("Unable to allocate 1.46 TiB for an array with shape (9,) and data type float64"),
        torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 1.46 TiB."),
        RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried to allocate 1605284511744 bytes."),
    ],
)
def test_one_line_says_how_much(error, monkeypatch, capsys):
    def runs_out(*_: object, **__: object) -> None:
        raise error

    monkeypatch.setattr(MAIN, "_command", lambda: runs_out)
    assert _status() == 2
    said = capsys.readouterr().err
    assert said.startswith("ironglass: memory ran out (1.46 TiB were asked for); lower --size")
    assert said.count("\n") == 1


def test_a_fault_of_our_own_is_none_of_memory(monkeypatch):
    def fails(*_: object, **__: object) -> None:
        raise RuntimeError("shapes differ")

    monkeypatch.setattr(MAIN, "_command", lambda: fails)
    with pytest.raises(RuntimeError, match="shapes differ"):
        _status()
