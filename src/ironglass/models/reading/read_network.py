"""`ReadNetwork`: a network whose outputs, in any supported form, are read as logits of the classes."""

from __future__ import annotations

import warnings
from dataclasses import replace

import torch
from torch import Tensor, nn

from ironglass.errors import ForwardError, InputError
from ironglass.models.checks import check_images
from ironglass.models.eval_without_grad import are_checked, eval_without_grad
from ironglass.models.exclusive import exclusive, is_held
from ironglass.models.memory import cut_pass
from ironglass.models.reading.forward_pass import (
    InputFormat,
    at_least_float32,
    has_lazy_layers,
    other_count,
    read_pass,
    shape_lazy_layers,
    take_pass,
    unwrapped,
)
from ironglass.models.reading.outputs import ReadOutputs, read_outputs
from ironglass.models.reading.probability import are_distributions, give_probabilities, is_probability, log_of
from ironglass.models.unchanged import check_tensors
from ironglass.types import Images, Logits

PROBED = 16
"""Images by which a single output is seen to be a probability, black and white among them."""
PROBE_BATCH = 4
"""The same of outputs that are distributions already, by the values."""


class ReadNetwork(nn.Module):
    """logits = network((images - mean) / std), of a network that gives them in one form or another.

    network, mean, std, classes, input_size: as `Classifier` has them.
    """

    mean: Tensor
    std: Tensor
    classes: tuple[str, ...]
    input_size: tuple[int, int]

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        check_tensors(network)
        self.network = unwrapped(network)
        self.training = getattr(self.network, "training", False)
        self._manner: InputFormat | None = None
        # of the network with this identity
        self._squashed: tuple[int, bool] | None = None
        self._probabilities: tuple[int, bool] | None = None
        self._learned: tuple[int, bool] | None = None

    @property
    def channels(self) -> int:
        """Channels of an image: 1 for grey, 3 for colour."""
        return self.mean.shape[1]

    @property
    def device(self) -> torch.device:
        """Device of the network."""
        return self.mean.device

    @property
    def adaptation(self) -> str:
        """Sentence on what is done to the network's outputs and images; "" where nothing is, or none passed yet."""
        input_format = self._manner
        if input_format is None or input_format.network != id(self.network):
            return ""
        clauses = [input_format.words] if input_format.words else []
        if input_format.contiguous:
            clauses.append("images are laid out channel by channel, as its code needs")
        if self._probabilities == (id(self.network), True):
            clauses.append("its outputs are probabilities, which confidences and losses take as they are")
        if input_format.dtype != torch.float32:
            clauses.append(f"it computes in {str(input_format.dtype).removeprefix('torch.')}")
        return f"Of the network, {'; '.join(clauses)}." if clauses else ""

    @property
    def is_plain(self) -> bool:
        """True if, as far as its passes have shown, the network's outputs are the logits and any images do."""
        input_format = self._manner
        return (
            input_format is None
            or input_format.network != id(self.network)
            or not (input_format.words or input_format.contiguous)
        )

    @property
    def gives_probabilities(self) -> bool:
        """Returns whether the outputs in evaluation mode are probabilities of the classes, as behind a softmax, not
        logits.

        Decided once a network: by the values of a few random images, and by the steps that they come out of.
        """
        if self._probabilities is None or self._probabilities[0] != id(self.network):
            self.settle()
        return self._probabilities is not None and self._probabilities[1]

    def as_logits(self, outputs: Logits) -> Logits:
        """Outputs (n, k) of evaluation mode as logits, whose softmax is what the network says: the logarithms of
        probabilities, else the outputs themselves."""
        finite_rows = outputs[~outputs.isnan().any(1)]
        if not are_distributions(finite_rows):
            return outputs  # of logits, and of a network that has come to give them since it was looked at
        try:
            if not self.gives_probabilities:
                self.settle()  # it may have come to give probabilities, as by a flag
            squashed = self.gives_probabilities
        except ForwardError:  # random images are not for every network
            squashed = give_probabilities(finite_rows)
        return log_of(outputs) if squashed else outputs

    def forward(self, images: Images) -> Logits:
        """Logits of images in [0, 1]. Raises InputError, naming the range found, for anything else, and for outputs
        that are no logits of the classes.

        In training mode the range is not checked: some objectives step outside it on purpose.
        """
        if torch.compiler.is_compiling():
            return read_pass(self.network((images - self.mean) / self.std), len(images), len(self.classes))[0]
        if not self.training and not are_checked():
            check_images(images, self.channels)
        if is_held(self.network):
            return self._pass(images) if self.training else cut_pass(self.network, self._pass, images)
        with exclusive(self.network):
            return self._pass(images) if self.training else cut_pass(self.network, self._pass, images)

    def _pass(self, images: Images, is_complete: bool = True) -> Logits:
        """Logits of images that have been checked. whole: whether these are all that were given, none cut off."""
        n, k = len(images), len(self.classes)
        if is_complete and n in (1, k) and not self._is_settled():
            self.settle(images)  # before the pass itself, which is what a watching hook shall see last
        known_format = self._manner
        outputs, input_format = take_pass(self.network, known_format, images, self.mean, self.std)
        is_plain = isinstance(outputs, Tensor) and outputs.dtype == torch.float32 and outputs.shape == (n, k)
        if is_plain and input_format is known_format and input_format.settled and not input_format.words:
            return self._trained(outputs) if self.training else outputs
        logits, words = read_pass(outputs, n, k, training=self.training, squashed=self._is_squashed)
        if not self.training:
            self._learn(input_format, n, words)
            return logits
        return self._trained(logits)

    def _trained(self, outputs: Logits) -> Logits:
        """Outputs that objectives are computed from: of a network that gives probabilities their logarithms, else the
        outputs.

        Decided by the first batch in training mode, since many networks have their softmax in evaluation mode alone.
        """
        if self._learned is None or self._learned[0] != id(self.network):
            self._learned = id(self.network), give_probabilities(outputs)
        return log_of(outputs) if self._learned[1] else outputs

    def _is_squashed(self) -> bool:
        """Returns whether a network with one output gives probabilities: seen in the graph of one pass, once.

        Raises InputError for a black box whose output could be either.
        """
        if self._squashed is None or self._squashed[0] != id(self.network):
            single = self._probed(PROBED).single
            squashed = False if single is None else is_probability(single)
            if squashed is None:
                raise InputError(
                    "the network's one output an image lies between 0 and 1 and may be a probability or a logit: "
                    "give it two outputs, or leave the sigmoid out"
                )
            self._squashed = id(self.network), bool(squashed)
        return self._squashed[1]

    def _probed(self, count: int) -> ReadOutputs:
        """Outputs in evaluation mode for random images, with the graph of how it came to be; without, of
        one that cannot pass images that need a gradient."""
        size = (count, self.channels, *self.input_size)
        images = torch.rand(size, generator=torch.Generator().manual_seed(1)).to(self.device)
        images[0], images[1] = 0, 1
        with eval_without_grad(self), torch.inference_mode(False), torch.enable_grad():
            try:
                outputs, _ = take_pass(self.network, self._manner, images.requires_grad_(), self.mean, self.std)
            except ForwardError:
                outputs, _ = take_pass(self.network, self._manner, images.detach(), self.mean, self.std)
            reading = read_outputs(outputs, count, len(self.classes))
            return replace(reading, logits=at_least_float32(reading.logits))

    def probed_logits(self) -> Logits:
        """Outputs (n, k) of a few random images in evaluation mode, with the graph of the steps they come out of.

        Raises ForwardError where the network takes no random images.
        """
        k = len(self.classes)
        count = PROBE_BATCH + (k == PROBE_BATCH)  # a batch size that is no number of classes shows which axis is which
        return self._probed(count).logits

    def _probed_or(self, outputs: Logits) -> Logits:
        try:
            return self.probed_logits()
        except ForwardError:
            return outputs

    def _is_settled(self) -> bool:
        return self._manner is not None and self._manner.settled and self._manner.network == id(self.network)

    def _learn(self, input_format: InputFormat, n: int, words: str) -> None:
        """Records the input format and adaptation of a pass of n images."""
        if n not in (1, len(self.classes)):
            input_format = replace(input_format, settled=True, words=words)
        if input_format != self._manner:
            self._manner = input_format

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
            if has_lazy_layers(self.network):
                shape_lazy_layers(self.network, images, self.mean, self.std)
            with eval_without_grad(self):
                # as a data set's images lie; a network that cannot take them so is given them otherwise
                stored = images.permute(0, 2, 3, 1)
                outputs = self(stored.reshape(-1).view(stored.shape).permute(0, 3, 1, 2))
                # a softmax's outputs are distributions for all images; only then is it worth a pass to see the steps
                gives_probabilities = are_distributions(outputs) and give_probabilities(self._probed_or(outputs))
        self._probabilities = id(self.network), gives_probabilities
        return outputs

    def accept(self, images: Images) -> Images:
        """Images as a public call takes them: checked, float32, on the classifier's device; and the outputs checked,
        where they have not been."""
        check_images(images, self.channels)
        images = images.to(self.device, torch.float32)
        if not self._is_settled():
            self.settle(images)
        return images
