"""Free adversarial training: one gradient updates both the parameters and the images."""

from __future__ import annotations

from typing import Annotated, ClassVar

import torch
from pydantic import Field
from torch import nn
from torch.nn import functional as F

from ironglass.errors import InputError
from ironglass.fields import dataclass
from ironglass.harden.adversarial import Smoothing, StepSize
from ironglass.harden.budget import Budget
from ironglass.harden.passes import descended, unwrapped
from ironglass.train.objective import Objective
from ironglass.types import Images, Labels, Logits, Loss


@dataclass(frozen=True, kw_only=True, config={"extra": "forbid"})
class Free(Budget):
    """Cross-entropy of changed images, each batch `replays` times in a row, an optimiser step each time.

    loss = L(clip(x + δ), y),  then δ ← clamp(δ + step_size · sign(∂ loss / ∂ δ), −eps, eps), of the same backward pass

    Shafahi et al. 2019, arXiv 1904.12843. Under l2 δ begins uniform in the ball, steps along g / ‖g‖₂, and is shortened
    to eps; they publish linf alone.

    norm: "linf" or "l2".
    eps: in units of [0, 1].
    replays: 1 or more.
    step_size: in units of [0, 1], by that norm; None for their eps.

    A batch counts `replays` times, so that a stage needs that many times fewer epochs.

    It is no `Objective` of one call, since between two replays the optimiser has to step: the training loop descends
    what `replayed` gives, `replays` times a batch. Calling the objective itself raises InputError.

    Batch-norm's running statistics take in every replay's changed images, and no clean one. One forward and one
    backward pass a replay.
    """

    label: ClassVar[str] = "Free adversarial training"
    replays: Annotated[int, Field(gt=0)] = 8
    step_size: StepSize | None = None
    label_smoothing: Smoothing = 0.0

    def __call__(self, classifier: nn.Module, images: Images, labels: Labels) -> tuple[Loss, Logits]:
        """Raises InputError."""
        raise InputError(
            f"free training replays each batch {self.replays} times, and was called once: descend what replayed() gives"
        )

    def replayed(self) -> Objective:
        """An objective for one batch, called once per replay; it keeps δ of each part of the batch between calls."""
        changes: dict[tuple[int, int], Images] = {}

        def objective(classifier: nn.Module, images: Images, labels: Labels) -> tuple[Loss, Logits]:
            part = (images.data_ptr(), len(images))
            loss, logits, changes[part] = self.replay(classifier, images, labels, changes.get(part))
            return loss, logits

        return objective

    def replay(
        self, classifier: nn.Module, images: Images, labels: Labels, change: Images | None = None
    ) -> tuple[Loss, Logits, Images]:
        """The loss of this replay, the logits of the changed images, and the change δ for the next replay.

        change: returned by the previous replay. None: a uniform draw from the ball, by torch's default generator on the
        images' device. There δ starts at 0 and goes on from one batch to the next, other images; here a batch can
        start anew, so that a step depends on its own position alone.
        """
        with torch.enable_grad():
            change = self.draw(images) if change is None else change.detach()
            change.requires_grad_()
            logits = classifier((images.detach() + change).clamp(0, 1))
            loss = F.cross_entropy(logits, labels, label_smoothing=self.label_smoothing)
            loss, gradient = descended(loss, change, list(unwrapped(classifier).parameters()))
        step_size = self.eps if self.step_size is None else self.step_size
        gradient = torch.nan_to_num(gradient, nan=0.0, posinf=0.0, neginf=0.0)
        following = change.detach() + step_size * self.ball.step(gradient)
        return loss, logits.detach(), self._within(following)

    def _within(self, change: Images) -> Images:
        """δ brought back into the ball; unlike a threat's projection it may leave [0, 1], where the images are cut."""
        if self.norm == "linf":
            return change.clamp_(-self.eps, self.eps)
        length = torch.linalg.vector_norm(change, dim=(1, 2, 3), keepdim=True)
        return change * (self.eps / length.clamp_min(torch.finfo(change.dtype).tiny)).clamp_max(1)
