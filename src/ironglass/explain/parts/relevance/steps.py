"""Rules of layer-wise relevance propagation for operations without weights: activations, sums, products, pooling."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, TypeAlias

import torch
from torch import Tensor

from ironglass.errors import InputError
from ironglass.explain.parts.relevance.affine import NEGLIGIBLE, Sharing, quotient
from ironglass.explain.parts.relevance.record import Record, Step, Value

Shares: TypeAlias = Iterator[tuple[int, Tensor]]
"""Pairs (index of a value, its relevance); one value may come several times."""

ELEMENTWISE = frozenset((
    "relu", "leaky_relu", "rrelu_with_noise", "elu", "celu", "selu", "gelu", "silu", "mish", "hardswish", "hardtanh",
    "clamp", "clamp_min", "clamp_max", "softplus", "sigmoid", "hardsigmoid", "tanh", "_prelu_kernel",
    "native_batch_norm", "_native_batch_norm_legit_no_training", "cudnn_batch_norm", "_native_batch_norm_legit",
    "batch_norm", "native_layer_norm", "native_group_norm", "neg", "abs", "pow", "square", "sqrt", "exp", "_to_copy",
    "clone", "detach", "alias", "lift_fresh", "as_strided", "dropout", "native_dropout",
))  # fmt: skip
"""Each output from its own input: the relevance stays. So it does at a normalisation, as in AttnLRP (arXiv
2402.05602), whose statistics take no share."""

ROUTING = frozenset((
    "view", "_unsafe_view", "reshape", "permute", "transpose", "t", "expand", "expand_as", "unsqueeze", "squeeze",
    "slice", "select", "split", "split_with_sizes", "unbind", "chunk", "cat", "stack", "flip", "roll", "index",
    "index_select", "constant_pad_nd", "reflection_pad2d", "replication_pad2d", "unfold", "im2col", "pixel_shuffle",
    "pixel_unshuffle", "channel_shuffle", "repeat", "upsample_nearest2d", "max_pool2d_with_indices", "max_pool2d",
    "adaptive_max_pool2d", "amax", "max", "maximum", "minimum", "where", "movedim", "contiguous", "narrow",
    "diagonal",
))  # fmt: skip
"""Each output is one of the inputs: its relevance goes there. Of a maximum it goes to the largest."""

AVERAGING = frozenset((
    "avg_pool2d", "_adaptive_avg_pool2d", "mean", "sum", "upsample_bilinear2d", "_upsample_bilinear2d_aa",
    "upsample_bicubic2d",
))  # fmt: skip
"""Fixed weights: shared by the contributions, as in the ε rule."""

SUMS = {"add": 1, "sub": -1}
PRODUCTS = frozenset(("mul", "div", "addcmul"))
GATES = frozenset(("sigmoid", "hardsigmoid", "_softmax", "softmax", "tanh", "hardtanh"))
"""Activations that make a factor a gate, which takes no relevance."""


def name_of(step: Step) -> str:
    """The operation's name, the same for its in-place form."""
    return step.op.__name__.rstrip("_")


def shares_of(step: Step, relevance: list[Tensor | None], record: Record, sharing: Sharing) -> Shares:
    """The relevance of a step's inputs from that of its outputs. Raises InputError for an operation without rule."""
    name = name_of(step)
    if name in ELEMENTWISE and relevance[0] is not None:
        yield step.inputs[0], relevance[0].reshape(record.values[step.inputs[0]].shape)
    elif name in ROUTING:
        yield from _routed(step, relevance, record)
    elif name in AVERAGING:
        yield from _averaged(step, relevance, record, sharing)
    elif name in SUMS and relevance[0] is not None:
        yield from _added(step, relevance[0], record, sharing)
    elif name in PRODUCTS and relevance[0] is not None and not _adds_too(step):
        yield from _multiplied(step, relevance[0], record)
    else:
        raise InputError(
            f"relevance has no rule for the network's {name}{_attention(name)}: choose "
            f"{'attention-relevance' if _attention(name) else 'integrated-gradients'}, or occlusion"
        )


def _attention(name: str) -> str:
    attends = (
        "attention" in name or "transformer" in name or name in ("bmm", "baddbmm", "matmul", "_softmax", "softmax")
    )
    return " (a product of attention)" if attends else ""


def _differentiate(step: Step, record: Record, cotangents: Callable[[list[Tensor]], list[Any]]) -> Shares:
    """Σ_j c_j ∂output_j / ∂input_i, c by the outputs; the step runs once more."""
    indices = list(dict.fromkeys(step.inputs))
    with torch.enable_grad():
        leaves = {index: record.values[index].detach().float().requires_grad_() for index in indices}
        args, kwargs = Record(values=[leaves.get(i, value) for i, value in enumerate(record.values)]).filled(
            (step.args, step.kwargs)
        )
        result = getattr(torch.ops.aten, name_of(step))(*args, **kwargs)
        outputs = list(result) if isinstance(result, tuple | list) else [result]
        pairs = [
            (output, c)
            for output, c in zip(outputs, cotangents(outputs), strict=True)
            if c is not None and output.requires_grad
        ]
        gradients = torch.autograd.grad(
            [output for output, _ in pairs], [leaves[index] for index in indices], [c for _, c in pairs],
            allow_unused=True,
        )  # fmt: skip
    return iter([(index, part) for index, part in zip(indices, gradients, strict=True) if part is not None])


