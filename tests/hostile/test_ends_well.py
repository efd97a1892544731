"""The helper finds what it is there to find."""

import os
import sys
import time
import warnings

import pytest

from ironglass.errors import InputError


def refuse():
    raise InputError("the file is cut short")


def fail():
    raise KeyError("x")


def allocate():
    return len(bytearray(8 * 2**30))


def warn():
    warnings.warn("by a library", UserWarning, stacklevel=1)


def test_results_and_refusals_come_back(ends_well):
    assert ends_well(lambda: [1, 2]).value == [1, 2]
    assert ends_well(refuse).refused == "the file is cut short"
    assert ends_well(lambda: sys.exit(3)).status == 3
    assert ends_well(lambda: print("hello", file=sys.stderr)).output == "hello\n"


@pytest.mark.parametrize(
    ("work", "says"),
    [
        (fail, "KeyError"),
        (allocate, "MemoryError"),
        (warn, "by a library"),
        (lambda: os.kill(os.getpid(), 9), "died"),
        (lambda: time.sleep(9), "hangs"),
        (lambda: os.open(os.environ["PIPE"], os.O_RDONLY), "hangs"),
    ],
)
def test_what_does_not_end_well_fails(ends_well, tmp_path, monkeypatch, work, says):
    os.mkfifo(tmp_path / "pipe")
    monkeypatch.setenv("PIPE", str(tmp_path / "pipe"))
    with pytest.raises(AssertionError, match=says):
        ends_well(work, seconds=0.5)


def test_what_is_left_behind_fails(ends_well, tmp_path):
    with pytest.raises(AssertionError, match="left behind"):
        ends_well((tmp_path / "x").touch, left=[tmp_path])
    assert ends_well((tmp_path / "x").touch, left=[tmp_path]).refused is None
