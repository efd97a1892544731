"""The corruptions against their definitions: closed forms, draws that depend on the image alone, bytes in and out."""

import io

import numpy as np
import pytest
import torch
from PIL import Image

from ironglass.data.corruptions.blur import disk
from ironglass.data.corruptions.corrupt import CORRUPTIONS, SEVERITIES, SIDES, corrupt, find_corruptions, strengths_side
from ironglass.data.corruptions.light import plasma
from ironglass.errors import InputError

BLURS = [name for name in CORRUPTIONS if name.endswith("-blur")]
NOISES = [name for name in CORRUPTIONS if name.endswith("-noise")]
UNEVEN = ("saturate", "glass-blur")  # the authors' own constants go down and up again


def even(*values: int, side: int = 32, n: int = 1) -> torch.Tensor:
    return torch.tensor(values, dtype=torch.uint8).view(1, -1, 1, 1).expand(n, -1, side, side).clone()


def scene(n: int = 3, side: int = 32, channels: int = 3) -> torch.Tensor:
    """Smooth light, an edge, and a little grain: something of a photograph."""
    generator = np.random.default_rng(5)
    y, x = np.mgrid[:side, :side] / side
    images = [
        60 + 90 * np.sin(3 * x + 2 * k)[..., None] * y[..., None] + 60 * (x > 0.5)[..., None] * [1, 0.6, 0.2]
        for k in range(n)
    ]
    grainy = np.stack(images) + generator.normal(0, 4, (n, side, side, 3)) + 20
    return torch.from_numpy(grainy.clip(0, 255).astype(np.uint8)).permute(0, 3, 1, 2)[:, :channels].contiguous()


def distance(one: torch.Tensor, other: torch.Tensor) -> float:
    return float((one.double() - other.double()).abs().mean())


@pytest.mark.parametrize("name", BLURS)
def test_a_blur_leaves_an_even_image_as_it_is(name: str) -> None:
    image = even(200, 17, 101)
    for severity in SEVERITIES:
        assert torch.equal(corrupt(image, name, severity), image)


def test_brightness_by_hand() -> None:
    grey = corrupt(even(100), "brightness", 4)  # CIFAR's 0.2, which is 51 bytes
    assert set(grey.unique().tolist()) == {151}
    # V of (0.2, 0.4, 0.8) becomes 1, hue and saturation stay: all channels times 1 / 0.8
    assert corrupt(even(51, 102, 204), "brightness", 4)[0, :, 0, 0].tolist() == [64, 128, 255]
    assert corrupt(even(0, 0, 0), "brightness", 4)[0, :, 0, 0].tolist() == [51, 51, 51]


def test_contrast_by_hand() -> None:
    image = even(100, 100, 100)
    image[:, 0, :, :16], image[:, 1, :16] = 180, 0  # means 140, 50 and 100, each of its own channel
    changed = corrupt(image, "contrast", 2)  # half of every distance from the mean
    assert changed[0, :, 0, 0].tolist() == [160, 25, 100]
    assert changed[0, :, -1, -1].tolist() == [120, 75, 100]


def test_saturate_by_hand() -> None:
    image = even(51, 102, 204)  # S = 0.75
    assert corrupt(image, "saturate", 2)[0, :, 0, 0].tolist() == [189, 194, 204]  # S times 0.1: V - 0.1 (V - x)
    assert corrupt(image, "saturate", 4)[0, :, 0, 0].tolist() == [0, 68, 204]  # S = 1: V - (V - x) / 0.75
    assert corrupt(even(100, 100, 100), "saturate", 5)[0, :, 0, 0].tolist() == [100, 80, 80]  # no hue: red, S = 0.2


