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
from ironglass.models.eval_without_grad import eval_without_grad
from ironglass.models.predict import batches, predicted
from ironglass.types import Images, Labels, Progress

if TYPE_CHECKING:
    from ironglass.attacks import Attack


def transfer_attack(
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
    """For each attack, flags by victim of images made on the surrogate that are still classified correctly, bool (n,).

    One row of a transfer matrix (Papernot et al. 2016, arXiv 1605.07277): each batch is attacked once and classified by
    all victims. If the surrogate is among them, that number is white-box. Every attack runs all its steps, also on
    images that already fool the surrogate, so a white-box number here may be slightly above that of an attack that
    keeps its best images; use the one of the victim's own report. Draws are seeded by (seed, batch).

    classes: class names that the split's labels index; None where all classifiers have the first victim's. A surrogate
        that lacks one of them attacks its own predictions (as Kurakin et al. 2016, arXiv 1611.01236, do for another
        reason), and a victim that lacks one is right where it keeps its clean prediction.
    """
    names = next(iter(victims.values())).classes if classes is None else tuple(classes)
    right: list[dict[str, list[np.ndarray]]] = [{name: [] for name in victims} for _ in attacks]
    done = 0
    for number, (images, labels) in enumerate(batches(split, batch_size, surrogate.device)):
        truths = {name: true_answers(victim, images, labels, names) for name, victim in victims.items()}
        surrogate_labels = true_answers(surrogate, images, labels, names)
        for attack, flags in zip(attacks, right, strict=True):
            draws = torch.Generator().manual_seed(seed * 1_000_003 + number)
            adversarial = TransferFrom(surrogate, attack)(surrogate, images, surrogate_labels, generator=draws)
            for name, victim in victims.items():
                with folded(victim), torch.no_grad():
                    answers = predicted(victim(adversarial.to(victim.device)))
                flags[name].append((answers == truths[name].to(victim.device)).cpu().numpy())
        done += len(images)
        if progress:
            progress(done, len(split))
    return [{name: np.concatenate(parts) for name, parts in flags.items()} for flags in right]


def true_answers(classifier: Classifier, images: Images, labels: Labels, classes: Sequence[str]) -> Labels:
    """The labels, indices into `classes`, as indices into the classifier's classes; its predictions where it lacks
    one of them."""
    class_index = torch.from_numpy(class_indices(classes, classifier.classes))
    if bool((class_index >= 0).all()):
        return class_index.to(labels.device)[labels]
    with eval_without_grad(classifier), torch.no_grad():
        return classifier(images.to(classifier.device)).argmax(1).to(labels.device)


def has_classes(classifier: Classifier, classes: Sequence[str]) -> bool:
    """Returns whether the classifier has all of the classes, under any of their names."""
    return bool((class_indices(classes, classifier.classes) >= 0).all())
