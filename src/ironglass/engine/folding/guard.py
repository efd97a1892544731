"""Checks, while a changed network runs, that it still computes what the network itself would."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

from ironglass.engine.folding.call_trace import Trace, Way, tensors_in
from ironglass.models.memory import is_out_of_memory

CLOSE = 1e-4
"""How far the changed network's outputs may be from its own, as a share of the largest."""
WORTH = 192
"""Forward and backward passes of one image from which on a call affords one more forward pass of an image."""
TRACED_BATCH = 32
"""Images of a pass beside whose time that of tracing it is nothing."""
MAX_WAYS = 16
"""Ways through a network that are remembered, at most."""


class Guard:
    """Stands in for a changed network's forward pass, and takes the plain one where the two would differ.

    Of every pass it sees whether what each convolution gives goes to the batch-norm that it has taken up. Of every
    large one, and of small ones of the first two, the fourth, sixteenth and so on, it compares the way with those that
    agreed before; a new way is tried on the first and the last image, which pass through the network itself, too. So
    does one image in a call that is long enough. Where anything differs the network is changed back for the rest of
    the call, the pass is repeated, and `differs` is set.

    network: as it is without changes.
    ways: those that agreed so far; more are added.
    apply, revert: change the network, and change it back.
    traces: False where the changes are such that they hold on any way.
    marked: tensors that nobody but the changed layers may read.
    """

    def __init__(
        self,
        network: nn.Module,
        ways: list[Way],
        apply: Callable[[], None],
        revert: Callable[[], None],
    ) -> None:
        self._forward, self._ways, self._apply, self._revert = network.forward, ways, apply, revert
        self.traces, self.marked = True, list[Tensor]()
        self.passes = 1
        """Forward and backward passes that the call has for each image, as far as is known."""
        self.differs = False
        self.trace: Trace | None = None
        self.ran = False
        self._number, self._work, self._tried = 0, 0, False
        self._waiting: dict[nn.Module, Tensor | None] = {}
        self._broken = False

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """The network's output."""
        if self.differs or kwargs or len(args) != 1 or not isinstance(args[0], Tensor):
            return self._plain(*args, **kwargs)
        images: Tensor = args[0]
        self._number, self.ran = self._number + 1, True
        # of many small passes not each, since it would show in their time
        traced = self.traces and (len(images) >= TRACED_BATCH or _is_traced(self._number))
        due = self._is_due(images)
        # before the changed pass: whoever watches layers is to see that one last
        expected = self._own(images[:1]) if due else None
        out, way = self._run(images, traced=traced)
        if out is None or (due and not _agree(out, expected, len(images), [0])):
            return self._plain(images)
        if way is not None and way not in self._ways:
            rows = [0, len(images) - 1] if len(images) > 1 else [0]
            if not due and not _agree(out, self._own(images[rows]), len(images), rows):
                return self._plain(images)
            self._ways[:] = [*self._ways[1 - MAX_WAYS :], way]
            self._tried = True
            again = None if due else self._run(images, traced=False)[0]
            return out if again is None else again
        return out

    def restart(self) -> None:
        """Goes on with changes that have become others: the next pass counts as the first."""
        self._number = 0
        if not self.differs:
            self._apply()

    def convolved(self, conv: nn.Module, norm: nn.Module, out: Tensor) -> None:
        """Notes the output of a convolution that has taken up `norm`."""
        self._broken = self._broken or norm in self._waiting
        # whoever watches it may hand the network a copy; then the trace alone tells
        self._waiting[norm] = None if conv._forward_hooks else out

    def normalises(self, norm: nn.Module, given: Tensor) -> None:
        """Notes what comes to a batch-norm that has become part of a convolution."""
        out = self._waiting.pop(norm, self)
        self._broken = self._broken or not (out is None or out is given)

    def _is_due(self, images: Tensor) -> bool:
        """Returns whether the call has become long enough for a look at the network itself."""
        work = len(images) * (3 if torch.is_grad_enabled() else 1)
        self._work += work
        due = self.traces and not self._tried and max(self._work, work * self.passes) >= 3 * WORTH
        self._tried = self._tried or due
        return due

    def _run(self, images: Tensor, *, traced: bool) -> tuple[Any, Way | None]:
        """The changed network's pass and its way; None where it fails or leaves the changed layers' order."""
        images = images.clone()  # which the network may write over, and which may have to pass again
        self._broken = False
        self._waiting.clear()
        try:
            if not traced:
                out, way = self._forward(images), None
            else:
                with Trace([images, *self.marked]) as self.trace:
                    out = self._forward(images)
                way = self.trace.way
        except (RuntimeError, ValueError) as error:  # `view` of a channels-last map, say
            if is_out_of_memory(error):
                raise
            return None, None  # the plain pass speaks for itself
        finally:
            self.trace = None
        return (None, None) if self._broken or self._waiting else (out, way)

    def _own(self, images: Tensor) -> Any:
        """Logits of the network itself, without a graph."""
        self._revert()
        try:
            with torch.no_grad():
                return self._forward(images.clone())
        finally:
            self._apply()

    def _plain(self, *args: Any, **kwargs: Any) -> Any:
        if not self.differs:
            self.differs = True
            self._waiting.clear()
            self._revert()
        return self._forward(*args, **kwargs)


def _agree(out: Any, expected: Any, n: int, rows: list[int]) -> bool:
    """Returns whether the rows of `n` outputs are those expected, as far as they have a row an image, and some have."""
    pairs = [
        (one[rows], other)
        for one, other in zip(tensors_in(out), tensors_in(expected), strict=False)
        if one.ndim and len(one) == n and one.is_floating_point()
    ]
    return bool(pairs) and all(
        one.shape == other.shape and bool(((one - other).abs().amax() <= CLOSE * other.abs().amax()).item())
        for one, other in pairs  # not so for NaN
    )


def _is_traced(number: int) -> bool:
    return number & (number - 1) == 0 and (number == 2 or number.bit_length() % 2 == 1)
