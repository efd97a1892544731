"""One step of the optimiser on one batch, or none where the loss is no finite number."""

from __future__ import annotations

from torch import nn

from ironglass.train.loop.state import State
from ironglass.train.loop.step import accumulate_in_memory
from ironglass.train.objective import Objective
from ironglass.train.position import Position
from ironglass.types import Images, Labels


def descend(
    model: nn.Module, state: State, position: Position, objective: Objective, images: Images, labels: Labels, seed: int
) -> bool:
    """Takes one optimiser step; returns False, with the network unchanged, where the loss is not finite.

    model: the state's model, or its trained tail.
    position: counts the step as taken or skipped.
    """
    state.buffers.note()
    (*sums, finite), position.micro_batch = accumulate_in_memory(
        model,
        objective,
        images,
        labels,
        micro_batch=position.micro_batch,
        seed=seed,
        buffers=state.buffers,
        accelerator=state.accelerator,
        aux_weight=state.recipe.stages[position.stage].aux_weight,
    )
    if finite < 1:
        state.buffers.restore()
        position.skipped, position.skipped_in_all, position.streak = (
            position.skipped + 1,
            position.skipped_in_all + 1,
            position.streak + 1,
        )
        return False
    state.descend(position.lr, position.steps)
    position.sums = [old + new for old, new in zip(position.sums, sums, strict=True)]
    position.steps, position.streak = position.steps + 1, 0
    return True
