"""The only thing that attacks and explainers ever see: pixels in [0, 1] to logits."""

from __future__ import annotations

import threading
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.parameter import UninitializedParameter

from ironglass.errors import InputError
from ironglass.models.exclusive import exclusive, is_held, modules_of
from ironglass.models.forward_pass import Manner, needs_a_pass, other_count, read_pass, take_pass, unwrapped
from ironglass.models.memory import cut_pass
from ironglass.models.normalisation import GIVEN, check_statistics
from ironglass.models.outputs import read_outputs
from ironglass.models.probability import are_distributions, is_probability, log_of
from ironglass.types import Images, Logits

# Images were checked where they came in; inside `frozen` every further pass may skip it.
_checked = threading.local()

_NAMED = 10
PROBED = 16
"""Images by which a single output is seen to be a probability, black and white among them."""


class Classifier(nn.Module):
    """A network with everything that belongs to it: normalisation, class names, input size.

    logits = network((images - mean) / std)

    network: any module that maps (n, c, h, w) to logits (n, k), or to what can be read as such, see `read_outputs`; of
    a DataParallel or compiled module the one inside. It may be of any precision: images are brought to it, and logits
    are float32 at least. mean, std: one number a channel, in units of [0, 1]. classes: k names. input_size: height and
    width in pixels, or one number for a square.
    """

    mean: Tensor
    std: Tensor
    source: str
    """The name it was loaded by, "" for a module of the user's own."""
    options: dict[str, Any]
    """What its network's builder was given beside classes, channels and size."""
    normalisation: str
    """Who says mean and std: "given" by the caller, "model's configuration", or "assumed"."""
    built_with: tuple[Any, ...] | None
    """Of fresh weights, sums by which `models.fresh` tells whether they are still the same; None of others."""
    remarks: tuple[str, ...]
    """What was chosen or assumed while it was loaded, a sentence each."""

    def __init__(
        self,
        network: nn.Module,
        *,
        mean: Sequence[float],
        std: Sequence[float],
        classes: Sequence[str],
        input_size: int | tuple[int, int],
    ) -> None:
        super().__init__()
        check_statistics(mean, std)
        if len(set(classes)) != len(classes) or len(classes) < 2:
            raise InputError(f"classes must be at least two different names, not {list(classes)[:5]}")
        self.network = unwrapped(network)
        self.training = self.network.training
        self.source, self.options = "", {}
        self.built_with = None
        self.normalisation, self.remarks = GIVEN, ()
        self.classes = tuple(str(name) for name in classes)
        self.input_size: tuple[int, int] = (input_size, input_size) if isinstance(input_size, int) else input_size
        self._manner: Manner | None = None
        self._squashed: tuple[int, bool] | None = None
        self._distributions: tuple[int, bool] | None = None
        first = next(self.network.parameters(), None)
        given: dict[str, Any] = {"dtype": torch.float32, "device": None if first is None else first.device}
        for name, values in (("mean", mean), ("std", std)):
            self.register_buffer(name, torch.tensor(values, **given).view(1, -1, 1, 1), persistent=False)

    def __repr__(self) -> str:
        height, width = self.input_size
        named = ", ".join(self.classes[:_NAMED]) + (", …" if len(self.classes) > _NAMED else "")
        mean, std = (", ".join(f"{float(one):.4g}" for one in part.flatten()) for part in (self.mean, self.std))
        weights = sum(one.numel() for one in self.network.parameters() if not isinstance(one, UninitializedParameter))
        return "\n".join([
            f"Classifier({self.source or type(self.network).__name__}, {weights:,} parameters, {self.device}",
            f"  images   {width} × {height} × {self.channels}, mean {mean}, std {std}",
            f"  classes  {len(self.classes)}: {named})",
        ])  # fmt: skip

    def normalise(self, mean: Sequence[float], std: Sequence[float], origin: str) -> None:
        """Takes other numbers for mean and std, a number a channel each; `origin` as `normalisation`."""
        check_statistics(mean, std)
        if len(mean) != self.channels:
            raise InputError(f"mean has {len(mean)} numbers and the classifier takes {self.channels} channels")
        for own, values in ((self.mean, mean), (self.std, std)):
            own.copy_(torch.tensor(values, dtype=own.dtype).view_as(own))
        self.normalisation = origin

    def rename(self, classes: Sequence[str]) -> None:
        """Calls the outputs by other names, in their order. Raises InputError for another number of them."""
        if len(classes) != len(self.classes) or len(set(classes)) != len(classes):
            raise InputError(f"{len(set(classes))} different names for {len(self.classes)} outputs: give one each")
        self.classes = tuple(str(name) for name in classes)

    @property
    def channels(self) -> int:
        """Channels of an image: 1 for grey, 3 for colour."""
        return self.mean.shape[1]

    @property
    def device(self) -> torch.device:
        """Where the network is."""
        return self.mean.device

    @property
    def adaptation(self) -> str:
        """What is done to the network's outputs and images, a sentence; "" where nothing is, or none passed yet."""
        manner = self._manner
        if manner is None or manner.network != id(self.network):
            return ""
        said = [manner.words] if manner.words else []
        if manner.contiguous:
            said.append("images are laid out channel by channel, as its code needs")
        if self._distributions == (id(self.network), True):
            said.append("its outputs are probabilities, which confidences and losses take as they are")
        if manner.dtype != torch.float32:
            said.append(f"it computes in {str(manner.dtype).removeprefix('torch.')}")
        return f"Of the network, {'; '.join(said)}." if said else ""

    @property
    def without_gradient(self) -> str:
        """Why the network is a black box, which gives no gradient; "" where it is none."""
        return next((said for one in self.network.modules() if (said := getattr(one, "without_gradient", ""))), "")

    @property
    def is_plain(self) -> bool:
        """Whether, as far as its passes have shown, the network's outputs are the logits and any images do."""
        manner = self._manner
        return manner is None or manner.network != id(self.network) or not (manner.words or manner.contiguous)

    def forward(self, images: Images) -> Logits:
        """Logits of images in [0, 1]. Raises InputError, naming the range found, for anything else, and for outputs
        that are no logits of the classes.

        In training mode the range is not checked: some objectives step outside it on purpose.
        """
        if torch.compiler.is_compiling():
            return read_pass(self.network((images - self.mean) / self.std), len(images), len(self.classes))[0]
        if not self.training and not getattr(_checked, "inside", False):
            check_images(images, self.channels)
        if is_held(self.network):
            return self._pass(images) if self.training else cut_pass(self.network, self._pass, images)
        with exclusive(self.network):
            return self._pass(images) if self.training else cut_pass(self.network, self._pass, images)

    def _pass(self, images: Images, whole: bool = True) -> Logits:
        """Logits of images that have been checked. whole: whether these are all that were given, none cut off."""
        n, k = len(images), len(self.classes)
        if whole and n in (1, k) and not self._is_settled():
            self.settle(images)  # before the pass itself, which is what a watching hook shall see last
        known = self._manner
        found, manner = take_pass(self.network, known, images, self.mean, self.std)
        plain = isinstance(found, Tensor) and found.dtype == torch.float32 and found.shape == (n, k)
        if plain and manner is known and manner.settled and not manner.words:
            return self._trained(found) if self.training else found
        logits, words = read_pass(found, n, k, training=self.training, squashed=self._is_squashed)
        if not self.training:
            self._learn(manner, n, words)
            return logits
        return self._trained(logits)

    def _trained(self, outputs: Logits) -> Logits:
        """What objectives learn from: of a network that gives probabilities their logarithms, else the outputs."""
        if self._distributions is None or self._distributions[0] != id(self.network):
            self._distributions = id(self.network), are_distributions(outputs)
        return log_of(outputs) if self._distributions[1] else outputs

    def _is_squashed(self) -> bool:
        """Whether a network with one output gives probabilities: seen in the graph of one pass, once.

        Raises InputError for a black box whose output could be either.
        """
        if self._squashed is None or self._squashed[0] != id(self.network):
            size = (PROBED, self.channels, *self.input_size)
            images = torch.rand(size, generator=torch.Generator().manual_seed(1)).to(self.device)
            images[0], images[1] = 0, 1
            with frozen(self), torch.inference_mode(False), torch.enable_grad():
                found, _ = take_pass(self.network, self._manner, images.requires_grad_(), self.mean, self.std)
                single = read_outputs(found, len(images), len(self.classes)).single
                squashed = False if single is None else is_probability(single)
            if squashed is None:
                raise InputError(
                    "the network's one output an image lies between 0 and 1 and may be a probability or a logit: "
                    "give it two outputs, or leave the sigmoid out"
                )
            self._squashed = id(self.network), bool(squashed)
        return self._squashed[1]

    def _is_settled(self) -> bool:
        return self._manner is not None and self._manner.settled and self._manner.network == id(self.network)

    def _learn(self, manner: Manner, n: int, words: str) -> None:
        """Takes down how the pass of n images went."""
        if n not in (1, len(self.classes)):
            manner = replace(manner, settled=True, words=words)
        if manner != self._manner:
            self._manner = manner

    def settle(self, images: Images | None = None) -> Logits:
        """The logits of a few images, random ones by default, in evaluation mode: enough to see how the outputs are to
        be read. Nothing of the network or of the random state changes, but that lazy layers get their shape.

        Raises InputError for outputs that are no logits of the classes, and for a network whose forward fails.
        """
        count = other_count(len(self.classes))
        devices = [self.device] if self.device.type == "cuda" else []
        quiet = warnings.catch_warnings()  # of a pass without gradients, say; what matters is said by the real ones
        with quiet, torch.random.fork_rng(devices), torch.inference_mode(False), torch.no_grad():
            warnings.simplefilter("ignore")
            if images is None:
                size = (count, self.channels, *self.input_size)
                images = torch.rand(size, generator=torch.Generator().manual_seed(0)).to(self.device)
            else:
                images = images.detach()[torch.arange(count, device=images.device) % len(images)]
            if needs_a_pass(self.network):
                self._shape_lazy_layers(images)
            with frozen(self):
                # as a data set's images lie; a network that cannot take them so is given them otherwise
                stored = images.permute(0, 2, 3, 1)
                outputs = self(stored.reshape(-1).view(stored.shape).permute(0, 3, 1, 2))
        self._distributions = id(self.network), are_distributions(outputs)
        return outputs

    def _shape_lazy_layers(self, images: Images) -> None:
        """One pass that gives lazy layers their weights, which cannot be `frozen` before."""
        modes = [(module, module.training) for module in self.network.modules()]
        try:
            self.network.eval()
            take_pass(self.network, None, images, self.mean, self.std)
        finally:
            for module, mode in modes:
                module.training = mode

    def accept(self, images: Images) -> Images:
        """Images as a public call takes them: checked, float32, on the classifier's device; and the outputs checked,
        where they have not been."""
        check_images(images, self.channels)
        images = images.to(self.device, torch.float32)
        if not self._is_settled():
            self.settle(images)
        return images

    def _apply(self, fn: Callable[[Tensor], Tensor], recurse: bool = True) -> Classifier:
        """As every module's; but mean and deviation stay float32, in half of which 0.485 is another number."""
        before = self.mean, self.std
        super()._apply(fn, recurse)
        for name, values in zip(("mean", "std"), before, strict=True):
            if (now := getattr(self, name)).dtype != values.dtype:
                setattr(self, name, values.to(now.device))
        return self

    def layers(self) -> dict[str, nn.Module]:
        """The network's layers by name, in the order in which a forward pass enters them: its innermost modules, and
        those that have weights or statistics of their own, as timm's batch-norm, which holds its activation.

        Found by a dry run on a grey image. A module that runs twice stands at its first place; one that never runs is
        left out, and so is what the network itself owns, as a transformer's class token.
        """
        with exclusive(self.network):  # before there are hooks, which would be in the way of others
            return self._layers()

    def _layers(self) -> dict[str, nn.Module]:
        order: dict[str, nn.Module] = {}
        handles = [
            module.register_forward_pre_hook(lambda module, _in, name=name: order.setdefault(name, module) and None)
            for name, module in self.network.named_modules()
            if name and "parametrizations" not in name and (is_innermost(module) or list(own_tensors(module)))
        ]
        try:
            with frozen(self), torch.no_grad():
                self(torch.full((2, self.channels, *self.input_size), 0.5, device=self.device))
        finally:
            for handle in handles:
                handle.remove()
        return order

    def convolutions(self) -> dict[str, nn.Conv2d]:
        """The convolutional layers by name, in the order in which they run."""
        return {name: layer for name, layer in self.layers().items() if isinstance(layer, nn.Conv2d)}


