"""The weights in a folder of transformers, in one file or several, and their fit to the network."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from ironglass.errors import InputError, brief
from ironglass.models.loading.checkpoints.checkpoint import read_checkpoint
from ironglass.models.loading.checkpoints.few import shortened_list
from ironglass.models.loading.checkpoints.values import check_values
from ironglass.models.loading.configuration import read_json
from ironglass.models.loading.transformers_folders.network import configuration_for, model_class, quiet

WEIGHTS = ("model.safetensors", "pytorch_model.bin")


def read_weights(folder: Path) -> dict[str, Tensor]:
    """All named tensors of the folder, of several files too. Raises InputError for a file outside the folder."""
    for name in WEIGHTS:
        index = folder / f"{name}.index.json"
        if (folder / name).is_file():
            names = [name]
        elif index.is_file():
            shards = read_json(index).get("weight_map")
            if not isinstance(shards, dict) or not all(isinstance(value, str) for value in shards.values()):
                raise InputError(f"{index} has no weight_map from tensors to files")
            names = sorted(set(shards.values()))
            if outside := [
                value for value in names if Path(value).name != value or not value.endswith((".safetensors", ".bin"))
            ]:
                raise InputError(
                    f"{index} names the file {brief(outside[0])}: only files of weights beside it may be read"
                )
        else:
            continue
        state: dict[str, Tensor] = {}
        for value in names:
            state |= next(iter(read_checkpoint(folder / value).states.values()))
        for key, tensor in state.items():
            check_values(folder / names[0], key, tensor)
        return {key: value.float() if value.is_floating_point() else value for key, value in state.items()}
    raise InputError(f"{folder} holds neither model.safetensors nor pytorch_model.bin")


def load_model(
    settings: dict[str, Any],
    kind: str,
    state: dict[str, Tensor],
    folder: Path,
    labels: tuple[str, ...],
    classes: tuple[str, ...],
) -> tuple[nn.Module, tuple[str, ...]]:
    """The model filled with the tensors, its last layer fresh where other classes than the folder's labels are wanted,
    and what was left out."""
    fresh = classes != labels
    with quiet(f"{folder}"):
        model_config = configuration_for(settings, kind, len(classes))
        model, info = model_class(model_config).from_pretrained(
            None,
            config=model_config,
            state_dict=state,
            dtype=torch.float32,
            output_loading_info=True,
            ignore_mismatched_sizes=True,
            local_files_only=True,
        )
    last = {
        name: layer
        for name, layer in model.named_modules()
        if isinstance(layer, nn.Linear | nn.Conv2d) and layer.weight.shape[0] == len(classes)
    }
    heads = {f"{name}.{part}" for name in last for part in ("weight", "bias")}
    for name, file_shape, network_shape in sorted(info["mismatched_keys"]):
        if name in heads and file_shape[0] != len(labels):
            raise InputError(
                f"{folder}: config.json names {len(labels)} classes and the last layer has {file_shape[0]} outputs"
            )
        if name not in heads or not fresh:
            file_shape, network_shape = tuple(file_shape), tuple(network_shape)
            raise InputError(
                f"{folder}: the tensor {name!r} has shape {file_shape} where config.json leads to {network_shape}"
            )
    missing, extra = sorted(info["missing_keys"]), sorted(info["unexpected_keys"])
    if missing and not (fresh and heads.issuperset(missing)):
        head = ": it is a network without its last layer, to be trained first" if heads.issuperset(missing) else ""
        raise InputError(f"{folder}: the weights lack {shortened_list(missing)}{head}")
    for layer in last.values() if fresh else ():
        layer.reset_parameters()  # also where it is for as many classes, which are others
    remarks = [f"{folder}: the last layer is fresh, for {len(classes)} classes"] if fresh else []
    if extra:
        remarks.append(
            f"{folder}: {len(extra)} tensors that the network has no place for are left out: {shortened_list(extra)}"
        )
    return model.eval(), tuple(remarks)
