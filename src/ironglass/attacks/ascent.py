"""The one projected-gradient loop under every gradient attack."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn import functional as F

from ironglass.attacks.threat import Threat
from ironglass.models.classifier import Classifier, frozen
from ironglass.types import Images, Labels, Logits


def ascend(
    loss: Callable[[Images], Tensor],
    images: Images,
    threat: Threat,
    *,
    steps: int,
    step_size: float,
    start: Images | None = None,
) -> Images:
    """Climbs `loss` from `start` (the images themselves by default) without leaving `threat` or [0, 1].

    x ← project(x + step_size · step(∂ loss / ∂ x)), `steps` times

    loss: images to one number an image, independent of each other. step_size: in units of [0, 1], by the threat's
    norm. Works in any gradient mode; the caller holds the classifier `frozen`.
    """
    adversarial = images if start is None else start
    for _ in range(steps):
        # a value that is not finite gives no direction; the verdict, not the attack, speaks of it
        gradient = torch.nan_to_num(gradient_of(loss, adversarial), nan=0.0, posinf=0.0, neginf=0.0)
        with torch.no_grad():
            adversarial = threat.project(images, adversarial + step_size * threat.step(gradient))
    return adversarial


def gradient_of(loss: Callable[[Images], Tensor], images: Images) -> Images:
    """∂ (sum of loss) / ∂ images, (n, c, h, w); zero where the loss does not depend on the images."""
    with torch.inference_mode(False), torch.enable_grad():
        images = images.detach().clone().requires_grad_()  # a clone leaves inference mode
        total = loss(images).sum()
        found = torch.autograd.grad(total, images, allow_unused=True)[0] if total.requires_grad else None
    return torch.zeros_like(images, requires_grad=False) if found is None else found


def input_gradient(classifier: Classifier, images: Images, labels: Labels) -> Images:
    """∂ cross-entropy / ∂ images, summed over the batch so that each image's is its own: float32 (n, c, h, w)."""
    with frozen(classifier):
        return gradient_of(loss_of(classifier, labels), images).float()


def loss_of(classifier: Classifier, labels: Labels, *, towards: Labels | None = None) -> Callable[[Images], Tensor]:
    """What an attacker climbs: the cross-entropy of `labels`, or minus that of the classes to go `towards`."""
    with torch.inference_mode(False):
        wanted = (labels if towards is None else towards).to(classifier.device).clone()
    sign = 1 if towards is None else -1
    return lambda images: sign * cross_entropy(classifier(images).float(), wanted)


def cross_entropy(logits: Logits, labels: Labels) -> Tensor:
    """−log softmax(logits)[label], one an image, as softplus(logsumexp of the other logits − the label's).

    The same number as torch's, with a gradient that survives confidence: 1 − p does not round to 0 in float32 once the
    label is ahead by 17, which would stop an attack for no fault of its own.
    """
    label = F.one_hot(labels, logits.shape[1]).bool()
    others = logits.masked_fill(label, -torch.inf).logsumexp(1)
    return F.softplus(others - logits.gather(1, labels[:, None])[:, 0])
