"""`check_objective`: the contract of a training objective, tested on a small network."""

from __future__ import annotations

import inspect
import math
from contextlib import suppress
from functools import partial
from types import FunctionType
from typing import Any

import torch
from torch import Tensor

from ironglass.errors import ForwardError, InputError
from ironglass.harden.metadata import eps_of, norm_of
from ironglass.models.classifier import Classifier
from ironglass.testing.contract import check_carries, require, run_checks
from ironglass.testing.networks import NetworkFailed, batch, convolutional
from ironglass.testing.state import unchanged
from ironglass.train.objective import Replaying, as_objective
from ironglass.types import Images, Labels, Logits, Loss

ROUNDING = 1e-6
"""By how much the change of a value may exceed eps in float32."""
ORDERS = {"linf": math.inf, "l2": 2, "l1": 1}
"""Orders of the norms by which a change is measured."""


def check_objective(objective: Any, *, reach: float | None = None) -> None:
    """Checks that a training objective keeps the contract that `ironglass.fit`, `harden` and their reports rely on.

    It is called on a small network in training mode, one of whose batch norms is held in evaluation mode:

    - it takes (classifier, images, labels) and gives the loss and the logits, or the loss alone; it carries `label`
      and `eps`, or, a plain function, has a docstring;
    - the loss is one finite number with a gradient, which is finite and reaches every parameter that is trained; other
      labels give another;
    - the logits are finite, (n, number of classes), of batches of any size;
    - no image that the network is given lies farther than `eps` from the images, by its `norm` ("linf" where it has
      none: in any value), and one is changed where eps is above 0;
    - the same seed of torch's default generator gives the same bits of loss and gradient;
    - it takes no step itself, and leaves the network as it was, also after an error in it: weights, gradients, flags,
      modes, hooks, and the buffers of what is in evaluation mode; so it does images and labels.

    An objective that descends a batch several times (`replayed()`) is called as often as its `replays` says.

    Args:
        objective: the objective, an object or a function.
        reach: the largest change, by that norm and in units of [0, 1], where it is meant to exceed `eps`, as N-FGSM's
            is. None for `eps`. Not checked for a function, which states no eps.

    Raises:
        AssertionError: for the first part of the contract that is broken, named in one line.

    Example:
        >>> from ironglass.harden import TRADES
        >>> from ironglass.testing import check_objective
        >>> check_objective(TRADES(eps=4 / 255, steps=2))
    """
    run_checks(objective, [
        ("its metadata are read", _has_metadata),
        ("taken as an objective", _is_an_objective),
        ("called on six images", _gives_loss_and_logits),
        ("called with other labels", _answers_to_labels),
        ("called on one and on three images", _takes_any_batch),
        ("called twice with one seed", _repeats_itself),
        ("called on a network in training mode", _leaves_the_network),
        ("the network raises an error", _leaves_the_network_after_an_error),
        ("what it gives the network is read", partial(_keeps_its_eps, reach=reach)),
    ])  # fmt: skip


def _has_metadata(objective: Any) -> None:
    if isinstance(objective, FunctionType):
        require(inspect.getdoc(objective), "lacks a docstring: say what it descends, and how far images are changed")
    elif eps_of(objective) is None or not hasattr(objective, "objective"):  # one around another takes over its eps
        check_carries("objective")(objective)


def _is_an_objective(objective: Any) -> None:
    try:
        as_objective(objective)
    except InputError as error:
        raise AssertionError(f"is no objective: {error}") from error


def _call(objective: Any, classifier: Classifier, images: Images, labels: Labels) -> list[tuple[Loss, Logits]]:
    """Loss and logits; of one that replays, of every replay.

    Of one that gives the loss alone, the logits are those of its last pass over as many images, as in training.
    """
    if not isinstance(objective, Replaying):
        passes: list[Logits] = []
        hook = classifier.register_forward_hook(lambda _, __, outputs: passes.append(outputs.detach()))
        try:
            result: Any = objective(classifier, images, labels)
        finally:
            hook.remove()
        complete = [outputs for outputs in passes if len(outputs) == len(images)]
        pair: Any = (result, complete[-1]) if isinstance(result, Tensor) and complete else result
        return [pair]
    replayed = objective.replayed()
    return [replayed(classifier, images, labels) for _ in range(objective.replays)]


def _trained(classifier: Classifier) -> dict[str, Tensor]:
    return {name: parameter for name, parameter in classifier.network.named_parameters() if parameter.requires_grad}


