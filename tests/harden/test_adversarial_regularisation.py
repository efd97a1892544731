"""Neural Structured Learning's definition, by hand, and the two passes that it takes."""

import pytest
import torch
from torch.nn import functional as F

from ironglass.harden import AdversarialRegularisation, FGSMTraining
from ironglass.harden.adversarial_regularisation import direction

NAN, INF = float("nan"), float("inf")


def image(*values):
    return torch.tensor(values).view(1, 1, 2, 2)


@pytest.mark.parametrize(
    ("norm", "gradient", "expected"),
    [
        ("infinity", (3.0, -0.5, 0.0, 1e-9), (1, -1, 0, 1)),
        ("infinity", (NAN, -INF, INF, -2.0), (0, 0, 0, -1)),
        ("l2", (3.0, 0.0, -4.0, 0.0), (0.6, 0, -0.8, 0)),
        ("l2", (3e-7, 0.0, -4e-7, 0.0), (0.3, 0, -0.4, 0)),  # shorter than 10⁻⁶: divided by that
        ("l2", (NAN, 3.0, INF, 4.0), (0, 0.6, 0, 0.8)),
        ("l2", (0.0, 0.0, 0.0, 0.0), (0, 0, 0, 0)),
        ("l1", (1.0, -3.0, 2.0, 0.0), (0, -1, 0, 0)),
        ("l1", (3.0, -3.0, 2.0, 3.0), (1 / 3, -1 / 3, 0, 1 / 3)),
        ("l1", (INF, -3.0, NAN, 0.0), (0, -1, 0, 0)),
        ("l1", (0.0, 0.0, 0.0, 0.0), (0, 0, 0, 0)),
    ],
)
def test_direction_by_hand(norm, gradient, expected):
    torch.testing.assert_close(direction(image(*gradient), norm), image(*map(float, expected)))


@pytest.mark.parametrize("norm", ["infinity", "l2", "l1"])
def test_every_image_has_its_own_direction(norm):
    gradients = torch.randn(4, 3, 5, 5) * torch.tensor([1.0, 1e-3, 1e2, 1.0]).view(-1, 1, 1, 1)
    apart = torch.cat([direction(one[None], norm) for one in gradients])
    torch.testing.assert_close(direction(gradients, norm), apart)


def by_definition(objective, classifier, images, labels):
    """The loss from its formula: every pass and every gradient by itself."""
    inputs = images.clone().requires_grad_()
    clean = F.cross_entropy(classifier(inputs), labels, label_smoothing=objective.label_smoothing)
    (gradient,) = torch.autograd.grad(clean, inputs, retain_graph=True)
    stepped = images + objective.adv_step_size * direction(gradient, objective.adv_grad_norm)
    stepped = stepped.clamp(0, 1) if objective.clip else stepped
    smoothing = objective.label_smoothing
    return clean + objective.multiplier * F.cross_entropy(classifier(stepped), labels, label_smoothing=smoothing)


@pytest.mark.parametrize("norm", ["infinity", "l2", "l1"])
@pytest.mark.parametrize("clip", [True, False])
def test_the_gradient_is_that_of_the_formula(norm, clip, classifier, batch):
    objective = AdversarialRegularisation(adv_grad_norm=norm, clip=clip, label_smoothing=0.1)
    parameters = list(classifier.parameters())
    expected = by_definition(objective, classifier, *batch)
    gradients = torch.autograd.grad(expected, parameters)
    loss, _ = objective(classifier, *batch)
    torch.testing.assert_close(loss.detach(), expected.detach())
    (3 * loss).backward()  # as where gradients are scaled
    for parameter, gradient in zip(parameters, gradients, strict=True):
        torch.testing.assert_close(parameter.grad, 3 * gradient, rtol=1e-4, atol=1e-6)


def test_fgsm_training_is_the_same_up_to_its_weights(classifier, batch):
    loss, _ = FGSMTraining(eps=0.2, alpha=0.25)(classifier, *batch)
    same, _ = AdversarialRegularisation(multiplier=3, adv_step_size=0.2)(classifier, *batch)
    torch.testing.assert_close(loss, 0.25 * same)


@pytest.mark.parametrize("objective", [AdversarialRegularisation(), FGSMTraining()])
def test_its_two_halves_are_the_whole(objective, classifier, batch):
    images, labels = batch
    counted = classifier.network[1].num_batches_tracked
    adversarial = objective.perturb(classifier, images, labels)
    assert counted == 0
    assert not adversarial.requires_grad
    halves, logits = objective.loss(classifier, images, adversarial, labels)
    whole, same = objective(classifier, images, labels)
    torch.testing.assert_close(halves.detach(), whole.detach())
    torch.testing.assert_close(logits.detach(), same)