def _routed(step: Step, relevance: list[Tensor | None], record: Record) -> Shares:
    return _differentiate(step, record, lambda _: relevance)


def _averaged(step: Step, relevance: list[Tensor | None], record: Record, sharing: Sharing) -> Shares:
    """Shared by the contributions, those of the average's own sign 1 + γ times; of an average of 0, evenly."""
    (part,) = relevance[:1]
    index = step.inputs[0]
    x, average = record.values[index].float(), record.values[_output(step)].float()
    assert part is not None

    def spread(c: Tensor) -> Tensor:
        return next(_differentiate(step, record, lambda _: [c]))[1]

    gamma = sharing.sums if bool((x < 0).any()) else 0.0
    supporting = torch.zeros_like(average)
    if gamma:
        above, below = (_again(step, index, record, values) for values in (x.clamp_min(0), x.clamp_max(0)))
        supporting = torch.where(average < 0, below, above)
    total = average + gamma * supporting
    empty = total.abs() <= NEGLIGIBLE
    c = quotient(part.masked_fill(empty, 0), total, sharing.epsilon)
    share = x * spread(c)
    if gamma:
        up, down = torch.where(average < 0, 0, c), torch.where(average < 0, c, 0)
        share = share + gamma * (x.clamp_min(0) * spread(up) + x.clamp_max(0) * spread(down))
    if bool((empty & (part != 0)).any()):
        share = share + spread(torch.where(empty, part, 0) / _again(step, index, record, torch.ones_like(x)))
    yield index, share


def _again(step: Step, index: int, record: Record, values: Tensor) -> Tensor:
    """The step's output with other values in place of its input."""
    args, kwargs = Record(values=[values if i == index else value for i, value in enumerate(record.values)]).filled(
        (step.args, step.kwargs)
    )
    return getattr(torch.ops.aten, name_of(step))(*args, **kwargs)


def _added(step: Step, relevance: Tensor, record: Record, sharing: Sharing) -> Shares:
    """Shared by the summands; a constant, as the mean of a normalisation, takes none."""
    scale = step.kwargs.get("alpha", 1) * SUMS[name_of(step)]
    signed = [(step.args[0], 1), (step.args[1], scale)]
    summands = [
        (term.index, record.values[term.index].float() * factor) for term, factor in signed if isinstance(term, Value)
    ]
    if len(summands) == 1:
        yield summands[0][0], _summed(relevance, summands[0][1].shape)
        return
    total = record.values[_output(step)].float()
    weighed = [part * torch.where(part * total > 0, 1 + sharing.sums, 1) for _, part in summands]
    total = weighed[0] + weighed[1]
    empty = total.abs() <= NEGLIGIBLE
    c = quotient(relevance.masked_fill(empty, 0), total, sharing.epsilon)
    half = torch.where(empty, relevance / 2, 0)
    for (index, summand), part in zip(summands, weighed, strict=True):
        yield index, _summed(c * part + half, summand.shape)


def _multiplied(step: Step, relevance: Tensor, record: Record) -> Shares:
    """All to the signal, none to a gate; of two signals half to each (AttnLRP, arXiv 2402.05602)."""
    inputs = step.inputs
    if len(inputs) == 1:
        yield inputs[0], _summed(relevance, record.values[inputs[0]].shape)
        return
    signals = [inputs[0]] if name_of(step) == "div" else _signals(inputs, record)
    for index in signals:
        yield index, _summed(relevance / len(signals), record.values[index].shape)


def _adds_too(step: Step) -> bool:
    """Returns whether a sum with a product (addcmul) has more than one summand that depends on the image."""
    return name_of(step) == "addcmul" and isinstance(step.args[0], Value) and len(step.inputs) > 1


def _signals(factors: list[int], record: Record) -> list[int]:
    """The factors that are not gates: neither smaller than the product nor fresh from a sigmoid or softmax."""
    largest = max(record.values[index].numel() for index in factors)
    full_size = [index for index in factors if record.values[index].numel() == largest]
    free = [index for index in full_size if not _is_gate(index, record)]
    return free or full_size


def _is_gate(index: int, record: Record) -> bool:
    return any(index in step.outputs and name_of(step) in GATES for step in record.steps)


def _output(step: Step) -> int:
    index = step.outputs[0]
    assert index is not None
    return index


def _summed(relevance: Tensor, shape: torch.Size) -> Tensor:
    """Relevance of a value that was broadcast: the sum of that of its copies."""
    return relevance.sum_to_size(shape) if relevance.shape != shape else relevance
