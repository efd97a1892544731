"""Reading back what a step has kept, which a disk may have spoilt since."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
from safetensors import SafetensorError

from ironglass.errors import InputError, brief


@contextmanager
def stored(path: Path) -> Iterator[None]:
    """While entered, what the reader of the file says of it becomes an InputError that names the file."""
    try:
        yield
    except (SafetensorError, pa.ArrowException, OSError, KeyError, RuntimeError, ValueError) as error:
        if isinstance(error, InputError):
            raise
        raise InputError(f"{path} cannot be read ({brief(str(error))}): delete it and add --resume") from error


def read_table(path: Path, columns: Sequence[str] | None = None) -> pa.Table:
    """A Parquet file of the run. Raises InputError where it cannot be read, or lacks a column."""
    with stored(path):
        table = pq.read_table(path, columns=None if columns is None else list(columns))
        if missing := [name for name in columns or () if name not in table.column_names]:
            raise KeyError(f"it has no column {missing[0]!r}")
        return table