def test_pixelate_by_hand() -> None:
    fine = (torch.arange(64)[:, None] + torch.arange(64)[None]) % 2 * 200
    blocks = corrupt(fine.to(torch.uint8).expand(1, 3, 64, 64), "pixelate", 5)  # Tiny ImageNet's half: 2 x 2 averaged
    assert set(blocks.unique().tolist()) == {100}
    coarse = (torch.arange(64)[:, None] // 2 + torch.arange(64)[None] // 2) % 2 * 200
    image = coarse.to(torch.uint8).expand(1, 3, 64, 64)
    assert torch.equal(corrupt(image, "pixelate", 5), image)


def test_the_noises_have_the_size_that_is_said() -> None:
    grey = even(128, 128, 128, side=64, n=4)
    n = grey.numel()
    for severity, deviation in zip(SEVERITIES, (0.04, 0.08, 0.12, 0.15, 0.18), strict=True):
        change = (corrupt(grey, "gaussian-noise", severity).double() - 128) / 255
        assert abs(float(change.mean())) < 4 * deviation / n**0.5
        if deviation < 0.15:  # beyond it what is cut off at 0 and 1 begins to count
            assert float(change.std()) == pytest.approx(deviation, rel=0.02)
    speckle = (corrupt(grey, "speckle-noise", 1).double() - 128) / 255
    assert float(speckle.std()) == pytest.approx(0.15 * 128 / 255, rel=0.02)
    shot = corrupt(grey, "shot-noise", 3).double() / 255  # Poisson(50 x) / 50: its variance is x / 50
    assert float(shot.mean()) == pytest.approx(128 / 255, abs=0.003)
    assert float(shot.var()) == pytest.approx(128 / 255 / 50, rel=0.03)
    broken = corrupt(grey, "impulse-noise", 5)
    assert float((broken != 128).double().mean()) == pytest.approx(0.14, abs=0.01)
    assert float((broken == 0).double().mean()) == pytest.approx(0.07, abs=0.007)
    assert set(broken.unique().tolist()) == {0, 128, 255}
    assert bool((broken[:, 0] != broken[:, 1]).any())  # values break, not pixels


def test_jpeg_is_what_pillow_writes() -> None:
    image = scene(1, 64)
    file = io.BytesIO()
    Image.fromarray(image[0].permute(1, 2, 0).numpy()).save(file, "JPEG", quality=25)
    again = torch.from_numpy(np.array(Image.open(file))).permute(2, 0, 1)
    assert torch.equal(corrupt(image, "jpeg", 5)[0], again)
    assert not torch.equal(again, image[0])


def test_the_defocus_disk() -> None:
    assert disk(0.3, 1e-6) == pytest.approx(np.pad([[1.0]], 1))
    cross = np.array([[0, 1, 0], [1, 1, 1], [0, 1, 0]]) / 5
    assert disk(1, 1e-6) == pytest.approx(np.pad(cross, 1))
    for lens in ((3, 0.1), (10, 0.5)):
        kernel = disk(*lens)
        assert kernel.sum() == pytest.approx(1)
        assert kernel == pytest.approx(kernel.T)
        assert kernel == pytest.approx(kernel[::-1])
    one = torch.zeros((1, 1, 64, 64), dtype=torch.uint8)
    one[0, 0, 30, 20] = 255
    spread = corrupt(one, "defocus-blur", 2)[0, 0]  # radius 1: a plus of five pixels, 51 each
    assert spread[30, 19:22].tolist() == spread[29:32, 20].tolist() == [51, 51, 51]
    assert int(spread.sum()) == 255


def test_motion_blur_lies_along_one_line() -> None:
    point = torch.zeros((1, 1, 64, 64), dtype=torch.uint8)
    point[0, 0, 32, 40] = 255
    rows, columns = np.nonzero(corrupt(point, "motion-blur", 5)[0, 0].numpy())
    assert len(rows) > 5
    assert columns.max() == 40  # the shutter opens at the point: one-sided
    slope = (rows - 32) / np.minimum(columns - 40, -1)
    assert np.ptp(slope[columns < 38]) < 0.4
    assert np.abs(rows - 32).max() <= 40 - columns.min()


def test_glass_blur_only_moves_colours() -> None:
    image = scene(1)
    moved = corrupt(image, "glass-blur", 1)  # a Gaussian of 0.05 pixels is none
    assert not torch.equal(moved, image)
    for y, x in ((1, 1), (10, 20), (31, 31)):
        near = image[0, :, max(0, y - 8) : y + 9, max(0, x - 8) : x + 9].flatten(1).T.tolist()
        assert moved[0, :, y, x].tolist() in near
    assert torch.equal(moved[:, :, :2, :2], image[:, :, :2, :2])  # the authors' loops stop before the first rows


def test_the_plasma_of_fog() -> None:
    rough, smooth = (plasma(64, decay, np.random.default_rng(3)) for decay in (1.4, 3))
    for heights in (rough, smooth):
        assert heights.shape == (64, 64)
        assert (heights.min(), heights.max()) == (0, 1)
    assert np.abs(np.diff(rough)).mean() > 1.5 * np.abs(np.diff(smooth)).mean()
    white = corrupt(even(255, 255, 255), "fog", 5)  # (1 + 1.5 cloud) / 2.5
    assert (int(white.min()), int(white.max())) == (102, 255)
    assert int(corrupt(even(0, 0, 0), "fog", 5).max()) == 0


@pytest.mark.parametrize("name", CORRUPTIONS)
def test_the_higher_the_severity_the_further_from_the_image(name: str) -> None:
    for side in (32, 64):
        image = scene(32, side)  # motion and fog are drawn: on average
        found = [distance(corrupt(image, name, severity), image) for severity in SEVERITIES]
        assert min(found) > 0
        if name not in UNEVEN:
            assert found == sorted(found)


@pytest.mark.parametrize("name", CORRUPTIONS)
def test_an_image_is_corrupted_alike_in_any_batch(name: str) -> None:
    images = scene(3, 20)
    whole = corrupt(images, name, 3, seed=4)
    assert (whole.dtype, whole.shape) == (torch.uint8, images.shape)
    assert torch.equal(whole, corrupt(images, name, 3, seed=4))
    assert torch.equal(whole[[2, 0]], corrupt(images[[2, 0]], name, 3, seed=4, positions=[2, 0]))
    drawn = name in (*NOISES, "glass-blur", "motion-blur", "fog")
    assert torch.equal(whole, corrupt(images, name, 3, seed=5)) != drawn
    same = corrupt(images[[1, 1]], name, 3, seed=4)
    assert torch.equal(same[0], same[1]) != drawn  # every image has its own draw


@pytest.mark.parametrize("name", find_corruptions(("all",), 1))
def test_grey_images_and_odd_sizes(name: str) -> None:
    for shape in ((2, 1, 28, 28), (1, 1, 8, 8), (1, 3, 33, 50)):
        images = torch.full(shape, 90, dtype=torch.uint8)
        images[:, :, ::3] = 200
        assert corrupt(images, name, 5).shape == shape


def test_whose_strengths() -> None:
    found = [strengths_side((side, side)) for side in (8, 28, 32, 45, 46, 64, 119, 120, 224, 512)]
    assert found == [32, 32, 32, 32, 64, 64, 64, 224, 224, 224]
    assert strengths_side((300, 64)) == 64
    for corruption in CORRUPTIONS.values():
        assert [len(row) for row in corruption.strengths] == [5] * len(SIDES)


def test_names() -> None:
    assert find_corruptions(("all",)) == tuple(CORRUPTIONS)
    assert "saturate" not in find_corruptions(("all",), 1)
    assert find_corruptions(("jpeg", "fog", "jpeg")) == ("jpeg", "fog")


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"name": "gauss"}, "there is no corruption 'gauss' .*: choose from all, gaussian-noise"),
        ({"severity": 0}, "severity is 0: give 1"),
        ({"severity": 6}, "severity is 6: give 1"),
        ({"positions": [1]}, "positions are of shape"),
        ({"pixels": torch.zeros(2, 3, 8, 8, dtype=torch.float64)}, "pixels are torch.float64"),
        ({"pixels": torch.zeros(2, 4, 8, 8, dtype=torch.uint8)}, "1 or 3"),
        ({"pixels": torch.zeros(2, 1, 8, 8, dtype=torch.uint8), "name": "saturate"}, "saturate changes colours"),
    ],
)
def test_what_is_refused(change: dict, said: str) -> None:
    asked = {"pixels": even(1, 2, 3, side=8, n=2), "name": "contrast", "severity": 1} | change
    with pytest.raises(InputError, match=said):
        corrupt(**asked)


