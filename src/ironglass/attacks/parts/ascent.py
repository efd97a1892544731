"""The one projected-gradient loop under every gradient attack."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from ironglass.attacks.parts.scores import attackable, cross_entropy_of, plain
from ironglass.attacks.parts.threat import Threat
from ironglass.attacks.parts.worst_case import same_image
from ironglass.engine.folding.fold import folded
from ironglass.models.backward import differentiate
from ironglass.models.checks import check_labels
from ironglass.models.classifier import Classifier
from ironglass.models.memory import in_room
from ironglass.types import Images, Labels, Logits


def ascend(
    loss: Callable[[Images], Tensor],
    images: Images,
    threat: Threat,
    *,
    steps: int,
    step_size: float,
    start: Images | None = None,
    momentum: float = 0.0,
) -> Images:
    """Climbs `loss` from `start` (the images themselves by default) without leaving `threat` or [0, 1].

    x ← project(x + step_size · step(∂ loss / ∂ x)), `steps` times

    loss: images to one number an image, independent of each other.
    step_size: in units of [0, 1], by the threat's norm.
    momentum: decay of the accumulated gradient (Dong et al. 2017, arXiv 1710.06081); with it

    v ← momentum · v + gradient / mean |gradient|,  x ← project(x + step_size · step(v))

    Works in any gradient mode; the caller is inside `eval_without_grad`.
    """
    adversarial = images if start is None else start
    velocity = torch.zeros_like(images)
    for _ in range(steps):
        # a value that is not finite gives no direction; the verdict reports it, not the attack
        gradient = torch.nan_to_num(gradient_of(loss, adversarial), nan=0.0, posinf=0.0, neginf=0.0)
        adversarial, velocity = step(images, adversarial, gradient, velocity, threat, step_size, momentum)
    return adversarial


def chase(
    classifier: Classifier,
    images: Images,
    labels: Labels,
    threat: Threat,
    *,
    steps: int,
    step_size: float,
    start: Images | None = None,
    momentum: float = 0.0,
    targeted: Labels | None = None,
    owner: Labels | None = None,
) -> Images:
    """`ascend` on the cross-entropy, except that an image leaves with the first step that fools it.

    One forward pass both checks whether an image is fooled and gives its next gradient.

    targeted: target classes, int64 (n,); an image then leaves when it is classified as its target.
    owner: image index of each row, int64 (n,): rows of one image leave together.

    The caller is inside `eval_without_grad`.
    """
    with torch.inference_mode(False), torch.no_grad():
        if targeted is not None:
            check_labels(targeted, len(labels), len(classifier.classes))
        classes = (labels if targeted is None else targeted).to(classifier.device, copy=True)
        images = images.clone()  # leaves inference mode
        adversarial = images if start is None else start.clone()
        result, velocity = adversarial.clone(), torch.zeros_like(images)
        index = torch.arange(len(images), device=images.device)
        owner = index if owner is None else owner
        sign = 1 if targeted is None else -1
        cross_entropy = cross_entropy_of(classifier)
        for _ in range(steps):
            logits, _, gradient = logits_and_gradient(
                classifier, adversarial, lambda logits, classes=classes: sign * cross_entropy(logits, classes)
            )
            fooled = (logits.argmax(1) != classes) == (targeted is None)
            if fooled.any():
                remaining = ~same_image(owner[index], fooled)
                result[index[~remaining]] = adversarial[~remaining]
                images, adversarial, gradient, velocity, classes, index = (
                    part[remaining] for part in (images, adversarial, gradient, velocity, classes, index)
                )
                if not len(index):
                    return result
            adversarial, velocity = step(images, adversarial, gradient, velocity, threat, step_size, momentum)
        result[index] = adversarial
    return result


def step(
    images: Images,
    adversarial: Images,
    gradient: Images,
    velocity: Images,
    threat: Threat,
    step_size: float,
    momentum: float,
) -> tuple[Images, Images]:
    """One projected step along a finite gradient, and the new velocity: see `ascend`."""
    with torch.no_grad():
        if momentum:
            size = gradient.abs().mean((1, 2, 3), keepdim=True)
            gradient = velocity = momentum * velocity + gradient / size.clamp_min(torch.finfo(size.dtype).tiny)
        return threat.project(images, adversarial + step_size * threat.step(gradient)), velocity


def gradient_of(loss: Callable[[Images], Tensor], images: Images) -> Images:
    """∂ (sum of loss) / ∂ images, (n, c, h, w); zero where the loss does not depend on the images."""
    with torch.inference_mode(False), torch.enable_grad():
        images = images.detach().clone().requires_grad_()  # a clone leaves inference mode
        total = loss(images).sum()
        gradient = differentiate(total, images)[0] if total.requires_grad else None
    return torch.zeros_like(images, requires_grad=False) if gradient is None else gradient


def logits_and_gradient(
    classifier: Classifier, images: Images, loss: Callable[[Logits], Tensor]
) -> tuple[Logits, Tensor, Images]:
    """Logits, the loss of each image, and ∂ loss / ∂ images, all of one forward and one backward pass, in float32.

    The gradient is 0 where it is not finite. The caller is inside `eval_without_grad`.
    """
    with torch.inference_mode(False), torch.enable_grad():
        images = images.detach().requires_grad_()
        logits = classifier(images).float()
        values = loss(logits)
        total = values.sum()
        gradient = differentiate(total, images)[0] if total.requires_grad else None
    if gradient is None:
        gradient = torch.zeros_like(images, requires_grad=False)
    return logits.detach(), values.detach(), torch.nan_to_num(gradient.float(), nan=0.0, posinf=0.0, neginf=0.0)


def input_gradient(classifier: Classifier, images: Images, labels: Labels) -> Images:
    """∂ cross-entropy / ∂ images, summed over the batch so that each image's is its own: float32 (n, c, h, w)."""
    loss, images = loss_of(classifier, labels), plain(images)
    with folded(classifier):
        return in_room(classifier.network, len(images), lambda: gradient_of(loss, images).float())


def climbed_gradient(classifier: Classifier, images: Images, labels: Labels) -> Images:
    """The gradient that attacks climb: `input_gradient`, but of the network's `Scores`."""
    images = plain(images)
    with attackable(classifier) as target:
        loss = loss_of(target, labels)
        return in_room(classifier.network, len(images), lambda: gradient_of(loss, images).float())


def gradient_and_logits(target: Classifier, images: Images, labels: Labels) -> tuple[Images, Logits]:
    """`climbed_gradient`, not finite where it is not, and the scores of its forward pass, both float32.

    target: the classifier inside `attackable`.
    """
    passed: list[Logits] = []

    def classify(images: Images) -> Logits:
        passed.append(target(images).float())
        return passed[-1]

    cross_entropy = cross_entropy_of(target)
    gradient = gradient_of(lambda images: cross_entropy(classify(images), labels), plain(images))
    return gradient.float(), passed[-1].detach()


def loss_of(classifier: Classifier, labels: Labels, *, towards: Labels | None = None) -> Callable[[Images], Tensor]:
    """Loss that an attacker climbs: the cross-entropy of `labels`, or minus that of the classes to go `towards`."""
    if towards is not None:
        check_labels(towards, len(labels), len(classifier.classes))
    with torch.inference_mode(False):
        classes = (labels if towards is None else towards).to(classifier.device).clone()
    sign = 1 if towards is None else -1
    cross_entropy = cross_entropy_of(classifier)
    return lambda images: sign * cross_entropy(classifier(images).float(), classes)
