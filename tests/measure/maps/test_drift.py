"""Drift between maps, in closed form and against scipy and a plain SSIM."""

import numpy as np
import pytest
import torch
from scipy.ndimage import correlate1d
from scipy.stats import spearmanr

from ironglass.errors import InputError
from ironglass.measure.maps.drift import centre_of_mass, drift, ssim


def random_maps(seed: int, n: int = 3, side: int = 16) -> torch.Tensor:
    return torch.randn(n, side, side, generator=torch.Generator().manual_seed(seed))


def test_the_same_map_has_not_moved():
    maps = random_maps(0)
    for after in (maps, maps.clone()):
        found = drift(maps, after)
        assert found["rank_correlation"].tolist() == pytest.approx([1] * 3)
        assert found["top_overlap"].tolist() == [1] * 3
        assert found["ssim"].tolist() == pytest.approx([1] * 3)
        assert found["shift"].tolist() == [0] * 3


def test_the_opposite_points_to_the_same_place():
    maps = random_maps(1)
    found = drift(maps, -maps)
    assert found["rank_correlation"].tolist() == pytest.approx([-1] * 3)
    assert (found["ssim"] < -0.5).all()
    assert found["top_overlap"].tolist() == [1] * 3
    assert found["shift"].tolist() == pytest.approx([0] * 3)


def test_constant_maps_have_numbers():
    flat, zero, other = torch.full((1, 12, 12), 0.3), torch.zeros(1, 12, 12), random_maps(2, 1, 12)
    regions = torch.zeros(1, 12, 12, dtype=torch.bool)
    regions[:, :3] = True
    for before, after, alike in ((flat, flat, 1), (zero, zero, 1), (flat, zero, 1), (flat, other, 0), (other, zero, 0)):
        found = drift(before, after, regions)
        assert all(values.isfinite().all() for values in found.values())
        assert found["rank_correlation"].item() == alike
    found = drift(flat, zero, regions)
    assert (found["top_overlap"], found["shift"]) == (1, 0)
    assert found["inside_before"].item() == found["inside_after"].item() == pytest.approx(0.25)
    assert drift(zero, zero)["ssim"].item() == 1


def test_a_blob_moves_as_far_as_it_moves():
    before, after = torch.zeros(1, 21, 28), torch.zeros(1, 21, 28)
    before[0, 2:5, 2:5], after[0, 8:11, 10:13] = 1, -2  # by (6, 8): 10 pixels; the sign is of no account
    regions = torch.zeros(1, 21, 28, dtype=torch.bool)
    regions[0, 8:11, 10:12] = True
    found = drift(before, after, regions)
    assert found["shift"].item() == pytest.approx(10 / np.hypot(20, 27))
    assert found["inside_before"].item() == 0
    assert found["inside_after"].item() == pytest.approx(2 / 3)
    assert centre_of_mass(before).tolist() == [[3, 3]]


def test_the_top_tenth_by_hand():
    before, after = torch.zeros(1, 10, 10), torch.zeros(1, 10, 10)
    before[0, 0] = torch.arange(1, 11)
    after[0, 0, :4], after[0, 1, :6] = 5, -5  # four of the ten stay
    assert drift(before, after)["top_overlap"].item() == pytest.approx(0.4)


def test_rank_correlation_is_scipys():
    before, after = random_maps(3), random_maps(4) + random_maps(3)
    found = drift(before, after)["rank_correlation"]
    for i in range(3):
        assert found[i].item() == pytest.approx(spearmanr(before[i].flatten(), after[i].flatten()).statistic, abs=1e-6)


def test_ssim_is_wangs():
    first, second = random_maps(5, 2, 20), random_maps(6, 2, 20)
    window = np.exp(-0.5 * ((np.arange(11) - 5) / 1.5) ** 2)
    window /= window.sum()

    def blur(values):
        return correlate1d(correlate1d(values, window, axis=0), window, axis=1)[5:-5, 5:-5]

    for i, (a, b) in enumerate(zip(first.double().numpy(), second.double().numpy(), strict=True)):
        scale = max(np.abs(a).max(), np.abs(b).max())
        a, b = 0.5 + a / scale / 2, 0.5 + b / scale / 2
        ma, mb = blur(a), blur(b)
        va, vb, cov = blur(a * a) - ma**2, blur(b * b) - mb**2, blur(a * b) - ma * mb
        index = (2 * ma * mb + 1e-4) * (2 * cov + 9e-4) / ((ma**2 + mb**2 + 1e-4) * (va + vb + 9e-4))
        assert ssim(first, second)[i].item() == pytest.approx(index.mean(), abs=1e-6)
    assert ssim(first * 100, second * 100).tolist() == pytest.approx(ssim(first, second).tolist())
    assert ssim(torch.ones(1, 4, 4), torch.ones(1, 4, 4)).item() == pytest.approx(1)  # smaller than the window


def test_bad_input_is_refused():
    with pytest.raises(InputError, match="pairs of maps"):
        drift(torch.zeros(1, 4, 4), torch.zeros(1, 5, 4))
    with pytest.raises(InputError, match="masks"):
        drift(torch.zeros(1, 4, 4), torch.zeros(1, 4, 4), torch.zeros(1, 5, 4, dtype=torch.bool))
