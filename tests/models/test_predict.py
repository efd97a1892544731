"""Logits of a split."""

import numpy as np
import torch

from ironglass.data.dataset import Split
from ironglass.models import load_classifier
from ironglass.models.predict import logits_of


def test_batches_give_what_one_pass_gives_and_order_is_kept() -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (7, 16, 16, 3), dtype=np.uint8)
    split = Split(pixels, np.zeros(7, dtype=np.int64), tuple("abcdefg"))
    classifier = load_classifier("simple-cnn", classes=("a", "b"), size=16).train()
    calls = []
    found = logits_of(classifier, split, batch_size=3, progress=lambda done, of: calls.append((done, of)))
    assert classifier.training
    whole = classifier.eval()(torch.from_numpy(pixels).permute(0, 3, 1, 2).float() / 255)
    torch.testing.assert_close(found, whole.detach())
    assert calls == [(3, 7), (6, 7), (7, 7)]
    (found.requires_grad_() * 2).sum().backward()  # not an inference tensor
