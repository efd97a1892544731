"""Threads that share a network take turns: every answer is that of one thread alone, and nothing is left behind."""

import threading
import time

import pytest
import torch
from torch import nn

import ironglass as ig
from ironglass.engine.folding.fold import folded
from ironglass.models.eval_without_grad import eval_without_grad
from ironglass.models.exclusive import exclusive, is_held

CALLS = {
    "saliency": lambda c, x, y: ig.explain(c, x, y, "saliency"),
    "guided-backprop": lambda c, x, y: ig.explain(c, x, y, "guided-backprop"),
    "grad-cam": lambda c, x, y: ig.explain(c, x, y, "grad-cam")["3"],
    "occlusion": lambda c, x, y: ig.explain(c, x, y, "occlusion", patch=8, stride=8),
    "fgsm": lambda c, x, y: ig.attack(c, x, y, "fgsm", eps=0.05).adversarial,
    "pgd-3": lambda c, x, y: ig.attack(c, x, y, "pgd-3", eps=0.05).adversarial,
    "layers": lambda c, x, y: torch.tensor(len(c.layers())),
    "logits": lambda c, x, y: evaluated(c, x),
}


def evaluated(classifier, images):
    with eval_without_grad(classifier), torch.no_grad():
        return classifier(images)


def classifier_of(*, shared=None):
    torch.manual_seed(0)
    body = shared or nn.Sequential(
        nn.Conv2d(3, 16, 3, padding=1), nn.BatchNorm2d(16), nn.ReLU6(inplace=True), nn.Conv2d(16, 16, 3, 2, 1)
    )
    layers = [*body, nn.BatchNorm2d(16), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(16, 5)]
    network = nn.Sequential(*layers)
    for module in network.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.running_mean.normal_()
            module.running_var.uniform_(0.3, 3)
    return ig.Classifier(network, mean=(0.5,) * 3, std=(0.25,) * 3, classes=list("abcde"), input_size=24)


def state_of(classifier):
    tensors = {**dict(classifier.named_parameters()), **dict(classifier.named_buffers())}
    return (
        {name: (id(tensor), tensor.detach().clone(), tensor.stride()) for name, tensor in tensors.items()},
        [(module.training, sorted(vars(module)), vars(module).get("inplace")) for module in classifier.modules()],
        [(parameter.requires_grad, parameter.grad) for parameter in classifier.parameters()],
    )


def in_threads(work, count=8):
    errors = []

    def safely(number):
        try:
            work(number)
        except BaseException as error:
            errors.append(error)

    threads = [threading.Thread(target=safely, args=(number,)) for number in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(120)
        assert not thread.is_alive()
    if errors:
        raise errors[0]


@pytest.mark.parametrize("training", [False, True], ids=["evaluation", "training"])
@pytest.mark.parametrize("several", [1, 2], ids=["one network", "two that share layers"])
def test_mixed_calls_of_eight_threads(training, several):
    first = classifier_of()
    classifiers = [first.train(training)]
    if several == 2:
        classifiers.append(classifier_of(shared=list(first.network)[:4]).train(training))
    images, labels = torch.rand(4, 3, 24, 24), torch.arange(4)
    before = [state_of(classifier) for classifier in classifiers]
    expected = [{name: call(classifier, images, labels) for name, call in CALLS.items()} for classifier in classifiers]
    wrong = []

    def work(number):
        names = list(CALLS)
        for turn in range(2 * len(names)):
            name, which = names[(number + turn * (1 + number % 3)) % len(names)], (number + turn) % several
            found = CALLS[name](classifiers[which], images, labels)
            if not torch.equal(found, expected[which][name]):
                wrong.append((name, which))
            if number == 0:  # one that fails in the middle must not leave the others anything either
                with pytest.raises(KeyError), folded(classifiers[which]):
                    raise KeyError

    in_threads(work)
    assert not wrong
    for classifier, (tensors, modules, flags) in zip(classifiers, before, strict=True):
        after = state_of(classifier)
        assert after[1:] == (modules, flags)
        for name, (which, values, stride) in tensors.items():
            assert after[0][name][0] == which
            assert torch.equal(after[0][name][1], values)
            assert after[0][name][2] == stride


def test_training_and_explaining_in_turn():
    classifier, other = classifier_of().eval(), classifier_of().eval()
    dataset = ig.load_dataset("digits", size=24)
    images, labels = torch.rand(4, 3, 24, 24), torch.arange(4)
    del dataset
    optimiser = torch.optim.SGD(classifier.parameters(), lr=0.01)
    plain = torch.optim.SGD(other.parameters(), lr=0.01)
    done = threading.Event()

    def step(one, rule):
        with exclusive(one.network):
            one.train()
            rule.zero_grad()
            torch.nn.functional.cross_entropy(one(images), labels).backward()
            rule.step()

    def work(number):
        if number == 0:
            for _ in range(20):
                step(classifier, optimiser)
            done.set()
        else:
            while not done.is_set():
                ig.explain(classifier, images, labels, "saliency")

    in_threads(work, 3)
    for _ in range(20):
        step(other, plain)
    assert all(map(torch.equal, classifier.state_dict().values(), other.state_dict().values()))


def test_another_thread_waits_and_a_free_network_does_not():
    one, other = classifier_of(), classifier_of()
    entered = []

    def work(classifier):
        with eval_without_grad(classifier):
            entered.append(classifier)

    with eval_without_grad(one):
        assert is_held(one.network)
        waiting = threading.Thread(target=work, args=(one,))
        free = threading.Thread(target=work, args=(other,))
        waiting.start()
        free.start()
        free.join(30)
        time.sleep(0.05)
        assert entered == [other]
    waiting.join(30)
    assert entered == [other, one]
    assert not is_held(one.network)


def test_two_networks_asked_for_in_either_order():
    one, other = classifier_of().network, classifier_of().network

    def work(number):
        for _ in range(200):
            with exclusive(*((one, other) if number % 2 else (other, one))):
                assert is_held(one)
                assert is_held(other)

    in_threads(work)


def test_a_forked_child_has_the_network_for_itself():
    import os

    classifier = classifier_of()
    holding, over = threading.Event(), threading.Event()

    def work():
        with eval_without_grad(classifier):
            holding.set()
            over.wait(60)

    thread = threading.Thread(target=work)
    thread.start()
    holding.wait(30)
    child = os.fork()
    if not child:
        with exclusive(classifier.network):
            os._exit(7)
    for _ in range(600):
        which, status = os.waitpid(child, os.WNOHANG)
        if which:
            break
        time.sleep(0.05)
    over.set()
    thread.join(30)
    assert which
    assert os.waitstatus_to_exitcode(status) == 7
