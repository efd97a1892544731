"""One image at every eps, and what three networks say of it."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from safetensors.numpy import save

from ironglass.data.pixels import to_bytes
from ironglass.data.wordnet import words_of
from ironglass.measure.robustness.transfer_matrix import has_classes, true_answers
from ironglass.models.classifier import Classifier
from ironglass.models.eval_without_grad import eval_without_grad
from ironglass.models.predict import logits_of, predicted
from ironglass.plans.transfer import SOURCE, TransferNetwork
from ironglass.studies.transfer.source_images import image_sets_of
from ironglass.studies.transfer.workspace import Workspace


def write_picture(workspace: Workspace, base_a: Classifier, networks: Sequence[TransferNetwork]) -> None:
    """`transfer.safetensors` and `transfer.json`: one image at every eps, and what three networks say of it.

    The image is the first that base B and the deepest AnB+ both name right, or else the first.
    """
    split, classes = workspace.split, workspace.dataset.classes
    base = next(one for one in networks if one.arm == "base")
    grown = [one for one in networks if one.arm == "AnB+" and one.seed == base.seed]
    deepest = max(grown, key=lambda one: one.blocks or 0)
    target = {one.name: workspace.load(one.name) for one in (base, deepest)}
    right = [predicted(logits_of(one, split)).numpy() == split.labels for one in target.values()]
    position = int(np.argmax(np.logical_and.reduce(right)))
    image, label = split[position]
    image_sets = image_sets_of(workspace.run, workspace.plan, workspace.dataset, split)
    versions = [(0.0, (image, to_bytes(split.pixels[position])))]
    versions += [(eps, image_sets.read_one(image_sets.names[0], eps, position)) for eps in image_sets.sizes]
    columns = []
    for eps, (version, _) in versions:
        answers = []
        for name, classifier in {SOURCE: base_a, **target}.items():
            with eval_without_grad(classifier), torch.no_grad():
                outputs = classifier(version.to(classifier.device))
                confidence, class_index = classifier.as_logits(outputs).softmax(1)[0].max(0)
            called, comparable = classifier.classes[int(class_index)], has_classes(classifier, classes)
            truth = int(true_answers(classifier, image, label, classes))
            answers.append({
                "network": name,
                "class": words_of(classifier.classes).get(called, called),
                "confidence": float(confidence),
                "right": int(class_index) == truth if comparable else None,
            })  # fmt: skip
        columns.append({"eps": eps, "answers": answers})
    with workspace.run.atomic(workspace.run.path / "transfer.safetensors") as path:
        path.write_bytes(save({"images": np.ascontiguousarray(np.stack([pixels for _, (_, pixels) in versions]))}))
    facts = {"name": split.names[position], "label": int(label)}
    workspace.run.write("transfer.json", {"image": facts, "attack": image_sets.names[0], "columns": columns})
