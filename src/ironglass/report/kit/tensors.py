"""The arrays of a run folder's safetensors files."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from safetensors import SafetensorError
from safetensors.numpy import load_file  # pyright: ignore[reportUnknownVariableType]

from ironglass.errors import InputError

Array = np.ndarray[Any, Any]


def read_tensors(path: Path, mend: str = "delete it and run again with --resume") -> dict[str, Array]:
    """The file's arrays by name. Raises InputError, with how to `mend` it, where it cannot be read."""
    try:
        return load_file(path)
    except (SafetensorError, OSError) as error:
        raise InputError(f"{path} cannot be read ({error}); {mend}") from error
