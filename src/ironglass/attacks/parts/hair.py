"""A hair beyond the boundary, so that a plain pass misreads what the folded network misread."""

from __future__ import annotations

import torch
from torch import Tensor

from ironglass.attacks.parts.losses import margin
from ironglass.models.classifier import Classifier
from ironglass.models.eval_without_grad import eval_without_grad
from ironglass.types import Images, Labels, Logits, Mask

HAIRS = (1e-6, 1e-5, 1e-4, 1e-3)
"""By which shares of a change it is lengthened until a plain pass misreads the image, too."""


SURE = 1e-6
"""Lead over the label's logit, as a share of the largest logit, below which float32 may not repeat a misreading."""


def surely_misread(logits: Logits, labels: Labels) -> Mask:
    """Returns whether another class leads by more than `SURE`, bool (n,): searches come nearer than float32 sees."""
    return margin(logits, labels) > SURE * logits.abs().amax(1)


def beyond(classifier: Classifier, images: Images, labels: Labels, adversarial: Images) -> tuple[Images, Tensor]:
    """The adversarial images, those that a plain pass reads right by a hair farther out, and which it misreads then.

    The folded network, by which they were found, differs from the plain one in the last bits of its logits.
    """
    nearest = adversarial
    with eval_without_grad(classifier), torch.no_grad():
        wrong = classifier(nearest).argmax(1) != labels
        for hair in HAIRS:
            if wrong.all():
                break
            candidates = (images + (1 + hair) * (adversarial - images)).clamp(0, 1)
            nearest = torch.where(wrong[:, None, None, None], nearest, candidates)
            wrong = classifier(nearest).argmax(1) != labels
    return nearest, wrong
