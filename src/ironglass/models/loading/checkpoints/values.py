"""Checks of a checkpoint's values: plain, finite numbers, in a type that the network can hold."""

from __future__ import annotations

from pathlib import Path

import torch
from torch import Tensor

from ironglass.errors import InputError


def check_values(path: Path, name: str, tensor: Tensor) -> None:
    """Raises InputError for a tensor that is not plain numbers."""
    prefix = f"{path}: the tensor {name!r}"
    if tensor.is_quantized:
        raise InputError(f"{prefix} is quantised: save the weights of the float network")
    if tensor.layout != torch.strided or tensor.is_nested:
        raise InputError(f"{prefix} is sparse or nested: save it with .to_dense()")
    if tensor.is_meta:
        raise InputError(f"{prefix} lies on the device 'meta' and has no values: save the network after loading it")
    if tensor.is_complex():
        raise InputError(f"{prefix} holds complex numbers: a network's weights are real")
    if tensor.is_floating_point() and not _finite(tensor):
        raise InputError(f"{prefix} holds NaN or infinity; the checkpoint is spoilt")


def _finite(tensor: Tensor) -> bool:
    """Returns whether every value is finite, also of a type of 8 bits, which torch cannot ask."""
    return bool(torch.isfinite(tensor.float() if tensor.element_size() == 1 else tensor).all())


def to_type_of(path: Path, name: str, tensor: Tensor, target: Tensor) -> Tensor:
    """The tensor in the type of the network's own. Raises InputError where that is no number any more."""
    check_values(path, name, tensor)
    prefix = f"{path}: the tensor {name!r} is {str(tensor.dtype)[6:]} where the network has {str(target.dtype)[6:]}"
    if target.is_floating_point() and not tensor.is_floating_point():
        raise InputError(f"{prefix}: it was quantised or is no weight; save the weights of the float network")
    converted = tensor.to(target.dtype)
    if converted.is_floating_point() and not _finite(converted):
        raise InputError(f"{prefix}, in which it is infinite: give the weights in a wider type")
    return converted
