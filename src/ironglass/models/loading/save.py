"""Saving of a classifier to a folder that ironglass and timm (`local-dir:`) can read."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from safetensors.torch import save
from torch import Tensor

from ironglass.models.checks import check_classifier
from ironglass.models.classifier import Classifier
from ironglass.models.exclusive import exclusive
from ironglass.run import Run, atomic


def configuration(classifier: Classifier) -> dict[str, Any]:
    """timm's `config.json` of the classifier, with our additions under `ironglass`."""
    size = classifier.input_size
    return {
        "architecture": classifier.source.removeprefix("timm/"),
        "num_classes": len(classifier.classes),
        "label_names": list(classifier.classes),
        "pretrained_cfg": {
            "input_size": [classifier.channels, *size],
            "mean": classifier.mean.flatten().tolist(),
            "std": classifier.std.flatten().tolist(),
            "interpolation": "bilinear",
            "crop_pct": 1.0,
            "num_classes": len(classifier.classes),
            "label_names": list(classifier.classes),
            "pool_size": None,
        },
        "model_args": {"in_chans": classifier.channels} if classifier.channels != 3 else {},
        "ironglass": {
            "model": classifier.source,
            "options": classifier.options,
            "normalisation": classifier.normalisation,
        },
    }


def write_state(
    state: dict[str, Tensor], path: Path, metadata: dict[str, str] | None = None, *, run: Run | None = None
) -> None:
    """Writes named tensors as safetensors, in one step; tied weights under each of their names, so that any reader
    of the file finds them. run: whose list of checksums has the file."""
    # safetensors keeps no strides: channels-last weights are stored in the usual order
    tensors = {name: tensor.detach().cpu().contiguous() for name, tensor in state.items()}
    shared: set[int] = set()
    for name, tensor in tensors.items():
        address = tensor.untyped_storage().data_ptr()
        if address in shared and tensor.numel():
            tensors[name] = tensor.clone()
        shared.add(address)
    with run.atomic(path) if run else atomic(path) as temporary:
        temporary.write_bytes(save(tensors, metadata={"format": "pt"} | (metadata or {})))


def save_classifier(classifier: Classifier, folder: str | Path) -> None:
    """Writes `model.safetensors` (the network's weights) and `config.json` into a folder.

    Args:
        classifier: the classifier to write; any of `load_classifier`'s names but ONNX files can be read back.
        folder: where to write; it is made if it is not there, and files of these names are replaced.

    Example:
        >>> import ironglass as ig
        >>> classifier = ig.load_classifier("logistic", classes=("cat", "dog"), size=4, channels=1)
        >>> ig.save_classifier(classifier, "my-model")
        >>> ig.load_classifier("my-model").classes
        ('cat', 'dog')
    """
    check_classifier(classifier)
    run = Run(folder)
    with exclusive(classifier.network):  # not while another thread has it changed
        write_state(classifier.network.state_dict(), run.path / "model.safetensors", run=run)
    run.write_text("config.json", json.dumps(configuration(classifier), indent=1) + "\n")
