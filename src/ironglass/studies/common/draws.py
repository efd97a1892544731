"""Random generators of the steps."""

from __future__ import annotations

import numpy as np
import torch


def generator(seed: int, number: int, name: str) -> torch.Generator:
    """What an attack draws from on one batch: the same whatever ran before, in whichever process."""
    mixed = np.random.SeedSequence([seed, number, *name.encode()]).generate_state(1, np.uint64)[0]
    return torch.Generator().manual_seed(int(mixed >> np.uint64(1)))
