import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import TypeAdapter

from ironglass.data import Augment
from ironglass.errors import InputError

ALL = {
    "flip": True,
    "crop": 3,
    "rotate": 20.0,
    "scale": 0.2,
    "erase": 0.5,
    "jitter": 0.4,
    "poisson": 0.5,
    "gaussian": 0.1,
    "salt_and_pepper": 0.1,
}


def seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def random_pixels(n: int = 16, c: int = 3, h: int = 12, w: int = 10) -> torch.Tensor:
    return torch.randint(0, 256, (n, h, w, c), generator=seeded(9), dtype=torch.uint8).permute(0, 3, 1, 2)


def flat(value: int, n: int, side: int = 32, c: int = 3) -> torch.Tensor:
    return torch.full((n, c, side, side), value, dtype=torch.uint8)


def test_off_is_the_identity_and_draws_nothing():
    pixels, generator = random_pixels(), seeded()
    before = generator.get_state()
    assert torch.equal(Augment()(pixels, generator), pixels.float() / 255)
    assert torch.equal(generator.get_state(), before)


@pytest.mark.parametrize("options", [{name: value} for name, value in ALL.items()] + [ALL], ids=[*ALL, "all"])
@pytest.mark.parametrize("channels", [1, 3])
def test_each_gives_the_same_bits_for_the_same_seed_in_range_and_leaves_the_pixels(options, channels):
    pixels = random_pixels(c=channels)
    before = pixels.clone()
    augment = Augment(**options)
    images = augment(pixels, seeded(1))
    assert images.dtype == torch.float32
    assert images.shape == pixels.shape
    assert images.is_contiguous(memory_format=torch.channels_last)
    assert images.min() >= 0
    assert images.max() <= 1
    assert torch.equal(images, augment(pixels, seeded(1)))
    assert not torch.equal(images, augment(pixels, seeded(2)))
    assert not torch.equal(images, pixels.float() / 255)
    assert torch.equal(pixels, before)


def test_flip_is_exactly_a_flip_of_every_second_image():
    pixels = random_pixels(400)
    images = Augment(flip=True)(pixels, seeded())
    plain = pixels.float() / 255
    kept = (images == plain).flatten(1).all(1)
    flipped = (images == plain.flip(3)).flatten(1).all(1)
    assert (kept ^ flipped).all()
    assert 150 < flipped.sum() < 250  # ± 5 standard deviations


def test_crop_is_a_shift_with_a_reflected_border():
    pixels = random_pixels(200)
    images = Augment(crop=2)(pixels, seeded())
    padded = torch.nn.functional.pad(pixels.float() / 255, (2, 2, 2, 2), mode="reflect")
    windows = {(y, x): padded[:, :, y : y + 12, x : x + 10] for y in range(5) for x in range(5)}
    same = torch.stack([(images == window).flatten(1).all(1) for window in windows.values()])
    assert (same.sum(0) == 1).all()
    assert (same.sum(1) > 0).sum() == 25


@pytest.mark.parametrize("level", [64, 128])
def test_gaussian_noise_has_the_variance_of_a_uniform_standard_deviation(level):
    noise = Augment(gaussian=0.1)(flat(level, 2000), seeded()) - level / 255
    sigma = noise.flatten(1).std(1)
    assert abs(noise.mean()) < 1e-3
    assert sigma.max() < 0.105
    assert sigma.mean() == pytest.approx(0.05, abs=0.003)
    assert noise.var() == pytest.approx(0.01 / 3, rel=0.05)  # E[s²] for s uniform in [0, 0.1]
    assert sigma.std() == pytest.approx(0.1 / math.sqrt(12), rel=0.05)


def test_photon_noise_keeps_the_mean_and_its_variance_is_light_over_photons():
    value = 100 / 255
    images = Augment(poisson=1)(flat(100, 1000), seeded())
    mean, variance = images.flatten(1).mean(1), images.flatten(1).var(1)
    assert mean.mean() == pytest.approx(value, abs=2e-3)
    photons = value / variance
    assert photons.min() > 14
    assert photons.max() < 290
    assert photons.log().mean() == pytest.approx(math.log(64), abs=0.1)  # evenly in the logarithm of 16 to 256
    # the same image has as many levels as photons, at a distance of one photon
    levels = images[0].unique()
    assert (levels.diff() * photons[0]).mean() == pytest.approx(1, rel=0.2)


def test_photon_noise_falls_on_its_share_of_the_images():
    images = Augment(poisson=0.3)(flat(100, 2000, side=8), seeded())
    touched = (images != 100 / 255).flatten(1).any(1).float().mean()
    assert touched == pytest.approx(0.3, abs=0.05)


def test_salt_and_pepper_share_and_halves():
    images = Augment(salt_and_pepper=0.4)(flat(100, 1000), seeded())
    white, black = (images == 1).flatten(1).float().mean(1), (images == 0).flatten(1).float().mean(1)
    assert white.mean() == pytest.approx(0.1, abs=0.01)  # half of half of 0.4
    assert black.mean() == pytest.approx(0.1, abs=0.01)
    assert (white + black).max() == pytest.approx(0.4, abs=0.06)
    assert torch.equal(images[:, 0], images[:, 1])
    untouched = images[(images != 0) & (images != 1)]
    assert (untouched == 100 / 255).all()


