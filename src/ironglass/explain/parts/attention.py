"""Attention of a transformer: the weights of every self-attention in a forward pass, and their gradients."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from types import FunctionType
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F
from torch.overrides import TorchFunctionMode

from ironglass.errors import InputError
from ironglass.explain.parts.gradient import chunk_size, score_of
from ironglass.explain.parts.layout import Layout, layouts_of
from ironglass.models.backward import differentiate
from ironglass.models.classifier import Classifier
from ironglass.models.eval_without_grad import eval_without_grad
from ironglass.types import Images, Labels, Maps

UNCHANGED = {torch.float64: 1e-8, torch.float32: 1e-4}
"""Allowed change of the logits, as a share of the largest, when fused attention is computed step by step; HALF for half
precision."""
HALF = 3e-2
IDENTITIES = ("dropout", "to", "type_as", "float", "contiguous", "clone")
"""Functions that leave attention weights unchanged in evaluation mode."""
PRODUCTS = ("matmul", "bmm", "einsum")


@dataclass(frozen=True)
class Attention:
    """The self-attentions of a batch, in the order of running. t: all tokens, including those not of the image."""

    weights: list[Tensor]
    """(n, heads, t, t) each: weight of a column's token in the row's token; rows sum to 1."""
    gradients: list[Tensor]
    """Gradients of the targets' logits with respect to the weights, of the same shapes."""
    layout: Layout
    """Positions of the tokens in the image."""

    @property
    def read(self) -> Tensor:
        """Weights (t,) of the tokens that the head reads, which sum to 1: the class token, say, or all equally.

        Measured: a token is read if a logit depends on its row of the last attention.
        """
        used = self.gradients[-1].ne(0).any(3).any(1).any(0)
        used = used if used.any() else torch.ones_like(used)
        return used / used.sum()

    def over_image(self, tokens: Tensor) -> Maps:
        """Values (n, t) of tokens as maps (n, 1, h', w'), without tokens that are not of the image."""
        layout = self.layout
        end = tokens.shape[1] - layout.extra
        image_tokens = (
            torch.cat((tokens[:, : layout.start], tokens[:, layout.start + layout.extra :]), 1)
            if layout.extra
            else tokens
        )
        return image_tokens[:, :end].unflatten(1, layout.grid)[:, None]


def attention_maps(
    classifier: Classifier, images: Images, targets: Labels, method: Callable[[Attention], Maps]
) -> Maps:
    """Maps (n, 1, h', w') on the grid of tokens, `method` of as many images at a time as memory has room for.

    Raises InputError for a network without self-attention over all of the image's tokens in every block, and where the
    logits have no gradient.
    """
    size = chunk_size(classifier, images[:1], len(images))
    parts = []
    with eval_without_grad(classifier), torch.no_grad():
        images, targets = images.detach(), targets.to(images.device)
        for part, part_targets in zip(images.split(size), targets.split(size), strict=True):
            parts.append(method(attend(classifier, part, part_targets)).float())
    return torch.cat(parts)


def attend(classifier: Classifier, images: Images, targets: Labels) -> Attention:
    """The attention weights of these images and their gradients, inside `eval_without_grad`. Raises InputError."""
    plain = classifier(images)
    with torch.inference_mode(False), torch.enable_grad(), Attending() as attending:
        logits = classifier(images.clone().requires_grad_())
    if not plain.isfinite().all():
        raise InputError("the network’s logits are not finite numbers: its weights are broken")
    coarsest = [UNCHANGED.get(tensor.dtype, HALF) for tensor in (logits, *attending.weights)]
    allowed = max(coarsest) * float(plain.abs().max())
    if not float((logits.detach() - plain).abs().max()) <= allowed:
        raise InputError(
            "the network’s logits change when its attention is computed step by step: choose another method"
        )
    weights = [_by_head(tensor, len(images)) for tensor in attending.weights]
    layout = _layout(classifier, images, weights)
    with torch.inference_mode(False), torch.enable_grad():
        score = score_of(logits, targets.clone())
        raw_gradients = differentiate(score, attending.weights)
    shaped = [tensor.shape for tensor in weights]
    gradients = [
        torch.zeros_like(weight) if tensor is None else tensor.reshape(shape)
        for tensor, weight, shape in zip(raw_gradients, weights, shaped, strict=True)
    ]
    return Attention([tensor.detach() for tensor in weights], gradients, layout)


