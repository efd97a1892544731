"""Guided backpropagation: saliency with negative gradients set to 0 at every ReLU."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from typing import Any, ClassVar
from weakref import WeakKeyDictionary

from torch import Tensor, nn
from torch.autograd.graph import Node
from torch.nn import functional as F

from ironglass.errors import InputError, Notice
from ironglass.explain.parts.call import explainer_call
from ironglass.explain.parts.gradient import input_gradient
from ironglass.fields import settings
from ironglass.models.classifier import Classifier
from ironglass.models.exclusive import modules_of
from ironglass.types import Images, Labels, Logits, Maps

# Other activations, by the name of their step in the backward pass.
OTHER_ACTIVATIONS = {
    "Celu": "CELU",
    "Elu": "ELU",
    "Gelu": "GELU",
    "Hardswish": "hard swish",
    "LeakyRelu": "leaky ReLU",
    "Mish": "Mish",
    "PreluKernel": "PReLU",
    "Silu": "SiLU",
    "Softplus": "softplus",
    "Tanh": "tanh",
    "Sigmoid": "sigmoid",
}
# Backward steps that hide whole parts of a network, whose ReLUs cannot be hooked.
SEALED = {"CompiledFunction": "torch.compile", "CheckpointFunction": "reentrant checkpointing"}


@settings(frozen=True, kw_only=True)
class GuidedBackprop:
    """The gradient, of which each ReLU passes only the positive part (Springenberg et al. 2014, arXiv 1412.6806).

    At each ReLU: gradient of input = [input > 0] · max(0, gradient of output)

    The rule is hooked to the steps of the backward pass, not to modules: `nn.ReLU`, `F.relu`, methods, in-place ones,
    modules that run more than once, clamps at 0, the maximum with 0, and ReLU6 (also as `hardtanh(0, 6)`) all count.
    Everything else keeps its ordinary gradient, and so does the ReLU6 inside a hard swish or hard sigmoid,
    relu6(x + 3) / 6. A ReLU put together from comparisons, or in a custom autograd function, is not seen.

    Not a test of what the network has learned: the maps change little when its weights are made random (Adebayo et
    al. 2018, arXiv 1810.03292). Where hardly any of the gradient passes a ReLU, as in a network of SiLUs whose only
    ReLUs are in its squeeze-and-excitation, the map is plain saliency, and a Notice says so.
    """

    label: ClassVar[str] = "Guided backpropagation"
    unit: ClassVar[str] = "logit per unit of [0, 1]"
    signed: ClassVar[bool] = True
    words: ClassVar[str] = (
        "The gradient, of which each ReLU lets only the positive part pass: sharp, but weak evidence."
    )
    paper: ClassVar[str] = "arXiv 1412.6806"
    purpose: ClassVar[str] = "sharp pictures of what excites a network of ReLUs"
    limits: ClassVar[str] = "changes little when the network is made random: no evidence of what was learned"

    @explainer_call
    def __call__(self, classifier: Classifier, images: Images, targets: Labels) -> Maps:
        """Signed maps (n, c, h, w), units of the logit per unit of [0, 1].

        images: in [0, 1]. targets: int64 (n,), the classes to explain. Raises InputError where a forward pass meets
        no ReLU, where it is compiled or checkpointed, and where the network gives no gradient.
        """
        if message := self.note(classifier, images, targets):
            warnings.warn(Notice(message), stacklevel=2)
        return input_gradient(classifier, images, targets, guide)

    def note(self, classifier: Classifier, images: Images, targets: Labels) -> str:
        """Notice that the maps are the plain gradient, where they are; else "".

        Measured on the first few images, once for each network: the cosine of map and saliency. Raises InputError as
        the call does.
        """
        network = classifier.network
        modules = tuple(map(id, modules_of(network)))
        cached = _notes.get(network)
        if cached is not None and cached[0] == modules:
            return cached[1]
        images, targets = images[:PROBED_IMAGES], targets[:PROBED_IMAGES]
        activations: list[str] = []

        def prepare(logits: Logits) -> None:
            activations[:] = others(list(_steps(logits)))
            guide(logits)

        guided = input_gradient(classifier, images, targets, prepare).flatten(1).double()
        plain = input_gradient(classifier, images, targets).flatten(1).double()
        compared = guided.any(1) & plain.any(1)
        if not compared.any():  # no image has both gradients
            return ""
        cosine = float(F.cosine_similarity(guided, plain)[compared].min())
        message = ""
        if cosine > MAX_COSINE:
            message = (
                f"guided backpropagation is the plain gradient here (cosine with saliency {cosine:.3f}): hardly any of "
                f"it passes a ReLU, and {', '.join(activations) or 'other activations'} are not guided; "
                "saliency says the same"
            )
        _notes[network] = modules, message
        return message


MAX_COSINE = 0.95
"""Cosine with the plain gradient above which guiding has almost no effect; with mostly ReLUs it is usually below
0.5."""
PROBED_IMAGES = 4
"""Number of images for this measurement."""
_notes: WeakKeyDictionary[nn.Module, tuple[tuple[int, ...], str]] = WeakKeyDictionary()


def guide(logits: Logits) -> None:
    """Puts the rule on every ReLU of the backward pass from `logits`. Raises InputError where there is none."""
    steps = list(_steps(logits))
    for step in steps:
        if sealed := [words for name, words in SEALED.items() if name in step.name()]:
            raise InputError(f"guided backpropagation cannot see the ReLUs inside {sealed[0]}: switch it off")
    gates = {gate for step in steps for gate in _gates(step)}
    relus = [step for step in steps if _is_relu(step) and step not in gates]
    if not relus:
        activations = ", ".join(others(steps)) or "no activation"
        raise InputError(
            f"guided backpropagation needs a ReLU, and a forward pass meets {activations}: "
            "choose saliency or integrated-gradients"
        )
    for relu in relus:
        relu.register_hook(_positive)


def others(steps: list[Node]) -> list[str]:
    """The activations other than ReLU among the steps, in words."""
    return sorted({words for step in steps for name, words in OTHER_ACTIVATIONS.items() if _kind(step) == name})


def _steps(logits: Tensor) -> Iterator[Node]:
    first = logits.grad_fn
    waiting, visited = [first], {first}
    while waiting:
        step = waiting.pop()
        if step is None:
            continue
        yield step
        new = {earlier for earlier, _ in step.next_functions} - visited
        visited |= new
        waiting += new


def _is_relu(step: Any) -> bool:
    match _kind(step):
        case "Relu":
            return True
        case "Threshold":
            return step._saved_threshold == 0
        case "Hardtanh":
            return step._saved_min_val == 0
        case "ClampMin":
            return step._saved_min == 0
        case "Clamp":  # one between 0 and 1, say, keeps pixels in range
            high = step._saved_max
            return _is(getattr(step, "_saved_min", None), 0) and (high is None or _is(high, 6))
        case "Maximum":
            return _is(step._saved_self, 0) or _is(step._saved_other, 0)
    return False


def _is(value: Any, number: float) -> bool:
    return bool((value == number).all()) if isinstance(value, Tensor) else value == number


def _gates(step: Any) -> Iterator[Node | None]:
    """Node that a division by 6 is applied to, if need be through a product."""
    if (
        _kind(step) == "Div"
        and step._saved_other is not None
        and step._saved_other.numel() == 1
        and step._saved_other == 6
    ):
        divided = step.next_functions[0][0]
        yield divided
        if divided is not None and _kind(divided) == "Mul":
            yield from (factor for factor, _ in divided.next_functions)


def _kind(step: Node) -> str:
    """ "Relu" for "ReluBackward0"."""
    return step.name().rstrip("0123456789").removesuffix("Backward")


def _positive(gradients: tuple[Tensor | None, ...], _outer: tuple[Tensor | None, ...]) -> None:
    """Clamps the step's outgoing gradients in place: they are products with 0 and 1 that nothing else refers to, and
    their positive part equals the product with the positive part."""
    for gradient in gradients:
        if gradient is not None:
            gradient.clamp_min_(0)
