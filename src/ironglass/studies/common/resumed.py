"""A resumed run goes on with the data and the network that it began with, or not at all."""

from __future__ import annotations

import json
from typing import Any

import torch

from ironglass.data.dataset import Dataset
from ironglass.errors import InputError
from ironglass.models.classifier import Classifier
from ironglass.models.loading.save import configuration
from ironglass.run import Run


def check_resumed(run: Run, classifier: Classifier, dataset: Dataset, *, trains: bool) -> None:
    """Raises InputError where the data, or a network that is not trained here, differ from those of the run's folder.

    Finished steps are not measured again, so their numbers would stand beside those of other images or weights. What
    the folder does not record, as that of an older version or of a run that was stopped early, is not compared.
    """
    before = run.read_object("data.json")
    if before.get("contents") and dataset.contents and before["contents"] != dataset.contents:
        raise InputError(
            f"the data have changed since {run.path} began{_sizes(before, dataset)}, and its numbers would be of two"
            " data sets: bring them back as they were, or name another --output"
        )
    if not trains and (run.path / "config.json").is_file() and _changed(run, classifier):
        raise InputError(
            f"the network is not the one that {run.path} began with, and its numbers would be of two networks: bring"
            " its weights back as they were, or name another --output"
        )


def _sizes(before: dict[str, Any], dataset: Dataset) -> str:
    """The first split whose number of images is another, in brackets."""
    now = dataset.describe()["splits"]
    for name, was in before.get("splits", {}).items():
        if (there := now.get(name, {}).get("images", 0)) != was.get("images"):
            return f" ({name}: {was.get('images')} images, now {there})"
    return " (as many images, with other pixels, labels or names)"


def _changed(run: Run, classifier: Classifier) -> bool:
    """Tells whether the network that the folder keeps is another than this one."""
    path = run.path / "model.safetensors"
    was, now = run.read_object("config.json"), json.loads(json.dumps(configuration(classifier)))
    if any(was.get(key) != now[key] for key in ("label_names", "pretrained_cfg")):
        return True
    if not path.is_file():
        return False
    from safetensors.torch import load_file

    saved, state = load_file(path), classifier.network.state_dict()
    return saved.keys() != state.keys() or any(not _same_bits(tensor, state[name]) for name, tensor in saved.items())


def _same_bits(a: torch.Tensor, b: torch.Tensor) -> bool:
    b = b.detach().cpu().contiguous()
    if a.shape != b.shape or a.dtype != b.dtype:
        return False
    return torch.equal(a.reshape(-1).view(torch.uint8), b.reshape(-1).view(torch.uint8))  # a NaN equals itself
