"""Label-preserving random augmentation of whole batches on the model's device, drawn for each image."""

from __future__ import annotations

import math
from typing import Annotated

import torch
import torch.nn.functional as F
from pydantic import Field
from torch import Generator, Tensor

from ironglass.errors import InputError
from ironglass.fields import dataclass
from ironglass.types import Images, Pixels

_Share = Annotated[float, Field(ge=0, le=1)]
_LUMA = (0.299, 0.587, 0.114)
_PHOTONS = (16.0, 256.0)
_AREA = (0.02, 0.33)
_ASPECT = (0.3, 1 / 0.3)


@dataclass(frozen=True, kw_only=True, config={"extra": "forbid"})
class Augment:
    """Random changes of training images, all off by default; a generator decides each of them.

    They are applied in this order.

    flip: left to right, of every second image.
    crop: shifts by up to so many pixels each way; the border is filled by reflection.
    rotate: by up to so many degrees, from 0 to 180.
    scale: larger or smaller by up to this share, from 0 to below 1.
    erase: probability of a rectangle of one random colour, 2 to 33 % of the image (Zhong et al. 2017, arXiv
        1708.04896, who fill it with noise).
    jitter: brightness, contrast and saturation each times a number from [1 - jitter, 1 + jitter].
    poisson: probability of photon noise, x ← Poisson(p x) / p, p from 16 to 256 photons, evenly in its logarithm.
    gaussian: noise whose standard deviation, in units of [0, 1], is drawn from [0, gaussian].
    salt_and_pepper: a share of the pixels drawn from [0, salt_and_pepper], half of them white and half black.
    """

    flip: bool = False
    crop: Annotated[int, Field(ge=0)] = 0
    rotate: Annotated[float, Field(ge=0, le=180)] = 0.0
    scale: Annotated[float, Field(ge=0, lt=1)] = 0.0
    erase: _Share = 0.0
    jitter: _Share = 0.0
    poisson: _Share = 0.0
    gaussian: _Share = 0.0
    salt_and_pepper: _Share = 0.0

    def __call__(self, pixels: Pixels, generator: Generator) -> Images:
        """Augmented images in [0, 1], in channels-last memory; the plain images where everything is off.

        pixels: uint8, or float32 in [0, 1], (n, c, h, w). Same state of the generator, same bits. Raises InputError for
        other types and shapes, and where `crop` is no smaller than the image.
        """
        if pixels.dtype not in (torch.uint8, torch.float32) or pixels.ndim != 4:
            description = f"{pixels.dtype} of shape {tuple(pixels.shape)}"
            raise InputError(f"pixels are {description}: give uint8, or float32 in [0, 1], (n, c, h, w)")
        if self.crop >= min(pixels.shape[2:]):
            raise InputError(f"crop is {self.crop} and images are {tuple(pixels.shape[2:])}: crop less")
        if self.flip or self.crop:
            pixels = _shifted(pixels, self.crop, self.flip, generator)
        # a fresh tensor, so all that follows may work in place
        images = pixels.to(torch.float32, memory_format=torch.channels_last, copy=True)
        if pixels.dtype == torch.uint8:
            images = images.div_(255)
        if self.rotate or self.scale:
            images = _rotated(images, self.rotate, self.scale, generator)
        if self.erase:
            images = _erased(images, self.erase, generator)
        if self.jitter:
            images = _colour_jittered(images, self.jitter, generator)
        if self.poisson:
            images = _with_photon_noise(images, self.poisson, generator)
        if self.gaussian:
            noise = _normal(images, generator)
            images = noise.mul_(self.gaussian * _uniform(images, generator)).add_(images).clamp_(0, 1)
        if self.salt_and_pepper:
            images = _with_salt_and_pepper(images, self.salt_and_pepper, generator)
        return images


def _uniform(images: Tensor, generator: Generator, *shape: int, low: float = 0.0, high: float = 1.0) -> Tensor:
    """One draw an image from [low, high), (n, 1, 1, 1), or of the shape (n, *shape)."""
    values = torch.rand((len(images), *(shape or (1, 1, 1))), generator=generator, device=generator.device)
    return values.to(images.device).mul_(high - low).add_(low)


def _normal(images: Tensor, generator: Generator) -> Tensor:
    n, c, h, w = images.shape
    noise = torch.randn((n, h, w, c), generator=generator, device=generator.device)
    return noise.to(images.device).permute(0, 3, 1, 2)


def _log_uniform(images: Tensor, generator: Generator, bounds: tuple[float, float]) -> Tensor:
    return _uniform(images, generator, low=math.log(bounds[0]), high=math.log(bounds[1])).exp_()


