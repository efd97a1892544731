"""The cache where the disk is full."""

import re
import resource
import signal

import numpy as np

from ironglass.data.cache.store import building, write_pixels


def test_a_full_disk_is_one_line_and_leaves_nothing(tmp_path, ends_well):
    def build():
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))
        with building(tmp_path / "decoded" / "x") as folder:
            write_pixels(folder / "train.npy", (np.zeros((100, 100, 3), np.uint8) for _ in range(100)))

    said = ends_well(build).refused
    assert re.fullmatch(r"cannot write .*: File too large; set IRONGLASS_CACHE to another folder", said)
    assert list((tmp_path / "decoded").iterdir()) == []
