"""Networks that give probabilities: what is said of them is said in probabilities, and they learn as others do."""

import warnings

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional as F

import ironglass as ig
from ironglass.data.dataset import Dataset, Split
from ironglass.errors import Notice
from ironglass.measure.accuracy import top
from ironglass.models.reading.probability import give_probabilities
from ironglass.train.fit import fit

K = 4
FORMS = {
    "softmax": lambda z: z.softmax(1),
    "sharp softmax": lambda z: (30 * z).softmax(1),
    "half": lambda z: z.bfloat16().softmax(1),
    "double": lambda z: z.double().softmax(1),
    "average": lambda z: (z.softmax(1) + (2 * z).softmax(1)) / 2,
    "exp of log": lambda z: z.log_softmax(1).exp(),
    "tuple": lambda z: (z.softmax(1), z),
}


class Ends(nn.Module):
    """A small network and what stands at its end."""

    def __init__(self, form, outputs=K):
        super().__init__()
        self.body = nn.Sequential(
            nn.Conv2d(3, 6, 3, padding=1), nn.ReLU(), nn.AdaptiveAvgPool2d(3), nn.Flatten(), nn.Linear(54, outputs)
        )
        self.form = form

    def forward(self, x):
        return self.form(self.body(x))


def classifier_of(form, outputs=K, k=K):
    torch.manual_seed(0)
    network = Ends(form, outputs).eval()
    return ig.Classifier(network, mean=(0.4,) * 3, std=(0.3,) * 3, classes=[f"c{i}" for i in range(k)], input_size=12)


def split_of(n, seed=0):
    pixels = np.random.default_rng(seed).integers(0, 256, (n, 12, 12, 3), dtype=np.uint8)
    return Split(pixels, np.arange(n) % K, tuple(str(i) for i in range(n)))


@pytest.mark.parametrize("form", FORMS)
def test_loss_and_confidence_are_those_of_the_probabilities(form):
    classifier, split = classifier_of(FORMS[form]), split_of(40)
    numbers, outputs = ig.evaluate(classifier, split)
    images, labels = split[:]
    found = classifier(images)
    p = (found[0] if isinstance(found, tuple) else found).detach().double()
    off = 1e-2 if form == "half" else 1e-5
    assert numbers["loss"] == pytest.approx(float(F.nll_loss(p.log(), labels)), rel=off)
    _, confidence = top(classifier, outputs, 1)
    np.testing.assert_allclose(confidence[:, 0], p.amax(1).numpy(), rtol=off)


def test_of_a_sigmoid_for_each_class_is_said_that_its_loss_means_little():
    split = split_of(16)
    with pytest.warns(Notice, match="as behind a sigmoid"):
        ig.evaluate(classifier_of(lambda z: torch.sigmoid(100 * z)), split)
    with warnings.catch_warnings():
        warnings.simplefilter("error", Notice)
        ig.evaluate(classifier_of(lambda z: z), split)


@pytest.mark.parametrize("form", ["softmax", "average"])
def test_occlusion_is_the_drop_of_the_probability_itself(form):
    classifier = classifier_of(FORMS[form])
    images, labels = split_of(3)[:]
    maps = ig.explain(classifier, images, labels, "occlusion", patch=12, stride=12)
    with torch.no_grad():
        drop = classifier(images) - classifier(torch.full_like(images, 0.5))
    torch.testing.assert_close(maps[:, 0, 0, 0], drop.gather(1, labels[:, None])[:, 0])


def test_logits_of_any_kind_are_no_probabilities():
    torch.manual_seed(0)
    for logits in (torch.randn(5, K), torch.rand(5, K), torch.zeros(5, K), torch.randn(5, K).log_softmax(1)):
        assert not give_probabilities(logits)
    assert not give_probabilities(torch.full((5, K), torch.nan))
    assert not give_probabilities(torch.eye(K))  # small whole numbers, of which no step is known
    layer = nn.Linear(K, K, bias=False)
    with torch.no_grad():
        layer.weight.copy_(torch.eye(K) * 0.5 + 0.5 / K)
    assert not give_probabilities(layer(torch.eye(K)))  # rows add up to 1, but a layer of weights gave them
    assert give_probabilities((layer.weight * 1e4).softmax(1))  # 0 and 1, but of a softmax


class Both(nn.Module):
    """Logits in training mode, probabilities in evaluation mode, as many detectors' classification heads give them."""

    def __init__(self):
        super().__init__()
        self.inner = Ends(lambda z: z)

    def forward(self, x):
        z = self.inner(x)
        return z if self.training else z.softmax(1)


def test_a_softmax_in_evaluation_mode_alone_is_no_reason_to_train_on_logarithms():
    torch.manual_seed(0)
    classifier = ig.Classifier(Both(), mean=(0.4,) * 3, std=(0.3,) * 3, classes=list("abcd"), input_size=12)
    images, _ = split_of(8)[:]
    assert classifier.eval().gives_probabilities
    outputs = classifier(images)
    torch.testing.assert_close(classifier.as_logits(outputs), outputs.log())
    trained = classifier.train()(images)
    torch.testing.assert_close(trained, classifier.network.inner((images - 0.4) / 0.3))