def test_nobody_else_draws_from_it() -> None:
    state = torch.random.get_rng_state()
    np.random.seed(3)  # noqa: NPY002  (the point is that the global state is left alone)
    expected = np.random.random()  # noqa: NPY002
    np.random.seed(3)  # noqa: NPY002
    corrupt(scene(1), "gaussian-noise", 1)
    assert np.random.random() == expected  # noqa: NPY002
    assert torch.equal(state, torch.random.get_rng_state())


def test_as_scikit_image_has_it() -> None:
    """Blur and HSV are checked against the library that the authors call; CI does not install it."""
    color, filters = pytest.importorskip("skimage.color"), pytest.importorskip("skimage.filters")
    images = scene(1)
    image = images[0].permute(1, 2, 0).numpy() / 255
    for severity, sigma in zip(SEVERITIES, (0.4, 0.6, 0.7, 0.8, 1.0), strict=True):
        theirs = filters.gaussian(image, sigma=sigma, channel_axis=-1)
        ours = corrupt(images, "gaussian-blur", severity)[0].permute(1, 2, 0).numpy()
        assert np.abs(theirs * 255 - ours).max() <= 0.501
    for channel, name, change in (
        (2, "brightness", lambda value: value + 0.2),
        (1, "saturate", lambda value: 2 * value + 0.1),
    ):
        hsv = color.rgb2hsv(image)
        hsv[..., channel] = np.clip(change(hsv[..., channel]), 0, 1)
        ours = corrupt(images, name, 4)[0].permute(1, 2, 0).numpy()
        assert np.abs(color.hsv2rgb(hsv) * 255 - ours).max() <= 0.501
