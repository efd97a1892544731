"""Columns made from memory, against pyarrow's own."""

import numpy as np
import pyarrow as pa
import pytest

from ironglass.measure.arrow_arrays import arrow_array

FLAGS = np.arange(19) % 3 == 0
NAMES = np.array([f"Käse {number}" if number % 4 else "" for number in range(19)])


@pytest.mark.parametrize(
    "values",
    [FLAGS, ~FLAGS[:8], NAMES, np.arange(5), np.linspace(0, 1, 7), np.linspace(0, 1, 7, dtype=np.float32),
     np.arange(20)[::2], FLAGS[:0], NAMES[:0]],
)  # fmt: skip
def test_a_column_is_that_of_pyarrow(values: np.ndarray) -> None:
    column = arrow_array(values)
    column.validate(full=True)
    assert column.equals(pa.array(values))
    assert column.type == pa.array(values).type


def test_rows_are_lists_and_absent_text_is_null() -> None:
    rows = np.arange(12.0).reshape(4, 3)
    assert arrow_array(rows).equals(pa.array(rows.tolist()))
    assert arrow_array(NAMES.reshape(-1, 1)).equals(pa.array([[name] for name in NAMES]))
    for absent in (FLAGS, np.zeros(19, dtype=bool)):
        column = arrow_array(NAMES, absent)
        column.validate(full=True)
        assert column.equals(pa.array(NAMES, mask=absent))
        assert column.null_count == absent.sum()
