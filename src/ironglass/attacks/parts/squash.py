"""The last squashing operation of a network, such as a softmax, and its input."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import torch
from torch import Tensor
from torch.overrides import TorchFunctionMode

SQUASHING = {
    "softmax": "softmax",
    "sigmoid": "sigmoid",
    "expit": "sigmoid",
    "special_expit": "sigmoid",
    "logsigmoid": "log-sigmoid",
    "tanh": "tanh",
    "atan": "arc tangent",
    "arctan": "arc tangent",
    "erf": "error function",
    "softsign": "softsign",
    "exp": "exponential",
    "hardtanh": "clipping",
    "clamp": "clipping",
    "clip": "clipping",
    "hardsigmoid": "hard sigmoid",
    "relu": "ReLU",
    "relu6": "ReLU6",
}
"""Operations that keep the order of scores and may bring them close together, and what they are called."""

PASSING = frozenset(
    [
        "mul",
        "rmul",
        "multiply",
        "truediv",
        "div",
        "divide",
        "true_divide",
        "add",
        "radd",
        "sub",
        "subtract",
        "log",
        "log1p",
        "log2",
        "sqrt",
        "log_softmax",
        "float",
        "to",
        "type",
        "half",
        "double",
        "bfloat16",
        "contiguous",
        "clone",
        "flatten",
        "view",
        "reshape",
        "squeeze",
        "unsqueeze",
        "getitem",
        "nan_to_num",
    ]
)
"""Operations that may stand behind one of them and leave the order of an image's classes as it is."""


class Squashed(NamedTuple):
    """A squashing operation, and its input.

    name: of the operation.
    scores: its input, (n, k).
    """

    name: str
    scores: Tensor


class _Step(NamedTuple):
    name: str
    source: Tensor
    result: Tensor


class Watch(TorchFunctionMode):
    """Notes, while a network runs, which tensors of `values` numbers came out of operations that keep their order."""

    def __init__(self, values: int) -> None:
        super().__init__()
        self.values = values
        self.steps: dict[int, _Step] = {}

    def __torch_function__(
        self, func: Callable[..., Any], types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        """Runs the operation, and notes it."""
        kwargs = kwargs or {}
        full_name = getattr(func, "__name__", "")
        name = full_name.strip("_")
        source = self._source(name, args, kwargs)
        if source is None:
            return func(*args, **kwargs)
        in_place = full_name.endswith("_") and not full_name.startswith("__")
        if in_place or kwargs.get("inplace") is True or True in [arg for arg in args[1:] if isinstance(arg, bool)]:
            saved = source.clone()  # it may be about to be written over
            if id(source) in self.steps:
                self.steps[id(saved)] = self.steps[id(source)]
            source = saved
        result = func(*args, **kwargs)
        if isinstance(result, Tensor) and result.numel() == self.values and result is not source:
            self.steps[id(result)] = _Step(name, source, result)  # which keeps the result, and so its id
        return result

    def _source(self, name: str, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Tensor | None:
        """The operand that the order comes from, where the operation is one that may keep it."""
        if name not in SQUASHING and name not in PASSING:
            return None
        operands = [*args[:2], kwargs.get("input")]
        return next(
            (operand for operand in operands if isinstance(operand, Tensor) and operand.numel() == self.values), None
        )

    def into(self, outputs: Tensor) -> Squashed | None:
        """Input of the first squashing operation of those that end in these outputs, (n, k).

        None where there is none, and where the order of an image's classes is not the same behind it as before.
        """
        squashed, tensor, count = None, outputs, 0
        while (step := self.steps.get(id(tensor))) is not None and count < len(self.steps):
            if not step.source.is_floating_point() or not keeps_order(step.source.reshape(outputs.shape), outputs):
                break
            if step.name in SQUASHING:
                squashed = Squashed(SQUASHING[step.name], step.source.reshape(outputs.shape))
            tensor, count = step.source, count + 1
        return squashed


def keeps_order(scores: Tensor, outputs: Tensor) -> bool:
    """Returns whether of no two classes of an image the one of higher score has the lower output, but for rounding."""
    with torch.no_grad():
        rounding = 8 * max(torch.finfo(values.dtype).eps for values in (scores, outputs))
        ranked = outputs.double().gather(1, scores.double().argsort(1))
        lower, higher = ranked[:, :-1], ranked[:, 1:]
        return bool((higher >= lower - rounding * lower.abs().nan_to_num(posinf=0)).all())


def inverse(outputs: Tensor) -> tuple[str, Callable[[Tensor], Tensor]] | None:
    """Name of the squashing operation that the numbers look like, and its inverse; None where they look like logits.

    Small logits of a young network all lie between 0 and 1, too: they come near both ends only behind a sigmoid.
    """
    with torch.no_grad():
        low, high = (float(bound) for bound in outputs.aminmax())
        if low >= 0 and high <= 1:
            if (outputs.double().sum(1) - 1).abs().amax() < 1e-2 * (1 + (outputs.dtype != torch.float32)):
                return "softmax", _log
            return ("sigmoid", _logit) if low < NEAR_0 and high > NEAR_1 else None
        if low >= -1 and high <= 1 and float(outputs.abs().amax()) > 0.99:
            return "tanh", _atanh
    return None


def lost(outputs: Tensor) -> Tensor:
    """Mask (n,) of images with a bounded output at its bound, from where its input cannot be computed."""
    return ((outputs == 0) | (outputs.abs() == 1)).any(1)


NEAR_0, NEAR_1 = 0.05, 0.95
"""Below the first and above the second a sigmoid's slope has fallen to a fifth of its steepest."""
TINY = 2.0**-149
"""The least number above 0 in float32."""


def _log(p: Tensor) -> Tensor:
    return p.double().clamp_min(TINY).log()


def _logit(p: Tensor) -> Tensor:
    p = p.double().clamp(TINY, 1 - 2.0**-25)
    return p.log() - (-p).log1p()


def _atanh(t: Tensor) -> Tensor:
    return t.double().clamp(2.0**-25 - 1, 1 - 2.0**-25).atanh()
