"""Propagation of relevance from the logits to the pixels, backwards through a recorded pass."""

from __future__ import annotations

from typing import Any, cast

import torch
from torch import Tensor

from ironglass.engine.folding.fold_weights import scale_and_shift
from ironglass.errors import InputError
from ironglass.explain.parts.relevance.affine import Affine, Rule, Sharing
from ironglass.explain.parts.relevance.record import Record, Step, Value
from ironglass.explain.parts.relevance.steps import name_of, shares_of
from ironglass.types import Images

aten = torch.ops.aten
BATCH_NORMS = ("native_batch_norm", "_native_batch_norm_legit_no_training", "cudnn_batch_norm")


def propagate(record: Record, relevance: Tensor, rules: dict[str, Rule], sharing: Sharing) -> Images:
    """The relevance of each pixel value, float32 (n, c, h, w), from that of the logits (n, k).

    rules: those of layers with weights: "dense" ones over whole images, "convolution", which a dense layer over each
        position is, too, and "first", the convolution that runs first.

    Raises InputError for an operation without rule, and where no relevance arrives.
    """
    arrived: dict[int, Tensor] = {record.logits: relevance}
    norms = _norms_of_convolutions(record)
    first = next((step for step in record.steps if name_of(step) == "convolution"), None)
    for step in reversed(record.steps):
        parts = [None if index is None else arrived.pop(index, None) for index in step.outputs]
        if all(part is None for part in parts):
            continue
        (part, *_), layer = parts, _affine(step, record, norms)
        if layer is not None and part is not None:
            dense = name_of(step) != "convolution" and len(layer.x) == len(relevance)
            kind = "dense" if dense else "first" if step is first else "convolution"
            shares: Any = [(step.inputs[0], rules[kind](layer, part, sharing).reshape_as(_x(step, record)))]
        else:
            shares = shares_of(step, parts, record, sharing)
        for index, share in shares:
            arrived[index] = arrived[index] + share if index in arrived else share
    if 0 not in arrived:
        raise InputError("no relevance of the logits reaches the image: the network cuts it off; choose occlusion")
    return arrived[0]


def _x(step: Step, record: Record) -> Tensor:
    return record.values[step.inputs[0]]


def _norms_of_convolutions(record: Record) -> dict[int, Step]:
    """The batch-norm behind a convolution whose output nothing else reads, by the convolution's output."""
    readers: dict[int, list[Step]] = {}
    for step in record.steps:
        for index in set(step.inputs):
            readers.setdefault(index, []).append(step)
    norms: dict[int, Step] = {}
    for step in record.steps:
        output = step.outputs[0]
        plain = name_of(step) == "convolution" and step.args[6] is False
        if plain and output is not None and len(readers.get(output, ())) == 1:
            (reader,) = readers[output]
            fixed = reader.args[3:5] if name_of(reader) in BATCH_NORMS else (None,)
            if all(isinstance(statistics, Tensor) for statistics in fixed) and reader.args[5] is not True:
                norms[output] = reader
    return norms


def _affine(step: Step, record: Record, norms: dict[int, Step]) -> Affine | None:
    """The step as a layer with constant weights; None where it is none."""
    match name_of(step):
        case "convolution" if isinstance(step.args[0], Value) and isinstance(step.args[1], Tensor):
            return _convolution(step, record, norms)
        case "addmm" if not isinstance(step.args[2], Value):
            (bias, x, weight), output = step.args[:3], step.outputs[0]
        case "mm" | "linear" if not isinstance(step.args[1], Value):
            x, weight, output = step.args[0], step.args[1], step.outputs[0]
            bias = step.args[2] if len(step.args) > 2 else None
            weight = weight.mT if name_of(step) == "linear" else weight
        case _:
            return None
    if not isinstance(x, Value) or output is None:
        return None
    return Affine(
        record.values[x.index].float(),
        cast(Tensor, weight).float(),
        bias.float() if isinstance(bias, Tensor) else None,
        record.values[output].float(),
        torch.matmul,
        lambda c, w: c @ w.mT,
    )


def _convolution(step: Step, record: Record, norms: dict[int, Step]) -> Affine:
    weight, bias, *settings = cast(tuple[Any, ...], step.args[1:])
    index = step.outputs[0]
    assert index is not None
    x, weight, output = _x(step, record).float(), weight.float(), record.values[index].float()
    bias, positions = None if bias is None else bias.float(), (1,) * (weight.ndim - 1)
    if (norm := norms.get(index)) is not None:
        _, gain, offset, mean, var, *_, eps = norm.args
        scale, shift = (part.float() for part in scale_and_shift(mean, var, gain, offset, eps))
        weight = weight * scale.view(-1, *positions)
        bias = shift if bias is None else shift + bias * scale
        output = output * scale.view(-1, *positions[1:]) + shift.view(-1, *positions[1:])

    def apply(x: Tensor, w: Tensor) -> Tensor:
        return aten.convolution(x, w, None, *settings)

    def transpose(c: Tensor, w: Tensor) -> Tensor:
        stride, padding, dilation, transposed, output_padding, groups = settings
        mask = [True, False, False]
        return aten.convolution_backward(
            c, x, w, None, stride, padding, dilation, transposed, output_padding, groups, mask
        )[0]

    return Affine(x, weight, None if bias is None else bias.view(-1, *positions[1:]), output, apply, transpose)
