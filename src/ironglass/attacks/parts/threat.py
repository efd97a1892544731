"""Threat models: the changes that an attacker may make to an image."""

from __future__ import annotations

import math
from typing import Protocol, runtime_checkable

import torch
from torch import Tensor

from ironglass.attacks.parts.l1_ball import nearest_in_l1
from ironglass.errors import InputError
from ironglass.fields import settings
from ironglass.types import Images, Mask

# The most by which the sum of a value and eps can round in float32: half a unit in the last place just below 2.
ROUNDING = 2.0**-24

SLIDE = 0.01
"""Share of the values that a step under L1 moves, at least."""


@runtime_checkable
class Threat(Protocol):
    """A set of allowed changes around an image, within [0, 1].

    eps: its size, in units of [0, 1].
    """

    @property
    def eps(self) -> float:
        """Size of the set, in units of [0, 1]."""
        ...

    def start(self, images: Images, generator: torch.Generator) -> Images:
        """A uniform draw from the set around each image, then clipped to [0, 1]."""
        ...

    def step(self, gradient: Images) -> Images:
        """The direction of length 1, by this norm, along which a loss with this gradient rises fastest."""
        ...

    def project(self, images: Images, adversarial: Images) -> Images:
        """`adversarial` brought back into the set around `images`, and into [0, 1]."""
        ...

    def allows(self, images: Images, adversarial: Images) -> Mask:
        """Returns whether each adversarial image is in the set and in [0, 1]."""
        ...


@settings(frozen=True)
class Linf:
    """Every value of an image may change by at most eps."""

    eps: float

    def __post_init__(self) -> None:
        _check_eps(self.eps)
        if self.eps > 1:
            raise InputError(f"eps is {self.eps:g} and images range from 0 to 1: for bytes write {self.eps:g}/255")

    def start(self, images: Images, generator: torch.Generator) -> Images:
        """A uniform draw from the cube around each image, then clipped to [0, 1]."""
        noise = torch.rand(images.shape, generator=generator, device=generator.device).to(images)
        return self.project(images, images + self.eps * (2 * noise - 1))

    def step(self, gradient: Images) -> Images:
        """sign(gradient): every value moves."""
        return gradient.sign()

    def project(self, images: Images, adversarial: Images) -> Images:
        """Clips every value to within eps of the image's, and to [0, 1]."""
        return torch.clamp(adversarial, images - self.eps, images + self.eps).clamp_(0, 1)

    def allows(self, images: Images, adversarial: Images) -> Mask:
        """Largest change ≤ eps, up to the rounding of one float32 addition (2⁻²⁴), and values in [0, 1]."""
        change = (adversarial.double() - images.double()).abs().flatten(1).amax(1)
        return (change <= self.eps + ROUNDING) & _in_range(adversarial)


@settings(frozen=True)
class L2:
    """The change of an image, as one vector of all its values, may be at most eps long."""

    eps: float

    def __post_init__(self) -> None:
        _check_eps(self.eps)

    def start(self, images: Images, generator: torch.Generator) -> Images:
        """A uniform draw from the ball around each image, then clipped to [0, 1]."""
        direction = self.step(torch.randn(images.shape, generator=generator, device=generator.device).to(images))
        radius = torch.rand(len(images), 1, 1, 1, generator=generator, device=generator.device).to(images)
        return self.project(images, images + self.eps * radius ** (1 / images[0].numel()) * direction)

    def step(self, gradient: Images) -> Images:
        """gradient / ‖gradient‖₂ an image; 0 where the gradient is 0."""
        tiny = torch.finfo(gradient.dtype).tiny
        # by the largest value first: the square of a small gradient would round to nothing
        scaled = gradient / gradient.abs().amax((1, 2, 3), keepdim=True).clamp_min(tiny)
        return scaled / torch.linalg.vector_norm(scaled, dim=(1, 2, 3), keepdim=True).clamp_min(tiny)

    def project(self, images: Images, adversarial: Images) -> Images:
        """Shortens the change to eps, then clips to [0, 1], which can only shorten it further."""
        change = adversarial - images
        length = torch.linalg.vector_norm(change, dim=(1, 2, 3), keepdim=True)
        factor = (self.eps / length.clamp_min(torch.finfo(change.dtype).tiny)).clamp_max(1)
        return (images + change * factor).clamp_(0, 1)

    def allows(self, images: Images, adversarial: Images) -> Mask:
        """‖change‖₂ ≤ eps, up to a millionth and the rounding of each value (2⁻²⁴), and values in [0, 1]."""
        change = torch.linalg.vector_norm((adversarial.double() - images.double()).flatten(1), dim=1)
        rounding = ROUNDING * math.sqrt(images[0].numel())
        return (change <= self.eps * (1 + 1e-6) + rounding) & _in_range(adversarial)


