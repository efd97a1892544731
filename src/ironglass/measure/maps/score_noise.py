"""Noise of the score that a map explains: its change under changes of the image that nobody can see."""

from __future__ import annotations

import numpy as np
import torch

from ironglass.models.classifier import Classifier
from ironglass.models.eval_without_grad import eval_without_grad
from ironglass.types import Images, Labels

RADIUS = 0.02
"""Largest change of a value, of [0, 1], as in `measure.maps.attribution.sensitivity`."""
DRAWS = 8
_WITHIN = 2.0
_BATCH = 64


def score_noise(
    classifier: Classifier, images: Images, targets: Labels, generator: torch.Generator
) -> list[dict[str, float]]:
    """Changes of the target's score of each image that noise alone brings about, by "probability" and "logit".

    Each is twice the root mean square of `DRAWS` changes, under which 95 of 100 lie if they are normal: every value of
    the image moves by at most `RADIUS`, drawn evenly, and stays within [0, 1]. An image whose logits are not finite has
    no change.

    images: (n, c, h, w) in [0, 1]. targets: int64 (n,). generator: on the CPU, from which the noise is drawn.
    """
    squares = {unit: np.zeros(len(images)) for unit in ("probability", "logit")}
    plain = _scores(classifier, images, targets)
    for _ in range(DRAWS):
        noise = torch.rand(images.shape, generator=generator).mul_(2 * RADIUS).sub_(RADIUS).to(images)
        noisy = _scores(classifier, (images + noise).clamp(0, 1), targets)
        for unit, values in squares.items():
            values += np.nan_to_num(noisy[unit] - plain[unit], posinf=0, neginf=0) ** 2
    rows = {unit: _WITHIN * np.sqrt(values / DRAWS) for unit, values in squares.items()}
    return [{unit: float(values[i]) for unit, values in rows.items()} for i in range(len(images))]


def _scores(classifier: Classifier, images: Images, targets: Labels) -> dict[str, np.ndarray]:
    with eval_without_grad(classifier), torch.no_grad():
        outputs = torch.cat([classifier(part) for part in images.split(_BATCH)]).double()
        index = targets.to(outputs.device)[:, None]
        logits = classifier.as_logits(outputs)
        scores = {"probability": logits.softmax(1), "logit": outputs}
    return {unit: values.gather(1, index)[:, 0].cpu().numpy() for unit, values in scores.items()}
