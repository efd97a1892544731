"""Transfer of adversarial images from each classifier to the others."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
import torch

from ironglass.attacks import TransferFrom
from ironglass.data.dataset import Split
from ironglass.data.match import class_indices
from ironglass.engine.folding.fold import folded
from ironglass.models.classifier import Classifier
from ironglass.models.frozen import frozen
from ironglass.models.predict import batches, predicted
from ironglass.types import Images, Labels, Progress

if TYPE_CHECKING:
    from ironglass.attacks import Attack


def transferred(
    surrogate: Classifier,
    victims: Mapping[str, Classifier],
    split: Split,
    attacks: Sequence[Attack],
    *,
    classes: Sequence[str] | None = None,
    seed: int = 0,
    batch_size: int = 64,
    progress: Progress | None = None,
) -> list[dict[str, np.ndarray]]:
    """For each attack, which images every victim still names right when they were made on the surrogate, bool (n,).

    One row of a transfer matrix (Papernot et al. 2016, arXiv 1605.07277): each batch is attacked once and shown to all
    victims. Where the surrogate is among them, that number is white-box. Every attack goes to its last step, also on
    images that fool the surrogate long before, so a white-box number here may lie a little above that of an attack
    which keeps what it has; the ones to trust stand in the victim's own report. Draws come from (seed, batch).

    classes: what the split's labels count; None where all classifiers count the same, as the first victim does. A
    surrogate that lacks one of them makes its images against its own answers (as Kurakin et al. 2016, arXiv 1611.01236,
    do for another reason), and a victim that lacks one is right where it gives the answer that it gave before.
    """
    names = next(iter(victims.values())).classes if classes is None else tuple(classes)
    right: list[dict[str, list[np.ndarray]]] = [{name: [] for name in victims} for _ in attacks]
    done = 0
    for number, (images, labels) in enumerate(batches(split, batch_size, surrogate.device)):
        truths = {name: true_answers(victim, images, labels, names) for name, victim in victims.items()}
        asked = true_answers(surrogate, images, labels, names)
        for attack, found in zip(attacks, right, strict=True):
            draws = torch.Generator().manual_seed(seed * 1_000_003 + number)
            adversarial = TransferFrom(surrogate, attack)(surrogate, images, asked, generator=draws)
            for name, victim in victims.items():
                with folded(victim), torch.no_grad():
                    answers = predicted(victim(adversarial.to(victim.device)))
                found[name].append((answers == truths[name].to(victim.device)).cpu().numpy())
        done += len(images)
        if progress:
            progress(done, len(split))
    return [{name: np.concatenate(parts) for name, parts in found.items()} for found in right]


def true_answers(classifier: Classifier, images: Images, labels: Labels, classes: Sequence[str]) -> Labels:
    """The labels, which count `classes`, in the classifier's own count; its own answers where it lacks one of them."""
    places = torch.from_numpy(class_indices(classes, classifier.classes))
    if bool((places >= 0).all()):
        return places.to(labels.device)[labels]
    with frozen(classifier), torch.no_grad():
        return classifier(images.to(classifier.device)).argmax(1).to(labels.device)


def knows(classifier: Classifier, classes: Sequence[str]) -> bool:
    """Returns whether each of the classes is one of the classifier's, under whatever name."""
    return bool((class_indices(classes, classifier.classes) >= 0).all())
