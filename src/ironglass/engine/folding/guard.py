"""Run-time check that a changed network still gives the network's own outputs."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

from ironglass.engine.folding.call_trace import CallSequence, Trace, tensors_in
from ironglass.models.memory import is_out_of_memory

TOLERANCE = 1e-4
"""Allowed difference between the outputs of changed and unchanged network, as a share of the largest."""
MIN_PASSES = 192
"""Number of forward and backward passes of one image from which on a comparison pass of one image is cheap."""
TRACED_BATCH = 32
"""Batch size from which on tracing costs almost nothing by comparison."""
MAX_SEQUENCES = 16
"""Largest number of stored call sequences of a network."""


class Guard:
    """Replaces a changed network's forward pass, and falls back to the unchanged one where the two would differ.

    Every pass is checked for whether each folded convolution's output goes to its batch-norm. Every large pass, and of
    small ones the first two, the fourth, the sixteenth and so on, is traced, and its call sequence compared with those
    that agreed before; a new sequence is tested by passing the first and the last image through the unchanged network.
    So is one image in a call that is long enough. Where anything differs, the changes are reverted for the rest of the
    call, the pass is repeated, and `differs` is set.

    network: the unchanged network.
    sequences: call sequences that agreed so far; more are added.
    apply, revert: apply the changes to the network, and revert them.
    traces: False where the changes are exact for any call sequence.
    marked: tensors that only the changed layers may read.
    """

    def __init__(
        self,
        network: nn.Module,
        sequences: list[CallSequence],
        apply: Callable[[], None],
        revert: Callable[[], None],
    ) -> None:
        self._forward, self._sequences, self._apply, self._revert = network.forward, sequences, apply, revert
        self.traces, self.marked = True, list[Tensor]()
        self.passes = 1
        """Expected number of forward and backward passes per image in the call."""
        self.differs = False
        self.trace: Trace | None = None
        self.ran = False
        self._number, self._work, self._checked = 0, 0, False
        self._pending: dict[nn.Module, Tensor | None] = {}
        self._broken = False

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """The network's output."""
        if self.differs or kwargs or len(args) != 1 or not isinstance(args[0], Tensor):
            return self._plain(*args, **kwargs)
        images: Tensor = args[0]
        self._number, self.ran = self._number + 1, True
        # not every one of many small passes, which would slow them measurably
        traced = self.traces and (len(images) >= TRACED_BATCH or _is_traced(self._number))
        due = self._is_due(images)
        # before the changed pass, so that hooks on layers record the changed one last
        expected = self._unchanged_output(images[:1]) if due else None
        out, sequence = self._run(images, traced=traced)
        if out is None or (due and not _agree(out, expected, len(images), [0])):
            return self._plain(images)
        if sequence is not None and sequence not in self._sequences:
            rows = [0, len(images) - 1] if len(images) > 1 else [0]
            if not due and not _agree(out, self._unchanged_output(images[rows]), len(images), rows):
                return self._plain(images)
            self._sequences[:] = [*self._sequences[1 - MAX_SEQUENCES :], sequence]
            self._checked = True
            again = None if due else self._run(images, traced=False)[0]
            return out if again is None else again
        return out

    def restart(self) -> None:
        """Starts again after the changes were altered: the next pass counts as the first."""
        self._number = 0
        if not self.differs:
            self._apply()

    def record_convolution(self, conv: nn.Module, norm: nn.Module, out: Tensor) -> None:
        """Records the output of a convolution with `norm` folded in."""
        self._broken = self._broken or norm in self._pending
        # a hook may return a copy; then only the trace can check
        self._pending[norm] = None if conv._forward_hooks else out

    def record_norm_input(self, norm: nn.Module, inputs: Tensor) -> None:
        """Records the input of a folded batch-norm."""
        out = self._pending.pop(norm, self)
        self._broken = self._broken or not (out is None or out is inputs)

    def _is_due(self, images: Tensor) -> bool:
        """Returns whether the call is long enough for a comparison with the unchanged network."""
        work = len(images) * (3 if torch.is_grad_enabled() else 1)
        self._work += work
        due = self.traces and not self._checked and max(self._work, work * self.passes) >= 3 * MIN_PASSES
        self._checked = self._checked or due
        return due

    def _run(self, images: Tensor, *, traced: bool) -> tuple[Any, CallSequence | None]:
        """The changed network's output and call sequence; None where it fails or a folded pair is not adjacent."""
        images = images.clone()  # the network may overwrite them, and the pass may be repeated
        self._broken = False
        self._pending.clear()
        try:
            if not traced:
                out, sequence = self._forward(images), None
            else:
                with Trace([images, *self.marked]) as self.trace:
                    out = self._forward(images)
                sequence = self.trace.sequence
        except (RuntimeError, ValueError) as error:  # `view` of a channels-last map, say
            if is_out_of_memory(error):
                raise
            return None, None  # the unchanged pass raises its own error
        finally:
            self.trace = None
        return (None, None) if self._broken or self._pending else (out, sequence)

    def _unchanged_output(self, images: Tensor) -> Any:
        """Output of the unchanged network, without a graph."""
        self._revert()
        try:
            with torch.no_grad():
                return self._forward(images.clone())
        finally:
            self._apply()

    def _plain(self, *args: Any, **kwargs: Any) -> Any:
        if not self.differs:
            self.differs = True
            self._pending.clear()
            self._revert()
        return self._forward(*args, **kwargs)


def _agree(out: Any, expected: Any, n: int, rows: list[int]) -> bool:
    """Returns whether the given rows of the outputs equal the expected ones, for all outputs with one row per image."""
    pairs = [
        (output[rows], expected_output)
        for output, expected_output in zip(tensors_in(out), tensors_in(expected), strict=False)
        if output.ndim and len(output) == n and output.is_floating_point()
    ]
    return bool(pairs) and all(
        output.shape == expected_output.shape
        and bool(((output - expected_output).abs().amax() <= TOLERANCE * expected_output.abs().amax()).item())
        for output, expected_output in pairs  # not so for NaN
    )


def _is_traced(number: int) -> bool:
    return number & (number - 1) == 0 and (number == 2 or number.bit_length() % 2 == 1)
