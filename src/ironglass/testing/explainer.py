"""`check_explainer`: the contract of an explainer, tested on small networks."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from functools import partial
from typing import Any

import torch
from torch import Tensor

from ironglass.errors import InputError
from ironglass.explain import explain
from ironglass.models.classifier import Classifier
from ironglass.testing.contract import check_carries, name_of, require, run_checks
from ironglass.testing.networks import NetworkFailed, attentive, batch, blind, convolutional
from ironglass.testing.state import unchanged
from ironglass.testing.wrong_input import check_refusals
from ironglass.types import Images, Labels

Fresh = Callable[[], Classifier]
SIZE = 20
"""Height and width of the images, in pixels."""


def check_explainer(explainer: Any, *, uses_targets: bool = True) -> None:
    """Checks that an explainer keeps the contract that `ironglass.explain`, plans and reports rely on.

    It is called on a small network of convolutions or, where it refuses that with InputError, on a small transformer:

    - it carries `label`, `unit` and `signed`;
    - maps are float32 (n, 1 or c, h, w), of the images' height and width, on their device, or a dict of maps
      (n, 1 or c, any height, any width) by layer; of one image as of three;
    - maps are finite, of a black and a white image and of a network that answers everything alike too, and hang on no
      graph;
    - maps that are not `signed` are at least 0, and those that are have negative values somewhere;
    - the same call gives the same bits, and leaves torch's own random state alone;
    - each image is explained for its own target, alone as in a batch, and for other targets otherwise;
    - the network is left as it was, also after an error in it: weights, gradients, flags, buffers, modes, hooks; so are
      the images and targets;
    - images that are not float in [0, 1] of the right shape, and targets that are no classes, raise InputError.

    `ironglass.explain.explainer_call`, put on an explainer's `__call__`, takes care of the network and of wrong input.

    Args:
        explainer: the explainer object.
        uses_targets: False for a method whose maps are the same whatever class is explained, as attention rollout's;
            that they are is then checked.

    Raises:
        AssertionError: for the first part of the contract that is broken, named in one line.

    Example:
        >>> from ironglass.explain import Saliency
        >>> from ironglass.testing import check_explainer
        >>> check_explainer(Saliency())
    """
    run_checks(explainer, [("its metadata are read", check_carries("explainer"))])
    fresh = _networks_for(explainer)
    run_checks(explainer, [
        ("explaining three images", partial(_gives_maps, fresh=fresh, n=3)),
        ("explaining one image", partial(_gives_maps, fresh=fresh, n=1)),
        ("explaining a network in training mode", partial(_leaves_the_network, fresh=fresh)),
        ("the network raises an error", partial(_leaves_the_network_after_an_error, fresh=fresh)),
        ("explaining images again", partial(_repeats_itself, fresh=fresh)),
        ("explaining images alone", partial(_explains_each_for_its_own_target, fresh=fresh)),
        ("explaining other targets", partial(_answers_to_targets, fresh=fresh, uses_targets=uses_targets)),
        ("explaining a network that answers everything alike", partial(_is_finite_without_evidence, fresh=fresh)),
        ("given wrong input", partial(check_refusals, fresh=fresh, decorator="ironglass.explain.explainer_call")),
    ])  # fmt: skip


def _networks_for(explainer: Any) -> Fresh:
    """Finds a function that makes a small network which the explainer does not refuse."""
    message = ""
    for fresh in (partial(convolutional, SIZE), partial(attentive, SIZE)):
        classifier = fresh()
        try:
            explain(classifier, *batch(classifier, 3), explainer)
        except InputError as error:
            message = str(error)
            continue
        except Exception:  # which the first check names
            pass
        return fresh
    raise AssertionError(f"{name_of(explainer)} refuses a network of convolutions and a transformer: {message}")


def _maps(explainer: Any, classifier: Classifier, images: Images, targets: Labels) -> dict[str, Tensor]:
    """The maps by layer, {"": maps} where there are no layers."""
    result: Any = explain(classifier, images, targets, explainer)
    return dict(result) if isinstance(result, dict) else {"": result}


def _gives_maps(explainer: Any, fresh: Fresh, n: int) -> None:
    classifier = fresh()
    images, targets = batch(classifier, n)
    result: Any = explain(classifier, images, targets, explainer)
    if not isinstance(result, dict):
        require(isinstance(result, Tensor), f"gives {type(result).__name__}, not a Tensor or a dict of them by layer")
        require(result.ndim == 4 and result.shape[2:] == images.shape[2:], _shaped(result, images))
    by_layer: dict[str, Any] = result if isinstance(result, dict) else {"": result}
    require(by_layer, "gives no map")
    for maps in by_layer.values():
        require(isinstance(maps, Tensor), f"gives {type(maps).__name__} for a layer, not a Tensor")
        right = maps.ndim == 4 and len(maps) == n and maps.shape[1] in (1, images.shape[1]) and maps.numel() > 0
        require(right, _shaped(maps, images))
        require(maps.dtype == torch.float32, f"gives {maps.dtype}, not float32")
        require(not maps.requires_grad, "gives maps that hang on a graph: detach them")
        require(maps.isfinite().all(), f"gives maps of {n} images that are not finite")
    minimum = min(float(maps.amin()) for maps in by_layer.values())
    if not explainer.signed:
        require(minimum >= 0, f"is not signed and gives {minimum:.4g}: negative values")
    elif n > 1:
        require(minimum < 0, "is signed and gives no negative value anywhere")


def _shaped(maps: Tensor, images: Images) -> str:
    return f"gives maps of shape {tuple(maps.shape)} for images of {tuple(images.shape)}"


def _is_finite_without_evidence(explainer: Any, fresh: Fresh) -> None:
    classifier = blind(fresh())
    images, targets = batch(classifier, 3)
    for maps in _maps(explainer, classifier, images, targets).values():
        require(maps.isfinite().all(), "gives maps that are not finite of a network that answers everything alike")


def _repeats_itself(explainer: Any, fresh: Fresh) -> None:
    classifier = fresh()
    images, targets = batch(classifier, 3)
    first, second = (_maps(explainer, classifier, images, targets) for _ in range(2))
    require(first.keys() == second.keys(), "gives other layers when called again")
    same = all(torch.equal(first[layer], second[layer]) for layer in first)
    require(same, "gives other maps when called again")


def _explains_each_for_its_own_target(explainer: Any, fresh: Fresh) -> None:
    classifier = fresh()
    images, _ = batch(classifier, 3)
    targets = torch.tensor([0, 2, 3])
    together = _maps(explainer, classifier, images, targets)
    for i in range(3):
        alone = _maps(explainer, classifier, images[i : i + 1], targets[i : i + 1])
        near = all(_near(together[layer][i : i + 1], alone[layer]) for layer in together)
        require(near, f"explains image {i + 1} of three otherwise than alone for the same target")


def _near(maps: Tensor, others: Tensor) -> bool:
    """Returns whether maps agree up to float noise, a thousandth of their largest value."""
    return bool(torch.allclose(maps, others, rtol=1e-3, atol=1e-3 * float(maps.abs().amax()) + 1e-7))


def _answers_to_targets(explainer: Any, fresh: Fresh, uses_targets: bool) -> None:
    classifier = fresh()
    images, _ = batch(classifier, 3)
    targets = torch.tensor([0, 2, 3])
    first, second = (_maps(explainer, classifier, images, (targets + shift) % 5) for shift in (0, 1))
    equal = all(_near(first[layer], second[layer]) for layer in first)
    if uses_targets:
        require(not equal, "gives the same maps for other targets; pass uses_targets=False if that is meant")
    else:
        require(equal, "gives other maps for other targets although uses_targets is False")


def _leaves_the_network(explainer: Any, fresh: Fresh) -> None:
    classifier = fresh()
    images, targets = batch(classifier, 3)
    with unchanged(classifier, images, targets):
        explain(classifier, images, targets, explainer)


def _leaves_the_network_after_an_error(explainer: Any, fresh: Fresh) -> None:
    for passes in (0, 1, 2):
        classifier = fresh()
        images, targets = batch(classifier, 3)
        left = passes

        def fail(*_: Any) -> None:
            nonlocal left
            left -= 1
            if left < 0:
                raise NetworkFailed("this network was built to fail")

        handle = next(classifier.network.children()).register_forward_hook(fail)
        when = f" when the network fails in pass {passes + 1}"
        with unchanged(classifier, images, targets, when=when), suppress(NetworkFailed, InputError):
            explain(classifier, images, targets, explainer)
        handle.remove()
