"""What every objective costs and leaves as it was, beyond the contract of `ironglass.testing.check_objective`."""

import copy
from collections import Counter

import pytest
import torch
from torch import nn
from torch.nn import functional as F
from torch.utils._python_dispatch import TorchDispatchMode

from ironglass.errors import InputError
from ironglass.harden import AWP, NFGSM, OBJECTIVES, TRADES, AdversarialRegularisation, Free, find_objective
from ironglass.train.objective import CrossEntropy
from ironglass.train.recipe import Stage

EPS = 0.1
every = pytest.mark.parametrize("name", [*OBJECTIVES, "awp"])

# forward passes, backward passes, and of the forward passes those in training mode; free: of two replays
PASSES = {
    "adversarial-regularisation": (2, 2, 2),
    "fgsm": (2, 2, 2),
    "fast-at": (2, 2, 2),
    "n-fgsm": (2, 2, 2),
    "pgd": (8, 8, 1),
    "free": (2, 2, 2),
    "trades": (13, 12, 2),
    "mart": (12, 12, 2),
    "awp": (9, 9, 2),
}
CLEAN_FIRST = {"adversarial-regularisation", "fgsm", "trades", "mart"}


@every
@pytest.mark.parametrize("fails", [False, True])
def test_what_is_left_as_it_was(name, fails, classifier, batch, call, sized):
    images, labels = (part.clone() for part in batch)
    held = classifier.network[1].eval()
    classifier.network[4].weight.requires_grad_(False)
    classifier.network[4].bias.grad = torch.ones(5)
    parameters = [parameter.detach().clone() for parameter in classifier.parameters()]
    versions = [parameter._version for parameter in classifier.parameters()]
    buffers = [buffer.clone() for buffer in classifier.buffers()]
    if fails:
        with pytest.raises(RuntimeError):
            call(sized(name, EPS), classifier, torch.zeros(6, 3, 9, 9), labels)
    else:
        loss, _ = call(sized(name, EPS), classifier, images, labels)
        assert not images.requires_grad
        assert torch.equal(images, batch[0])
        assert torch.equal(labels, batch[1])
    assert [parameter._version for parameter in classifier.parameters()] == versions
    for now, before in zip(classifier.parameters(), parameters, strict=True):
        assert torch.equal(now, before)
    for now, before in zip(classifier.buffers(), buffers, strict=True):  # the one batch-norm layer is held
        assert torch.equal(now, before)
    flags = {key: parameter.requires_grad for key, parameter in classifier.network.named_parameters()}
    assert [key for key, flag in flags.items() if not flag] == ["4.weight"]
    grads = {key: parameter.grad for key, parameter in classifier.network.named_parameters()}
    assert [key for key, grad in grads.items() if grad is not None] == ["4.bias"]
    assert torch.equal(grads["4.bias"], torch.ones(5))
    assert [module.training for module in classifier.modules()].count(False) == 1
    assert not held.training
    if not fails:
        loss.backward()
        assert classifier.network[4].weight.grad is None
        assert classifier.network[0].weight.grad is not None


@every
def test_the_perturbation_stays_within_what_is_stated(name, classifier, batch, call, sized, watch):
    images, labels = batch
    given = watch(classifier)
    call(sized(name, EPS), classifier, images, labels)
    reach = max(float((seen - images).abs().max()) for seen in given.images)
    stated = 3 * EPS if name == "n-fgsm" else EPS
    assert 0.9 * EPS < reach <= stated + 1e-6
    inside = all(seen.min() >= 0 and seen.max() <= 1 for seen in given.images)
    assert inside == (name != "n-fgsm")


@every
def test_passes_and_which_of_them_batch_norm_takes_in(name, classifier, batch, call, sized, watch):
    untouched = copy.deepcopy(classifier)
    given = watch(classifier)
    loss, _ = call(sized(name, EPS), classifier, *batch)
    loss.backward()
    forward, backward, training = PASSES[name]
    assert (given.forward, given.backward, sum(given.training)) == (forward, backward, training)
    taken = [seen for seen, mode in zip(given.images, given.training, strict=True) if mode]
    assert torch.equal(taken[0], batch[0]) == (name in CLEAN_FIRST)
    if name == "awp":  # the first is for the gradient of the weights, and the second is at other weights
        assert torch.equal(taken[0], taken[1])
        assert classifier.network[1].num_batches_tracked == 1
        return
    with torch.no_grad():
        for seen in taken:
            untouched(seen)
    for now, expected in zip(classifier.buffers(), untouched.buffers(), strict=True):
        torch.testing.assert_close(now, expected, rtol=1e-6, atol=1e-7)


@every
def test_the_logits_are_those_of_the_batch_that_is_named(name, classifier, batch, call, sized, watch):
    given = watch(classifier)
    _, logits = call(sized(name, EPS), classifier, *batch)
    if name == "awp":
        return
    counted = given.images[-1 if name not in CLEAN_FIRST else given.training.index(True)]
    assert torch.equal(counted, batch[0]) == (name in CLEAN_FIRST)
    with torch.no_grad():
        torch.testing.assert_close(logits.detach(), classifier(counted))


@every
def test_no_eps_gives_the_plain_loss(name, classifier, batch, call, sized):
    plain, logits = CrossEntropy()(classifier, *batch)
    loss, _ = call(sized(name, 0.0), classifier, *batch)
    p = logits.detach().softmax(1)
    label = F.one_hot(batch[1], 5).bool()
    expected = {
        "adversarial-regularisation": 1.2 * plain,
        "mart": plain - (1 - p.masked_fill(label, 0).amax(1)).log().mean(),
        "awp": loss,  # the weights are still moved
    }
    torch.testing.assert_close(loss.detach(), expected.get(name, plain).detach())