def test_it_is_decided_for_the_network_not_for_a_batch():
    class Gate(nn.Module):  # logits that are, of dark images, a distribution
        def forward(self, x):
            bright = x.flatten(1).amax(1, keepdim=True)
            return torch.where(bright < 0.1, torch.tensor([[0.25, 0.5, 0.125, 0.125]]), x.flatten(1)[:, :K] * 9)

    classifier = ig.Classifier(Gate(), mean=(0,), std=(1,), classes=list("abcd"), input_size=4).eval()
    dark = classifier(torch.zeros(3, 1, 4, 4))
    assert not classifier.gives_probabilities
    assert torch.equal(classifier.as_logits(dark), dark)
    np.testing.assert_allclose(top(classifier, dark, 1)[1][:, 0], dark.softmax(1).amax(1).numpy())


def test_a_network_behind_a_softmax_learns_as_without_it(tmp_path):
    learned = []
    splits = {"train": split_of(64), "validation": split_of(16, 1), "test": split_of(16, 2)}
    dataset = Dataset("noise", splits, ("c0", "c1", "c2", "c3"), "0")
    for form in (lambda z: z, FORMS["softmax"]):
        classifier = classifier_of(form)
        stage = ig.Stage(epochs=2, batch_size=16)
        fit(classifier, dataset, ig.Recipe(stages=(stage,)), folder=tmp_path / str(len(learned)))
        learned.append(classifier.network.body[4].weight.detach())
    torch.testing.assert_close(learned[0], learned[1], rtol=1e-3, atol=1e-5)


SINGLE = {
    "sigmoid": torch.sigmoid,
    "flat": lambda z: z.sigmoid().flatten(),
    "clamped": lambda z: z.sigmoid().clamp(1e-6, 1 - 1e-6),
    "by hand": lambda z: 1 / (1 + (-z).exp()),
    "of a tanh": lambda z: ((z / 2).tanh() + 1) / 2,
    "mean of two": lambda z: torch.stack((z.sigmoid(), z.sigmoid())).mean(0),
    "second of a softmax": lambda z: torch.cat((z * 0, z), 1).softmax(1)[:, 1],
    "complement": lambda z: 1 - (-z).sigmoid(),
    "in double": lambda z: z.double().sigmoid().squeeze(1),
}


@pytest.mark.parametrize("form", SINGLE)
def test_a_single_probability_however_it_is_computed(form):
    classifier, plain = classifier_of(SINGLE[form], 1, 2), classifier_of(lambda z: z, 1, 2)
    images, _ = split_of(12)[:]
    with torch.no_grad():
        torch.testing.assert_close(classifier(images).float(), plain(images), rtol=1e-3, atol=1e-4)
    assert "probability" in classifier.adaptation


@pytest.mark.parametrize(
    "form", [lambda z: z, lambda z: z + 0.5, lambda z: z.tanh(), lambda z: z.sigmoid() * 8 - 4, lambda z: z / 50 + 0.5]
)
def test_a_single_logit_stays_one(form):
    classifier = classifier_of(form, 1, 2)
    images, _ = split_of(12)[:]
    with torch.no_grad():
        found = classifier(images)
        logit = classifier.network((images - classifier.mean) / classifier.std)[:, 0]
    torch.testing.assert_close(found[:, 1] - found[:, 0], logit)


@pytest.mark.parametrize(
    "form", [lambda z: z.relu() / 50, lambda z: (z.abs() / 50).pow(2), lambda z: z.sigmoid().detach()]
)
def test_what_could_be_either_is_refused(form):
    classifier = classifier_of(form, 1, 2)
    images, _ = split_of(12)[:]
    with pytest.raises(ig.InputError, match="probability or a logit"):
        classifier(images)


def test_a_flag_turned_afterwards_is_seen():
    class Flagged(nn.Module):
        def __init__(self):
            super().__init__()
            self.inner, self.soft = Ends(lambda z: z), False

        def forward(self, x):
            return self.inner(x).softmax(1) if self.soft else self.inner(x)

    torch.manual_seed(0)
    classifier = ig.Classifier(Flagged(), mean=(0.4,) * 3, std=(0.3,) * 3, classes=list("abcd"), input_size=12).eval()
    images, _ = split_of(8)[:]
    plain = classifier(images).softmax(1)
    for soft in (False, True, False):
        classifier.network.soft = soft
        torch.testing.assert_close(classifier.as_logits(classifier(images)).softmax(1), plain)


def test_an_image_without_an_answer_leaves_the_others_probabilities():
    classifier = classifier_of(FORMS["softmax"])
    images, _ = split_of(8)[:]
    outputs = classifier(images).detach()
    expected = outputs[1:].clone()
    outputs[0] = torch.nan
    torch.testing.assert_close(classifier.as_logits(outputs)[1:].softmax(1), expected)
