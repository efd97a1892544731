"""The defocus kernel's two ways, against the convolution in double precision."""

import numpy as np
import pytest
import torch
from numpy.random import default_rng
from torch.nn import functional as F

from ironglass.data.corruptions.blur import LARGEST_BY_TAPS, defocus_blur, disk


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("lens", [(0.3, 0.4), (3, 0.1), (6, 0.5), (8, 0.5), (10, 0.5)])
def test_defocus_is_the_convolution_with_the_disk(lens, channels) -> None:
    image = default_rng(0).random((31, 28, channels), dtype=np.float32)
    kernel = disk(*lens)
    margin = len(kernel) // 2
    assert (margin <= LARGEST_BY_TAPS) == (lens[0] < 8)
    padded = np.pad(image.astype(np.float64), ((margin, margin), (margin, margin), (0, 0)), mode="reflect")
    planes = torch.from_numpy(padded.transpose(2, 0, 1)[:, None].copy())
    expected = F.conv2d(planes, torch.from_numpy(kernel[None, None]))[:, 0].numpy().transpose(1, 2, 0)
    np.testing.assert_allclose(defocus_blur(image, lens, default_rng(0)), expected, rtol=0, atol=2e-6)