def _by_head(weights: Tensor, n: int) -> Tensor:
    """(n, heads, t, t) of weights that may have images and heads in one axis. Raises InputError for others."""
    shape = tuple(weights.shape)
    square = shape[-1] == shape[-2] and weights.ndim in (3, 4)
    if square and weights.ndim == 4 and shape[0] == n:
        return weights
    if square and weights.ndim == 3 and shape[0] % n == 0:
        return weights.unflatten(0, (n, shape[0] // n))
    raise InputError(
        f"the network attends by weights {shape} for {n} images, and not in every block from all tokens to all, "
        "as in windows or from a class token alone: choose grad-cam, or occlusion"
    )


def _layout(classifier: Classifier, images: Images, weights: list[Tensor]) -> Layout:
    """Layout of the tokens, by a layer that has as many of them. Raises InputError where there is none."""
    if not weights:
        raise InputError("no attention is met in a forward pass: choose grad-cam, or occlusion")
    lengths = {weight.shape[-1] for weight in weights}
    if len(lengths) > 1:
        raise InputError(
            f"the network attends between {' and '.join(map(str, sorted(lengths)))} tokens in different blocks, which "
            "cannot be followed through all of them: choose grad-cam, or occlusion"
        )
    count = lengths.pop()
    modules = dict(classifier.network.named_modules())
    norms = {name: weight for name, weight in modules.items() if "norm" in type(weight).__name__.lower()}
    for layers in (norms, modules):
        for layout in layouts_of(classifier, layers, images).values():
            if isinstance(layout, Layout) and len(layout.space) == 1 and layout.shape[layout.space[0]] == count:
                return layout
    raise InputError(f"where the network’s {count} tokens lie in the image cannot be seen: choose occlusion")


class Attending(TorchFunctionMode):
    """Inside, the weights of every attention are kept, in the order in which they are used.

    Fused attention is computed step by step. Attention that is put together from a softmax and a product is seen where
    the softmax's result is multiplied.
    """

    def __init__(self) -> None:
        super().__init__()
        self.weights: list[Tensor] = []
        self._softmaxes: dict[int, Tensor] = {}
        self._alive: list[Tensor] = []

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs, name = kwargs or {}, getattr(func, "__name__", "").strip("_")
        if name == "scaled_dot_product_attention":
            return self._attention(*args, **kwargs)
        if name == "multi_head_attention_forward":
            return self._opened(func)(*args, **kwargs)
        if name in PRODUCTS:
            for tensor in _tensors(args):
                if (weights := self._softmaxes.pop(id(tensor), None)) is not None and weights.ndim >= 3:
                    self.weights.append(weights)
        result = func(*args, **kwargs)
        if name == "softmax" and isinstance(result, Tensor):
            self._record(result, result)
        elif name in IDENTITIES and isinstance(result, Tensor):
            for tensor in _tensors(args[:1]):
                if (weights := self._softmaxes.get(id(tensor))) is not None:
                    self._record(result, weights)
        return result

    def _record(self, tensor: Tensor, weights: Tensor) -> None:
        self._alive.append(tensor)  # a tensor's number is its own only as long as it lives
        self._softmaxes[id(tensor)] = weights

    def _attention(
        self,
        query: Tensor,
        key: Tensor,
        value: Tensor,
        attn_mask: Tensor | None = None,
        dropout_p: float = 0.0,
        is_causal: bool = False,
        scale: float | None = None,
        enable_gqa: bool = False,
    ) -> Tensor:
        """`F.scaled_dot_product_attention`, its weights kept. dropout_p: 0 in evaluation mode."""
        if enable_gqa:
            key = key.repeat_interleave(query.shape[-3] // key.shape[-3], -3)
            value = value.repeat_interleave(query.shape[-3] // value.shape[-3], -3)
        scores = (query * (1 / math.sqrt(query.shape[-1]) if scale is None else scale)) @ key.mT
        if is_causal:
            attn_mask = torch.ones(scores.shape[-2:], dtype=torch.bool, device=scores.device).tril()
        if attn_mask is not None:
            hidden = attn_mask.dtype == torch.bool
            scores = scores.masked_fill(~attn_mask, -math.inf) if hidden else scores + attn_mask
        weights = scores.softmax(-1)
        if not weights.requires_grad:
            weights.requires_grad_()
        self.weights.append(weights)
        return F.dropout(weights, dropout_p) @ value

    def _opened(self, func: Any) -> Callable[..., Any]:
        """torch's multi-head attention, with this class's ways in the place of its fused attention and its softmax:
        inside such a function no other is seen."""

        def softmax(scores: Tensor, dim: int) -> Tensor:
            self.weights.append(weights := scores.softmax(dim))
            return weights

        inside = {"has_torch_function": lambda _: False, "scaled_dot_product_attention": self._attention}
        globals_ = {**func.__globals__, **inside, "softmax": softmax}
        opened = FunctionType(func.__code__, globals_, func.__name__, func.__defaults__, func.__closure__)
        opened.__kwdefaults__ = func.__kwdefaults__
        return opened


def _tensors(values: Any) -> Iterator[Tensor]:
    for value in values:
        if isinstance(value, Tensor):
            yield value
        elif isinstance(value, list | tuple):
            yield from _tensors(value)
