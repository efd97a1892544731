"""One image at every eps, and what three networks say of it."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from safetensors.numpy import save

from ironglass.models.classifier import Classifier, frozen
from ironglass.run import atomic
from ironglass.studies.ground import Ground
from ironglass.studies.shown import BATCH, shown_of
from ironglass.studies.transfer_plan import SOURCE, Member


def write_picture(ground: Ground, base_a: Classifier, members: Sequence[Member]) -> None:
    """`transfer.safetensors` and `transfer.json`: one image at every eps, and what three networks say of it.

    The image is the first that base B and the deepest AnB+ both name right.
    """
    plan, split, classes = ground.plan, ground.split, ground.dataset.classes
    base = next(one for one in members if one.arm == "base")
    grown = [one for one in members if one.arm == "AnB+" and one.seed == base.seed]
    deepest = max(grown, key=lambda one: one.blocks or 0)
    asked = {SOURCE: base_a, **{one.name: ground.load(one.name) for one in (base, deepest)}}
    for i in range(len(split)):
        image, label = split[i]
        if all(_answer(asked[one.name], image)[0] == label for one in (base, deepest)):
            break
    else:
        image, label = split[0]
        i = 0
    shown = shown_of(ground.run, plan, ground.dataset, split)
    name = shown.names[0]
    pictures, columns = [split.pixels[i]], []
    versions = [(0.0, image)]
    for eps in shown.sizes:
        batch, place = divmod(i, BATCH)
        found = next(one for number, (one, _) in enumerate(shown.read(name, eps)) if number == batch)[place : place + 1]
        versions.append((eps, found))
        pictures.append((found[0].permute(1, 2, 0) * 255).round().byte().numpy())
    for eps, version in versions:
        answers = []
        for network, classifier in asked.items():
            which, confidence = _answer(classifier, version)
            called = classifier.classes[which]
            knows = {*classes} <= {*classifier.classes}
            right = called == classes[int(label)] if knows else None
            answers.append({"network": network, "class": called, "confidence": confidence, "right": right})
        columns.append({"eps": eps, "answers": answers})
    with atomic(ground.run.path / "transfer.safetensors") as path:
        path.write_bytes(save({"images": np.ascontiguousarray(np.stack(pictures))}))
    ground.run.write("transfer.json", {
        "image": {"name": split.names[i], "label": int(label)}, "attack": name, "columns": columns,
    })  # fmt: skip


def _answer(classifier: Classifier, image: torch.Tensor) -> tuple[int, float]:
    with frozen(classifier), torch.no_grad():
        shares = classifier(image.to(classifier.device)).softmax(1)[0]
    return int(shares.argmax()), float(shares.max())