def test_erase_is_one_rectangle_of_one_colour():
    images = Augment(erase=0.5)(flat(100, 500), seeded())
    changed = (images != 100 / 255).any(1)
    chosen = changed.flatten(1).any(1)
    assert chosen.float().mean() == pytest.approx(0.5, abs=0.12)
    shares = changed[chosen].flatten(1).float().mean(1)
    assert shares.min() > 0.01
    assert shares.max() < 0.36
    for image, mask in zip(images[chosen][:50], changed[chosen][:50], strict=True):
        rows, columns = mask.any(1), mask.any(0)
        assert mask.sum() == rows.sum() * columns.sum()
        assert all(len(channel[mask].unique()) == 1 for channel in image)


def test_jitter_moves_brightness_contrast_and_saturation_within_bounds():
    flat_images = Augment(jitter=0.2)(flat(100, 2000, side=4), seeded())
    ratio = flat_images.flatten(1).mean(1) / (100 / 255)
    assert ratio.min() == pytest.approx(0.8, abs=0.01)
    assert ratio.max() == pytest.approx(1.2, abs=0.01)
    assert flat_images.flatten(1).std(1).max() < 1e-6  # grey stays flat and grey

    grey = torch.tensor([[100, 150], [100, 150]], dtype=torch.uint8).expand(2000, 3, 2, 2)
    images = Augment(jitter=0.2)(grey, seeded())
    contrast = (images[..., 1] - images[..., 0]).mean((1, 2)) / (50 / 255)
    assert contrast.min() > 0.8 * 0.8 - 1e-4
    assert contrast.max() < 1.2 * 1.2 + 1e-4
    torch.testing.assert_close(images[:, 0], images[:, 2])


def test_rotation_by_a_right_angle_is_a_transpose():
    from ironglass.data import augment

    class Right:  # every draw at the top of its range
        device = torch.device("cpu")

    pixels = random_pixels(2, h=9, w=9)
    images = pixels.float() / 255
    original = augment._uniform
    try:
        augment._uniform = lambda images, _, *shape, low=0.0, high=1.0: torch.full((len(images), 1, 1, 1), high)
        turned = augment._rotated(images, 90.0, 0.0, Right())
        doubled = augment._rotated(images, 0.0, 0.5, Right())
    finally:
        augment._uniform = original
    assert torch.allclose(turned, images.rot90(1, (2, 3)), atol=1e-4) or torch.allclose(
        turned, images.rot90(-1, (2, 3)), atol=1e-4
    )
    assert torch.allclose(doubled[:, :, 4, 4], images[:, :, 4, 4], atol=1e-5)  # the centre stays
    expected = images[:, :, 4, 4] / 3 + images[:, :, 4, 5] * 2 / 3  # one pixel right is 2/3 of one in the original
    assert torch.allclose(doubled[:, :, 4, 5], expected, atol=1e-4)


def test_rotation_keeps_what_is_round_in_an_oblong_image():
    y, x = torch.meshgrid(torch.arange(40) - 19.5, torch.arange(80) - 39.5, indexing="ij")
    disc = (-(x**2 + y**2) / 50).exp().mul(255).to(torch.uint8).expand(50, 1, 40, 80)
    images = Augment(rotate=180)(disc, seeded())
    # farther from the middle the reflected border shows
    assert (images - disc / 255)[..., 8:32, 28:52].abs().max() < 0.02


@settings(max_examples=30, deadline=None)
@given(
    seed=st.integers(0, 2**31),
    crop=st.integers(0, 4),
    rotate=st.floats(0, 180),
    scale=st.floats(0, 0.99),
    share=st.floats(0, 1),
)
def test_nothing_ever_leaves_0_1(seed, crop, rotate, scale, share):
    noisy = Augment(
        flip=True,
        crop=crop,
        rotate=rotate,
        scale=scale,
        erase=share,
        jitter=share,
        poisson=share,
        gaussian=share,
        salt_and_pepper=share,
    )
    images = noisy(random_pixels(4, h=5, w=7), seeded(seed))
    assert torch.isfinite(images).all()
    assert images.min() >= 0
    assert images.max() <= 1


@pytest.mark.parametrize(
    "options", [{"jitter": 1.5}, {"crop": -1}, {"scale": 1}, {"rotate": 181}, {"flips": True}, {"erase": float("nan")}]
)
def test_options_out_of_range_are_refused(options):
    with pytest.raises(InputError):
        Augment(**options)


def test_words_from_a_command_line_are_read():
    read = TypeAdapter(Augment).validate_python({"flip": "true", "crop": "4", "gaussian": "0.1"})
    assert read == Augment(flip=True, crop=4, gaussian=0.1)


def test_other_types_and_too_large_a_crop_are_refused():
    with pytest.raises(InputError, match=r"pixels are torch.int64"):
        Augment()(torch.zeros(1, 3, 4, 4, dtype=torch.int64), seeded())
    with pytest.raises(InputError, match="crop is 4"):
        Augment(crop=4)(flat(0, 1, side=4), seeded())
