"""One step of the optimiser on one batch, or none where the loss is no finite number."""

from __future__ import annotations

from torch import nn

from ironglass.train.loop.state import State
from ironglass.train.loop.step import accumulate_in_memory
from ironglass.train.objective import Objective
from ironglass.train.position import Position
from ironglass.types import Images, Labels


def descend(
    model: nn.Module, state: State, at: Position, objective: Objective, images: Images, labels: Labels, seed: int
) -> bool:
    """Takes one optimiser step; returns False, with the network unchanged, where the loss is not finite.

    model: the state's model, or its trained tail.
    at: position, which counts the step as taken or skipped.
    """
    state.buffers.note()
    (*sums, finite), at.micro_batch = accumulate_in_memory(
        model,
        objective,
        images,
        labels,
        micro_batch=at.micro_batch,
        seed=seed,
        buffers=state.buffers,
        accelerator=state.accelerator,
        aux_weight=state.recipe.stages[at.stage].aux_weight,
    )
    if finite < 1:
        state.buffers.restore()
        at.skipped, at.skipped_in_all, at.streak = at.skipped + 1, at.skipped_in_all + 1, at.streak + 1
        return False
    state.descend(at.lr, at.steps)
    at.sums = [before + new for before, new in zip(at.sums, sums, strict=True)]
    at.steps, at.streak = at.steps + 1, 0
    return True