def is_innermost(module: nn.Module) -> bool:
    """Whether no other layer lies in it; a weight that is parametrised (spectral norm, say) does not make it an outer
    one."""
    return not {name for name, _ in module.named_children()} - {"parametrizations"}


def own_tensors(layer: nn.Module) -> Iterator[Tensor]:
    """Parameters and buffers of a layer, without those of layers that lie in it."""
    inner = is_innermost(layer)
    yield from layer.parameters(recurse=inner)
    yield from layer.buffers(recurse=inner)


def check_images(images: Tensor, channels: int | None = None) -> None:
    """Raises InputError unless `images` is float, (n, c, h, w), finite and in [0, 1]."""
    if images.ndim != 4:
        raise InputError(f"images have shape {tuple(images.shape)}: give them as (n, c, h, w)")
    if not images.is_floating_point():
        raise InputError(f"images are {images.dtype}: give float32 in [0, 1], for bytes images.float() / 255")
    if channels is not None and images.shape[1] != channels:
        raise InputError(f"images have {images.shape[1]} channels and the classifier takes {channels}")
    if images.numel() == 0:
        raise InputError("there are no images: the batch is empty")
    low, high = (float(bound) for bound in images.detach().aminmax())
    if not (low >= 0 and high <= 1):  # also catches NaN
        raise InputError(f"images range from {low:.4g} to {high:.4g}: give them in [0, 1], not normalised")