def _shifted(pixels: Tensor, crop: int, flip: bool, generator: Generator) -> Tensor:
    """Shifts and flips by one indexing operation: exact, without a padded copy."""
    n, _, h, w = pixels.shape
    rows, columns = (torch.arange(side, device=pixels.device).expand(n, side) for side in (h, w))
    if crop:
        shifts = torch.randint(-crop, crop + 1, (2, n, 1), generator=generator, device=generator.device)
        down, right = shifts.to(pixels.device)
        rows, columns = _reflected(rows + down, h), _reflected(columns + right, w)
    if flip:
        columns = torch.where(_uniform(pixels, generator, 1) < 0.5, w - 1 - columns, columns)
    image = torch.arange(n, device=pixels.device)[:, None, None]
    return pixels.permute(0, 2, 3, 1)[image, rows[:, :, None], columns[:, None, :]].permute(0, 3, 1, 2)


def _reflected(index: Tensor, side: int) -> Tensor:
    """Reflects indices at the border: -1 becomes 1, and side becomes side - 2."""
    return (side - 1) - ((side - 1) - index.abs()).abs()


def _rotated(images: Tensor, rotate: float, scale: float, generator: Generator) -> Tensor:
    n, _, h, w = images.shape
    angle = _uniform(images, generator, low=-math.radians(rotate), high=math.radians(rotate)).view(n)
    zoom = _uniform(images, generator, low=1 - scale, high=1 + scale).view(n)
    cosine, sine, zero = angle.cos() / zoom, angle.sin() / zoom, torch.zeros_like(angle)
    # affine_grid counts in half widths and half heights, a rotation in pixels
    theta = torch.stack([cosine, -sine * (h / w), zero, sine * (w / h), cosine, zero], dim=1).view(n, 2, 3)
    grid = F.affine_grid(theta, list(images.shape), align_corners=False)
    rotated = F.grid_sample(images, grid, mode="bilinear", padding_mode="reflection", align_corners=False)
    return rotated.clamp_(0, 1).contiguous(memory_format=torch.channels_last)


def _erased(images: Tensor, probability: float, generator: Generator) -> Tensor:
    c, h, w = images.shape[1:]
    area = h * w * _uniform(images, generator, low=_AREA[0], high=_AREA[1])
    aspect = _log_uniform(images, generator, _ASPECT)
    height = (area * aspect).sqrt_().round_().clamp_(1, h)
    width = (area / aspect).sqrt_().round_().clamp_(1, w)
    top = (_uniform(images, generator) * (h - height + 1)).floor_()
    left = (_uniform(images, generator) * (w - width + 1)).floor_()
    rows = torch.arange(h, device=images.device).view(1, 1, h, 1)
    columns = torch.arange(w, device=images.device).view(1, 1, 1, w)
    inside = (rows >= top) & (rows < top + height) & (columns >= left) & (columns < left + width)
    is_erased = _uniform(images, generator) < probability
    return torch.where(inside & is_erased, _uniform(images, generator, c, 1, 1), images)


def _colour_jittered(images: Tensor, jitter: float, generator: Generator) -> Tensor:
    brightness, contrast, saturation = (_uniform(images, generator, low=1 - jitter, high=1 + jitter) for _ in range(3))
    images.mul_(brightness)
    mean = _grey(images).mean((1, 2, 3), keepdim=True)
    images.sub_(mean).mul_(contrast).add_(mean)
    if images.shape[1] == 3:
        grey = _grey(images)
        images.sub_(grey).mul_(saturation).add_(grey)
    return images.clamp_(0, 1)


def _grey(images: Tensor) -> Tensor:
    if images.shape[1] != 3:
        return images.mean(1, keepdim=True)
    red, green, blue = images.split(1, dim=1)
    return red * _LUMA[0] + green * _LUMA[1] + blue * _LUMA[2]


def _with_photon_noise(images: Tensor, probability: float, generator: Generator) -> Tensor:
    photons = _log_uniform(images, generator, _PHOTONS)
    is_noisy = (_uniform(images, generator, 1) < probability).squeeze(1)
    light = (images[is_noisy] * photons[is_noisy]).to(generator.device)
    counts = torch.poisson(light, generator=generator).to(images.device)
    images[is_noisy] = counts.div_(photons[is_noisy]).clamp_(0, 1)
    return images


def _with_salt_and_pepper(images: Tensor, share: float, generator: Generator) -> Tensor:
    h, w = images.shape[2:]
    draw = _uniform(images, generator, 1, h, w)
    half = _uniform(images, generator, high=share / 2)
    return images.masked_fill_(draw < half, 1.0).masked_fill_(draw >= 1 - half, 0.0)
