"""Detection of outputs that are probabilities, by their values and the operations they come out of."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from ironglass.types import Logits

SUM_TOLERANCE = 1e-4
"""Tolerance of a float32 sum of probabilities."""
SUM_TOLERANCE_HALF = 4e-3
"""The same of probabilities that bfloat16 or float16 hold exactly: twice what rounding to eight bits can make of it."""
HALVES = (torch.bfloat16, torch.float16)


def are_distributions(outputs: Tensor) -> bool:
    """Returns whether every row of the outputs, (n, k), is a distribution over the classes, as behind a softmax.

    Of logits it is as good as never true: all would have to be at least 0, and each row's sum 1.
    """
    with torch.no_grad():
        if outputs.ndim != 2 or not outputs.numel():
            return False
        low, high = (float(bound) for bound in outputs.aminmax())
        if not (low >= 0 and high <= 1 + SUM_TOLERANCE):  # also of NaN
            return False
        error = float((outputs.double().sum(1) - 1).abs().amax())
        return error <= SUM_TOLERANCE or (
            error <= SUM_TOLERANCE_HALF and any(_is_exact_in(outputs, half) for half in HALVES)
        )


def give_probabilities(outputs: Tensor) -> bool:
    """Returns whether the network that gave these outputs, (n, k), of images of several kinds gives probabilities.

    Every row must be a distribution. Where the graph of the steps is there, it must not say otherwise: a layer of
    weights may give 1 and 0, too. Of a black box the values alone decide, where they are not all 0 and 1.
    """
    if not are_distributions(outputs):
        return False
    ends = _ends(_reshaped(outputs.grad_fn))
    if ends & BOUNDED or "DivBackward" in ends:
        return True
    if all(any(name in end for name in WEIGHTED) for end in ends):
        return False
    return not bool(((outputs == 0) | (outputs == 1)).all())


def come_out_of_sigmoid(outputs: Tensor) -> bool:
    """Returns whether outputs, (n, k), each between 0 and 1, come straight out of a sigmoid; of a black box, whether
    they come near both ends, as small logits of a young network do not."""
    ends = _ends(_reshaped(outputs.grad_fn))
    if "unknown" in ends:
        return bool((outputs.amin() < 0.05) & (outputs.amax() > 0.95))
    return bool(ends & {"SigmoidBackward", "HardsigmoidBackward"})


RESHAPING = frozenset(
    f"{name}Backward"
    for name in (
        *("View", "UnsafeView", "_UnsafeView", "ReshapeAlias", "Alias", "Squeeze", "Unsqueeze", "Select", "Slice"),
        *("Index", "Expand", "T", "Transpose", "Permute", "ToCopy", "Clone", "Cat", "Stack"),
    )
)
"""Autograd nodes that leave the values unchanged."""
AFFINE = frozenset(f"{name}Backward" for name in ("Add", "Sub", "Rsub", "Mul", "Div", "Neg", "Mean", "Sum"))
"""Autograd nodes that shift and scale the values, as long as only one operand depends on the images."""
WEIGHTED = ("Addmm", "Mm", "Bmm", "Baddbmm", "Addmv", "Mv", "Dot", "Linear", "Convolution", "BatchNorm")
"""Autograd nodes of layers with weights, whose outputs are unbounded."""
BOUNDED = frozenset(
    f"{name}Backward"
    for name in ("Sigmoid", "Hardsigmoid", "Softmax", "Tanh", "Exp", "Reciprocal", "Atan", "Erf", "Clamp", "Hardtanh")
)
"""Autograd nodes with bounded or positive outputs."""


def is_probability(output: Tensor) -> bool | None:
    """Returns whether one number an image, (n,), of images of all kinds, is a probability; None where it could be
    either.

    It is one where it comes straight from a sigmoid or a softmax, and where all are between 0 and 1 and come from a
    step in BOUNDED, moved and scaled at most. It is none where one is outside, or comes from a layer of weights.
    """
    step = _reshaped(output.grad_fn)
    within = bool(((output >= 0) & (output <= 1)).all())
    if step is not None and any(_kind(step) == f"{name}Backward" for name in ("Sigmoid", "Softmax")):
        return True
    if not within:
        return False
    ends = _ends(step)
    if ends & BOUNDED:
        return True
    return False if ends and all(any(name in end for name in WEIGHTED) for end in ends) else None


def _reshaped(step: Any) -> Any:
    """The last autograd node before those that only reshape."""
    while step is not None and _kind(step) in RESHAPING and step.next_functions:
        step = step.next_functions[0][0]
    return step


def _ends(step: Any) -> set[str]:
    """The last steps before the output that do more than move, scale or add up numbers."""
    waiting, visited, kinds = [step], set(), set()
    while waiting:
        step = waiting.pop()
        if step in visited:
            continue
        visited.add(step)
        if step is None:
            kinds.add("unknown")
            continue
        kind = _kind(step)
        inner = [
            parent for parent, _ in step.next_functions if parent is not None and _kind(parent) != "AccumulateGrad"
        ]
        product = kind in ("MulBackward", "DivBackward") and len(inner) > 1
        one_sided = kind == "ClampBackward" and None in (step._saved_min, step._saved_max)
        if inner and not product and (kind in RESHAPING or kind in AFFINE or one_sided):
            waiting += inner
        else:
            kinds.add(kind)
    return kinds


def _kind(step: Any) -> str:
    """ "MulBackward" for "MulBackward0"."""
    return step.name().rstrip("0123456789")


def logit_of(probability: Tensor) -> Tensor:
    """The logit of a probability, of the same sign about one half; 0 and 1 become the nearest that have one."""
    p = probability.double().clamp(2.0**-50, 1 - 2.0**-50)
    return (p.log() - (-p).log1p()).to(probability.dtype)


def _is_exact_in(outputs: Tensor, dtype: torch.dtype) -> bool:
    return bool((outputs.to(dtype).to(outputs.dtype) == outputs).all())


def log_of(probabilities: Tensor) -> Logits:
    """The logarithm, of 0 that of the least normal number: logits whose softmax the probabilities are."""
    return probabilities.clamp_min(torch.finfo(probabilities.dtype).tiny).log()