def check_labels(labels: Tensor, n: int, classes: int) -> None:
    """Raises InputError unless `labels` is int64, (n,), with every one a position in the list of classes."""
    if labels.dtype != torch.int64 or tuple(labels.shape) != (n,):
        raise InputError(f"labels are {labels.dtype} {tuple(labels.shape)}: give int64 ({n},), one class an image")
    low, high = (int(bound) for bound in labels.aminmax())
    if low < 0 or high >= classes:
        raise InputError(f"labels range from {low} to {high}: {classes} classes are numbered 0 to {classes - 1}")


@contextmanager
def frozen(classifier: Classifier) -> Iterator[Classifier]:
    """Inside: evaluation mode, and no gradient to any parameter, so that only the image's is computed.

    Mode, gradient flags and parameter gradients are as before on leaving, also after an exception. The caller has
    checked the images; passes inside do not check them again. Other threads wait for their turn on the network.
    """
    with exclusive(classifier.network):
        yield from _frozen(classifier)


def _frozen(classifier: Classifier) -> Iterator[Classifier]:
    modules = (classifier, *modules_of(classifier.network))
    modes = [(module, module.training) for module in modules]
    own = (parameter for module in modules for parameter in module._parameters.values())
    flags = [(parameter, parameter.requires_grad) for parameter in own if parameter is not None]
    inside = getattr(_checked, "inside", False)
    try:
        if any(mode for _, mode in modes):
            classifier.eval()
        for parameter, flag in flags:
            if flag:
                parameter.requires_grad_(False)
        _checked.inside = True
        yield classifier
    finally:
        _checked.inside = inside
        for module, mode in modes:
            if module.training != mode:  # asking is much faster than setting
                module.training = mode
        for parameter, flag in flags:
            if parameter.requires_grad != flag:
                parameter.requires_grad_(flag)
