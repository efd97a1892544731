"""Random generators of the steps."""

from __future__ import annotations

import numpy as np
import torch


def generator(seed: int, number: int, name: str) -> torch.Generator:
    """Random generator seeded from (seed, batch, attack), independent of run order and process."""
    mixed = np.random.SeedSequence([seed, number, *name.encode()]).generate_state(1, np.uint64)[0]
    return torch.Generator().manual_seed(int(mixed >> np.uint64(1)))
