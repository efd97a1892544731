"""The losses by hand."""

import pytest
import torch
from torch.nn import functional as F

from ironglass.attacks.parts.losses import cross_entropy, dlr, dlr_targeted, margin
from ironglass.errors import InputError

LOGITS = torch.tensor([[4.0, 1.0, 2.0, -2.0], [0.0, 5.0, 1.0, 3.0]])
LABELS = torch.tensor([0, 2])


def test_margin_by_hand():
    assert margin(LOGITS, LABELS).tolist() == [-2, 4]


def test_dlr_by_hand():
    assert dlr(LOGITS, LABELS).tolist() == pytest.approx([-2 / 3, 4 / 4])  # over 4 − 1, over 5 − 1


def test_targeted_dlr_by_hand():
    targets = torch.tensor([3, 1])
    assert dlr_targeted(LOGITS, LABELS, targets).tolist() == pytest.approx([-6 / 4.5, 4 / 4.5])


@pytest.mark.parametrize("loss", [dlr, lambda z, y: dlr_targeted(z, y, y.roll(1))])
def test_dlr_is_blind_to_scale_and_offset(loss):
    torch.testing.assert_close(loss(100 * LOGITS - 7, LABELS), loss(LOGITS, LABELS))


def test_equal_logits_are_finite():
    logits = torch.zeros(2, 5, requires_grad=True)
    for value in (dlr(logits, LABELS), dlr_targeted(logits, LABELS, LABELS + 1)):
        assert value.tolist() == [0, 0]
        (slope,) = torch.autograd.grad(value.sum(), logits)
        assert slope.isfinite().all()


def test_too_few_classes_are_refused_in_a_line():
    with pytest.raises(InputError, match=r"DLR loss needs 3 classes and the classifier has 2: use the margin loss"):
        dlr(LOGITS[:, :2], LABELS[:1])
    with pytest.raises(InputError, match=r"targeted DLR loss needs 4 classes and the classifier has 3"):
        dlr_targeted(LOGITS[:, :3], LABELS, LABELS)


def test_losses_agree_on_who_is_fooled():
    torch.manual_seed(0)
    logits, labels = torch.randn(200, 6), torch.randint(6, (200,))
    fooled = logits.argmax(1) != labels
    assert torch.equal(margin(logits, labels) > 0, fooled)
    assert torch.equal(dlr(logits, labels) > 0, fooled)
    torch.testing.assert_close(cross_entropy(logits, labels), F.cross_entropy(logits, labels, reduction="none"))
