"""A block of a network computed as one step."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn

from ironglass.engine.folding.call_trace import Trace
from ironglass.engine.folding.fold_plan import has_hooks, hooked
from ironglass.engine.kernels.convnext_block import (
    BlockWeights,
    convnext_block,
    convnext_block_is_faster,
    is_convnext_block,
    weights_of_block,
)


def is_free(block: nn.Module) -> bool:
    """Returns whether the block can be replaced, as can every part of it."""
    return is_convnext_block(block) and not any(map(hooked, block.modules()))


class FusedBlock:
    """Forward pass of a ConvNeXt block as one step; its own where the maps are small, or where a part of it was given a
    hook, for which the part must run. The weights are those of the first call.

    trace: returns the trace of the pass at hand, if any.
    """

    def __init__(self, block: nn.Module, trace: Callable[[], Trace | None]) -> None:
        self._block, self._trace = block, trace
        self._parts, self._original = tuple(block.modules())[1:], block.forward
        self._weights: BlockWeights | None = None

    def __call__(self, x: Tensor) -> Tensor:
        """The block's output for its input."""
        if not convnext_block_is_faster(x) or any(map(has_hooks, self._parts)):
            return self._original(x)  # type: ignore[no-any-return]
        if self._weights is None:
            with torch.inference_mode(False), torch.no_grad():
                self._weights = weights_of_block(self._block)
        trace = self._trace()
        if trace is None or trace.muted:
            return convnext_block(x, self._weights)
        out = trace.untraced(self._fused, x)  # one call, whatever the block's own code
        trace.record(self._block, (x,), None, out)
        return out

    def _fused(self, x: Tensor) -> Tensor:
        assert self._weights is not None
        return convnext_block(x, self._weights)
