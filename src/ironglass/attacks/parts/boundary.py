"""The decision boundary, linearised at a point."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

import torch
from torch import Tensor

from ironglass.attacks.parts.hyperplane import dual_norm
from ironglass.attacks.parts.threat import Threat
from ironglass.models.backward import differentiate
from ironglass.models.classifier import Classifier
from ironglass.types import Images, Labels

Boundary: TypeAlias = Callable[[Images, tuple[Labels, ...]], tuple[Tensor, Tensor]]
"""Points, and their labels first of all, to normal (n, d) and offset (n,) of the linearised boundary: a change δ with
normal · δ = offset leads onto it."""


def boundary_to_target(classifier: Classifier) -> Boundary:
    """The boundary between label and target."""

    def boundary(x: Images, classes: tuple[Labels, ...]) -> tuple[Tensor, Tensor]:
        lead, gradient = _leads(classifier, x, classes[0], classes[1][:, None])
        return gradient[:, 0], -lead[:, 0]

    return boundary


def nearest_boundary(classifier: Classifier, threat: Threat) -> Boundary:
    """The boundary between label and the class for which |lead| / ‖gradient of lead‖, in the dual norm, is smallest."""

    def boundary(x: Images, classes: tuple[Labels, ...]) -> tuple[Tensor, Tensor]:
        every = torch.arange(len(classifier.classes), device=x.device).expand(len(x), -1)
        candidates = every[every != classes[0][:, None]].view(len(x), -1)
        leads, gradients = _leads(classifier, x, classes[0], candidates)
        distance = leads.abs() / dual_norm(gradients, threat).clamp_min(1e-12)
        chosen = distance.argmin(1)
        rows = torch.arange(len(x), device=x.device)
        return gradients[rows, chosen], -leads[rows, chosen]

    return boundary


def _leads(classifier: Classifier, x: Images, labels: Labels, candidates: Tensor) -> tuple[Tensor, Tensor]:
    """z_candidate − z_label, (n, m), and its gradients, (n, m, d), of one forward pass."""
    with torch.inference_mode(False), torch.enable_grad():
        x = x.detach().requires_grad_()
        logits = classifier(x).float()
        leads = logits.gather(1, candidates) - logits.gather(1, labels[:, None])
        gradients = torch.zeros(*leads.shape, x[0].numel(), device=x.device)
        for column in range(leads.shape[1]):
            total = leads[:, column].sum()
            if total.requires_grad:
                more = column + 1 < leads.shape[1]
                found = differentiate(total, x, retain_graph=more)[0]
                if found is not None:
                    gradients[:, column] = found.float().flatten(1)
    leads, gradients = leads.detach(), gradients.detach()
    return leads.where(leads.isfinite(), 0), gradients.where(gradients.isfinite(), 0)
