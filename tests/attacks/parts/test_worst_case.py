"""Per image the worst of several tries."""

import torch
from torch import nn

from ironglass.attacks.parts.worst_case import runners_up, worst_case
from ironglass.models import Classifier


class Pixel(nn.Module):
    """Three logits: the first pixel's value, and two constants."""

    def forward(self, images):
        value = images[:, 0, 0, 0]
        return torch.stack((value, torch.full_like(value, 0.5), torch.full_like(value, 0.4)), 1)


def test_each_try_gets_what_still_stands_and_the_worst_is_kept():
    classifier = Classifier(Pixel(), mean=(0.0,), std=(1.0,), classes=tuple("abc"), input_size=1)
    images = torch.tensor([0.9, 0.7, 0.2, 0.8]).view(4, 1, 1, 1)
    labels = torch.zeros(4, dtype=torch.int64)  # the third is misread as it is
    seen = []

    def lower(by):
        def attempt(images, labels):
            seen.append(len(images))
            return images - by

        return attempt

    adversarial, fooled_by = worst_case(classifier, images, labels, [lower(0.25), lower(0.1), lower(0.35), lower(0.1)])
    assert seen == [3, 2, 2, 1]
    assert fooled_by.tolist() == [-1, 1, 0, 3]
    # the first never falls: it keeps the try that came closest, not the last
    torch.testing.assert_close(adversarial.flatten(), torch.tensor([0.55, 0.45, 0.2, 0.45]))


def test_runners_up():
    logits = torch.tensor([[3.0, 9.0, 5.0, 4.0], [1.0, 2.0, 3.0, 0.0]])
    assert runners_up(logits, torch.tensor([1, 0]), 2).tolist() == [[2, 3], [2, 1]]
    assert runners_up(logits, torch.tensor([1, 0]), 9).tolist() == [[2, 3, 0], [2, 1, 3]]