@settings(frozen=True)
class L1:
    """The changes of all values of an image may add up to at most eps (Croce & Hein 2021, arXiv 2103.01208)."""

    eps: float

    def __post_init__(self) -> None:
        _check_eps(self.eps)

    def start(self, images: Images, generator: torch.Generator) -> Images:
        """A uniform draw from the ball around each image, then clipped to [0, 1]."""
        values = images[0].numel()
        # shares of a whole that one more value completes are uniform within the ball
        uniform = torch.rand((len(images), values + 1), generator=generator, device=generator.device)
        waits = -torch.log1p(-uniform)
        sign = 2 * torch.randint(2, images.shape, generator=generator, device=generator.device) - 1
        share = waits[:, :values] / waits.sum(1, keepdim=True)
        return self.project(images, images + self.eps * (sign * share.view(images.shape)).to(images))

    def step(self, gradient: Images) -> Images:
        """The signs of the largest values, alike and of length 1 together (Tramèr & Boneh 2019, arXiv 1904.13000).

        One value alone would rise fastest, and soon be at its bound: a hundredth of them move, and so many that
        a step of length eps changes none of them by more than 1/2. 0 where the gradient is 0.
        """
        flat = gradient.flatten(1)
        count = min(max(math.ceil(SLIDE * flat.shape[1]), math.ceil(2 * self.eps), 1), flat.shape[1])
        largest = flat.abs().topk(count, dim=1).indices
        signs = torch.zeros_like(flat).scatter_(1, largest, flat.gather(1, largest).sign())
        return (signs / signs.abs().sum(1, keepdim=True).clamp_min(1)).view(gradient.shape)

    def project(self, images: Images, adversarial: Images) -> Images:
        """The nearest point that is within eps and in [0, 1], both at once."""
        return nearest_in_l1(images, adversarial, torch.full((len(images),), self.eps, device=images.device))

    def allows(self, images: Images, adversarial: Images) -> Mask:
        """‖change‖₁ ≤ eps, up to a millionth and the rounding of each changed value (2⁻²⁴), and values in [0, 1]."""
        change = (adversarial.double() - images.double()).abs().flatten(1)
        rounding = ROUNDING * (change > 0).sum(1) if self.eps else 0  # of nothing, nothing is rounded
        return (change.sum(1) <= self.eps * (1 + 1e-6) + rounding) & _in_range(adversarial)


def _check_eps(eps: float) -> None:
    if not (isinstance(eps, int | float) and math.isfinite(eps) and eps >= 0):
        raise InputError(f"eps is {eps!r}: give a finite number of at least 0, in units of [0, 1], such as 8/255")


def _in_range(images: Tensor) -> Mask:
    return ((images >= 0) & (images <= 1)).flatten(1).all(1)


def bounded(threat: Threat, images: Images, adversarial: Images) -> Images:
    """`adversarial` where the threat allows it, in the same bits, and else projected, which may undo its work."""
    allowed = threat.allows(images, adversarial)[:, None, None, None]
    return torch.where(allowed, adversarial, threat.project(images, adversarial))


THREATS = {"linf": Linf, "l2": L2, "l1": L1}

# What most papers on small colour images allow.
USUAL = Linf(8 / 255)
USUAL_L2 = L2(0.5)
