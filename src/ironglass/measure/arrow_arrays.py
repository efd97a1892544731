"""Columns of tables, made from their memory: pyarrow's own way from numpy imports pandas, a sixth of a second."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pyarrow as pa


def arrow_array(values: np.ndarray, absent: np.ndarray | None = None) -> pa.Array:
    """The array that `pyarrow.array` makes of numbers, truth values or text (n,), or of rows (n, m) as lists.

    absent: bool (n,), cells of text that are null.
    """
    if values.ndim == 2:
        offsets = np.arange(len(values) + 1, dtype=np.int32) * values.shape[1]
        return pa.ListArray.from_arrays(arrow_array(offsets), arrow_array(values.ravel()))
    if values.dtype.kind in "UO":
        return _texts(values.tolist(), absent)
    if values.dtype.kind == "b":
        return pa.Array.from_buffers(pa.bool_(), len(values), [None, _bits(values)])
    numbers = np.ascontiguousarray(values)
    return pa.Array.from_buffers(pa.from_numpy_dtype(numbers.dtype), len(numbers), [None, pa.py_buffer(numbers)])


def _texts(texts: Sequence[str], absent: np.ndarray | None) -> pa.Array:
    cells = texts if absent is None else ["" if gone else text for text, gone in zip(texts, absent, strict=True)]
    encoded = [text.encode() for text in cells]
    ends = np.concatenate([[0], np.cumsum([len(text) for text in encoded])]).astype(np.int32)
    present = None if absent is None or not absent.any() else _bits(~absent)
    buffers = [present, pa.py_buffer(ends), pa.py_buffer(b"".join(encoded))]
    return pa.Array.from_buffers(pa.string(), len(texts), buffers)


def _bits(flags: np.ndarray) -> pa.Buffer:
    return pa.py_buffer(np.packbits(flags, bitorder="little"))
