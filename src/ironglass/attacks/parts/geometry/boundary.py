"""The decision boundary, linearised at a point."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

import torch
from torch import Tensor

from ironglass.attacks.parts.geometry.hyperplane import dual_norm
from ironglass.attacks.parts.threat import Threat
from ironglass.models.backward import differentiate
from ironglass.models.classifier import Classifier
from ironglass.types import Images, Labels

Boundary: TypeAlias = Callable[[Images, tuple[Labels, ...]], tuple[Tensor, Tensor]]
"""(points, classes with the labels first) to normal (n, d) and offset (n,) of the linearised boundary: a change δ with
normal · δ = offset reaches it."""


def boundary_to_target(classifier: Classifier) -> Boundary:
    """The boundary between label and target."""

    def boundary(x: Images, classes: tuple[Labels, ...]) -> tuple[Tensor, Tensor]:
        margins, gradient = _margins(classifier, x, classes[0], classes[1][:, None])
        return gradient[:, 0], -margins[:, 0]

    return boundary


def nearest_boundary(classifier: Classifier, threat: Threat) -> Boundary:
    """The boundary between label and the class with the smallest |margin| / ‖gradient of margin‖, in the dual norm."""

    def boundary(x: Images, classes: tuple[Labels, ...]) -> tuple[Tensor, Tensor]:
        all_classes = torch.arange(len(classifier.classes), device=x.device).expand(len(x), -1)
        candidates = all_classes[all_classes != classes[0][:, None]].view(len(x), -1)
        margins, gradients = _margins(classifier, x, classes[0], candidates)
        distance = margins.abs() / dual_norm(gradients, threat).clamp_min(1e-12)
        nearest = distance.argmin(1)
        rows = torch.arange(len(x), device=x.device)
        return gradients[rows, nearest], -margins[rows, nearest]

    return boundary


def _margins(classifier: Classifier, x: Images, labels: Labels, candidates: Tensor) -> tuple[Tensor, Tensor]:
    """z_candidate − z_label, (n, m), and its gradients, (n, m, d), of one forward pass."""
    with torch.inference_mode(False), torch.enable_grad():
        x = x.detach().requires_grad_()
        logits = classifier(x).float()
        margins = logits.gather(1, candidates) - logits.gather(1, labels[:, None])
        gradients = torch.zeros(*margins.shape, x[0].numel(), device=x.device)
        for column in range(margins.shape[1]):
            total = margins[:, column].sum()
            if total.requires_grad:
                more = column + 1 < margins.shape[1]
                gradient = differentiate(total, x, retain_graph=more)[0]
                if gradient is not None:
                    gradients[:, column] = gradient.float().flatten(1)
    margins, gradients = margins.detach(), gradients.detach()
    return margins.where(margins.isfinite(), 0), gradients.where(gradients.isfinite(), 0)