def _gradients(objective: Any, classifier: Classifier, images: Images, labels: Labels) -> list[Tensor]:
    """The last loss, and its gradient with respect to each trained parameter; seeded."""
    torch.manual_seed(3)
    loss = _call(objective, classifier, images, labels)[-1][0]
    gradients = torch.autograd.grad(loss, list(_trained(classifier).values()), allow_unused=True)
    return [loss.detach(), *(torch.zeros(()) if gradient is None else gradient for gradient in gradients)]


def _gives_loss_and_logits(objective: Any) -> None:
    classifier = convolutional()
    images, labels = batch(classifier)
    for result in _call(objective, classifier, images, labels):
        require(isinstance(result, tuple) and len(result) == 2, "does not give a loss and logits")
        loss, logits = result
        require(isinstance(loss, Tensor) and loss.shape == (), "gives a loss that is not a Tensor of one number")
        require(loss.isfinite(), f"gives the loss {float(loss.detach())}")
        require(loss.requires_grad, "gives a loss without a gradient")
        _check_logits(logits, classifier, 6)
        trained = _trained(classifier)
        gradients = torch.autograd.grad(loss, list(trained.values()), allow_unused=True)
        for name, gradient in zip(trained, gradients, strict=True):
            require(gradient is not None, f"gives a loss that no gradient reaches {name} from")
            require(gradient is not None and gradient.isfinite().all(), f"gives {name} a gradient that is not finite")
        nonzero = any(gradient is not None and bool(gradient.any()) for gradient in gradients)
        require(nonzero, "gives a loss whose gradient is 0 for every parameter")


def _check_logits(logits: Any, classifier: Classifier, n: int) -> None:
    expected = (n, len(classifier.classes))
    shape = tuple(logits.shape) if isinstance(logits, Tensor) else type(logits).__name__
    require(shape == expected, f"gives logits {shape}, not {expected}")
    require(logits.isfinite().all(), "gives logits that are not finite")


def _answers_to_labels(objective: Any) -> None:
    gradients = []
    for shift in (0, 1):
        classifier = convolutional()
        images, labels = batch(classifier)
        gradients.append(_gradients(objective, classifier, images, (labels + shift) % len(classifier.classes)))
    require(not torch.equal(gradients[0][0], gradients[1][0]), "gives the same loss for other labels")


def _takes_any_batch(objective: Any) -> None:
    for n in (1, 3):
        classifier = convolutional()
        images, labels = batch(classifier, n)
        for _, logits in _call(objective, classifier, images, labels):
            _check_logits(logits, classifier, n)


def _repeats_itself(objective: Any) -> None:
    gradients = []
    with torch.random.fork_rng(devices=[]):
        for _ in range(2):
            classifier = convolutional()
            gradients.append(_gradients(objective, classifier, *batch(classifier)))
    same = all(torch.equal(first, second) for first, second in zip(*gradients, strict=True))
    require(same, "gives another loss or gradient with the same seed of torch's default generator")


def _leaves_the_network(objective: Any) -> None:
    classifier = convolutional()
    images, labels = batch(classifier)
    with unchanged(classifier, images, labels, training=True):
        _call(objective, classifier, images, labels)


def _leaves_the_network_after_an_error(objective: Any) -> None:
    for passes in (0, 1, 2):
        classifier = convolutional(fails_after=passes)
        images, labels = batch(convolutional())
        when = f" when the network fails in pass {passes + 1}"
        ended = suppress(NetworkFailed, ForwardError)
        with unchanged(classifier, images, labels, when=when, training=True), ended:
            _call(objective, classifier, images, labels)


def _keeps_its_eps(objective: Any, reach: float | None) -> None:
    eps = eps_of(objective)
    if eps is None:
        return
    classifier = convolutional()
    images, labels = batch(classifier)
    farthest, norm = 0.0, norm_of(objective)

    def measure(_: Any, inputs: tuple[Images, ...]) -> None:
        nonlocal farthest
        received = inputs[0].detach()
        if received.shape == images.shape:
            change = (received - images).flatten(1).double()
            farthest = max(farthest, float(torch.linalg.vector_norm(change, ord=ORDERS[norm], dim=1).max()))

    handle = classifier.register_forward_pre_hook(measure)
    _call(objective, classifier, images, labels)
    handle.remove()
    limit = eps if reach is None else reach
    words = f"eps {eps:.4g}" if reach is None else f"a reach of {reach:.4g}"
    words += "" if norm == "linf" else f" in {norm}"
    rounding = ROUNDING * images[0].numel() ** (1 / ORDERS[norm])
    require(farthest <= limit + rounding, f"gives the network images changed by {farthest:.4g}, beyond {words}")
    require(not eps or farthest > 0, f"states eps {eps:.4g} and changes no image")