@every
def test_same_seed_same_bits(name, classifier, batch, call, sized):
    classifier.network[1].momentum = 0.0  # the passes are counted in another test
    found = []
    for seed in (3, 3, 4):
        torch.manual_seed(seed)
        loss, _ = call(sized(name, EPS), classifier, *batch)
        found.append((loss.detach(), torch.autograd.grad(loss, classifier.network[0].weight)[0]))
    assert all(torch.equal(one, other) for one, other in zip(*found[:2], strict=True))
    draws = name not in ("adversarial-regularisation", "fgsm")
    assert torch.equal(found[0][1], found[2][1]) == (not draws)


@every
def test_labels_are_smoothed(name, classifier, batch, call, sized):
    rest = {}
    for smoothing in (0.0, 0.3):
        torch.manual_seed(0)
        objective = sized("n-fgsm" if name == "awp" else name, 0.0)
        objective = type(objective)(**{**vars(objective), "label_smoothing": smoothing})
        loss, _ = call(objective, classifier, *batch)
        term, _ = CrossEntropy(label_smoothing=smoothing)(classifier, *batch)
        weight = 1.2 if name == "adversarial-regularisation" else 1.0
        rest[smoothing] = loss.detach() - weight * term.detach()
    torch.testing.assert_close(rest[0.3], rest[0.0], rtol=0, atol=1e-5)


class Convolutions(TorchDispatchMode):
    """Counts them: forward, and backward the gradients to images or maps and those to weights."""

    def __init__(self):
        super().__init__()
        self.counts = Counter()

    def __torch_dispatch__(self, operation, types, args=(), kwargs=None):
        if operation is torch.ops.aten.convolution.default:
            self.counts["forward"] += 1
        if operation is torch.ops.aten.convolution_backward.default:
            self.counts["images"] += args[-1][0]
            self.counts["weights"] += args[-1][1]
        return operation(*args, **(kwargs or {}))


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("n-fgsm", {"forward": 4, "images": 2 + 1, "weights": 2}),
        ("fast-at", {"forward": 4, "images": 2 + 1, "weights": 2}),
        ("adversarial-regularisation", {"forward": 4, "images": 2 + 1, "weights": 4}),
        ("fgsm", {"forward": 4, "images": 2 + 1, "weights": 4}),
        ("free", {"forward": 4, "images": 4, "weights": 4}),
        ("pgd", {"forward": 16, "images": 14 + 1, "weights": 2}),
    ],
)
def test_no_gradient_is_computed_that_is_not_needed(name, expected, classifier, batch, call, sized):
    classifier.network.insert(0, nn.Conv2d(3, 3, 1))  # the second convolution passes its gradient on to the first
    with Convolutions() as convolutions:
        call(sized(name, EPS), classifier, *batch)[0].backward()
    assert convolutions.counts == expected


@pytest.mark.parametrize("name", OBJECTIVES)
def test_found_by_name_with_an_eps(name):
    assert find_objective(name) is OBJECTIVES[name]
    found = find_objective(name, eps=0.05)
    assert type(found) is type(OBJECTIVES[name])
    assert found.eps == 0.05
    assert getattr(found, "step_size", None) is None  # so that it follows
    assert getattr(found, "adv_step_size", 0.05) == 0.05


def test_what_cannot_be_found_is_refused():
    with pytest.raises(InputError, match=r"no objective 'nfgsm' \(did you mean n-fgsm\?\): choose from adversarial"):
        find_objective("nfgsm")
    with pytest.raises(InputError, match="eps is 8"):
        find_objective("pgd", eps=8)
    with pytest.raises(InputError, match="cannot go around Free"):
        find_objective("free", awp=True)
    assert find_objective("trades", eps=0.1, awp=True) == AWP(objective=TRADES(eps=0.1))


def test_free_training_says_that_it_needs_a_loop_that_replays(classifier, batch):
    with pytest.raises(InputError, match="replays each batch 8 times"):
        Free()(classifier, *batch)


class NotANumber(nn.Module):
    def forward(self, images):
        return (images.flatten(1)[:, :5] - 1e3).sqrt()


@pytest.mark.parametrize("name", OBJECTIVES)
def test_a_gradient_that_is_not_a_number_moves_nothing(name, classifier, batch, call, sized, watch):
    classifier.network = nn.Sequential(NotANumber(), nn.Identity())
    given = watch(classifier)
    loss, _ = call(sized(name, EPS), classifier, *batch)
    assert loss.isnan()  # it is for the loop to see
    assert all(seen.isfinite().all() for seen in given.images)


@pytest.mark.parametrize(
    ("text", "objective"),
    [
        ("n-fgsm:4/255", NFGSM(eps=4 / 255)),
        ("trades:0.03", TRADES(eps=0.03)),
        ("adversarial-regularisation:2/255", AdversarialRegularisation(adv_step_size=2 / 255)),
    ],
)
def test_a_name_may_carry_its_eps(text: str, objective: object) -> None:
    assert Stage(objective=text).objective == objective


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("n-fgsm:", "is not a number of at least 0"),
        ("n-fgsm:9", "give it in \\[0, 1\\]"),
        ("nfgsm:4/255", "did you mean n-fgsm"),
        ("cross-entropy:4/255", "leave :4/255 out"),
    ],
)
def test_a_wrong_eps_behind_a_name_is_refused(text: str, message: str) -> None:
    with pytest.raises(InputError, match=message):
        Stage(objective=text)


def test_an_eps_behind_what_has_no_fields_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(OBJECTIVES, "plain", lambda classifier, images, labels: None)
    with pytest.raises(InputError, match="the objective plain has no fields to set eps in"):
        Stage(objective="plain:4/255")
