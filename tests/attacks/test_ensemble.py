"""Several attacks as one, and AutoAttack in the variant that the classes allow."""

import io
from dataclasses import dataclass, replace
from typing import Any, ClassVar

import pytest
import torch
from pyarrow import parquet
from torch import nn

from ironglass.attacks import APGD, ENSEMBLE, FAB, L2, PGD, THREATS, AutoAttack, Ensemble, Linf, Noise, Square, standard
from ironglass.errors import InputError
from ironglass.models import Classifier


def network(inputs, classes, hidden=32):
    torch.manual_seed(0)
    return nn.Sequential(nn.Flatten(), nn.Linear(inputs, hidden), nn.Tanh(), nn.Linear(hidden, classes))


def curved(classes) -> Classifier:
    names = tuple(f"class {i}" for i in range(classes))
    return Classifier(network(48, classes), mean=(0.5,) * 3, std=(0.1,) * 3, classes=names, input_size=4)


def read(classifier, n=60):
    images = torch.rand(n, 3, 4, 4, generator=torch.Generator().manual_seed(1))
    with torch.no_grad():
        return images, classifier.eval()(images).argmax(1)


def right(classifier, images, labels):
    with torch.no_grad():
        return classifier.eval()(images).argmax(1) == labels


WEAK = PGD(steps=1, step_size=0.01, random_start=False)  # draws nothing, so that it is the same on fewer images


@dataclass(frozen=True, kw_only=True)
class Seen:
    """An attack that writes down how many images it was given."""

    steps: ClassVar[int] = 1
    attack: Any
    given: list
    threat: Any = None

    def __call__(self, classifier, images, labels, *, generator=None):
        self.given.append(len(images))
        return replace(self.attack, threat=self.threat)(classifier, images, labels, generator=generator)


def test_it_is_the_worst_case_and_attacks_only_what_stands():
    classifier = curved(4)
    images, labels = read(classifier)
    labels[:5] = (labels[:5] + 1) % 4  # misread as they are
    first, second = Seen(attack=WEAK, given=[]), Seen(attack=APGD(steps=20), given=[])
    run = Ensemble({"first": first, "second": second}, threat=Linf(0.02)).run(classifier, images, labels)
    stood = right(classifier, replace(WEAK, threat=Linf(0.02))(classifier, images, labels), labels)
    standing = right(classifier, run.adversarial, labels)
    names = {name: run.fooled_by.count(name) for name in ("clean", "first", "second", "")}
    assert names["clean"] == 5
    assert all(names.values())
    assert first.given == [55]
    assert second.given == [55 - names["first"]]
    assert [name == "" for name in run.fooled_by] == standing.tolist()
    assert torch.equal(stood, torch.tensor([name not in ("clean", "first") for name in run.fooled_by]))
    assert torch.equal(run.adversarial[:5], images[:5])


def test_one_threat_for_all():
    ensemble = Ensemble({"a": APGD(threat=L2(0.3)), "b": Square(threat=L2(0.3))})
    assert ensemble.threat == L2(0.3)
    moved = replace(ensemble, threat=Linf(0.1))
    assert [attack.threat for attack in moved.attacks.values()] == [Linf(0.1)] * 2
    assert ensemble.steps == 100
    with pytest.raises(InputError, match="different threats"):
        Ensemble({"a": APGD(threat=L2(0.3)), "b": Noise()})
    with pytest.raises(InputError, match="no attacks"):
        Ensemble({})


@pytest.mark.parametrize(
    ("classes", "names", "targets", "label"),
    [
        (2, ["apgd-ce", "apgd-margin", "fab", "square"], None, "margin-loss variant of AutoAttack (2 classes"),
        (3, ["apgd-ce", "apgd-margin", "fab", "square"], None, "margin-loss variant of AutoAttack (3 classes"),
        (4, ["apgd-ce", "apgd-t", "fab-t", "square"], 3, "AutoAttack standard (3 targets)"),
        (10, ["apgd-ce", "apgd-t", "fab-t", "square"], 9, "AutoAttack standard (9 targets)"),
        (200, ["apgd-ce", "apgd-t", "fab-t", "square"], 9, "AutoAttack standard (9 targets)"),
    ],
)
def test_the_classes_choose_the_variant(classes, names, targets, label):
    ensemble = standard(curved(classes), L2(0.5))
    assert list(ensemble.attacks) == names
    assert ensemble.label.startswith(label)
    assert {attack.threat for attack in ensemble.attacks.values()} == {L2(0.5)}
    assert ensemble.attacks["square"].queries == 5000
    assert {attack.steps for attack in ensemble.attacks.values()} == {100, 0}
    if targets:
        assert ensemble.attacks["apgd-t"].targets == ensemble.attacks["fab-t"].targets == targets
    assert "in place of 100 and 5000" in standard(curved(classes), L2(0.5), steps=10).label


@pytest.mark.parametrize("classes", [2, 3, 4, 10])
@pytest.mark.parametrize("norm", THREATS)
def test_it_is_not_weaker_than_pgd(classes, norm):
    classifier = curved(classes)
    images, labels = read(classifier)
    threat = THREATS[norm]({"linf": 0.012, "l2": 0.06, "l1": 0.25}[norm])
    run = AutoAttack(threat=threat, steps=30, queries=200).run(classifier, images, labels)
    assert threat.allows(images, run.adversarial).all()
    standing = right(classifier, run.adversarial, labels)
    pgd = PGD(threat=threat, steps=100, restarts=10)(classifier, images, labels)
    assert not (standing & ~right(classifier, pgd, labels)).any()
    assert 0 < standing.sum() < len(images)


def test_the_attack_is_its_ensemble():
    classifier = curved(5)
    images, labels = read(classifier, 10)
    attack = replace(ENSEMBLE["standard"], threat=Linf(0.01), steps=5, queries=20)
    ensemble = standard(classifier, Linf(0.01), steps=5, queries=20)
    assert torch.equal(attack(classifier, images, labels), ensemble(classifier, images, labels))
    assert attack.run(classifier, images, labels).fooled_by == ensemble.run(classifier, images, labels).fooled_by


def test_cats_and_dogs(shared_data):
    from PIL import Image

    file = parquet.ParquetFile(next((shared_data / "cats_vs_dogs").rglob("test*.parquet")))
    rows = next(file.iter_batches(300)).to_pylist()
    pictures = [Image.open(io.BytesIO(row["image"]["bytes"])).convert("RGB").resize((16, 16)) for row in rows]
    images = torch.stack([torch.frombuffer(bytearray(picture.tobytes()), dtype=torch.uint8) for picture in pictures])
    images = images.view(-1, 16, 16, 3).permute(0, 3, 1, 2).float() / 255
    labels = torch.tensor([row["labels"] for row in rows])
    assert set(labels.tolist()) == {0, 1}
    classifier = Classifier(
        network(768, 2), mean=(0.5,) * 3, std=(0.25,) * 3, classes=("cat", "dog"), input_size=16
    ).train()
    optimiser = torch.optim.AdamW(classifier.parameters(), lr=3e-3, weight_decay=1e-2)
    for _ in range(60):
        optimiser.zero_grad()
        nn.functional.cross_entropy(classifier(images), labels).backward()
        optimiser.step()
    images, labels = images[:60], labels[:60]
    threat = Linf(1 / 255)
    run = AutoAttack(threat=threat, steps=30, queries=300).run(classifier, images, labels)
    standing = right(classifier, run.adversarial, labels)
    pgd = PGD(threat=threat, steps=100, restarts=10)(classifier, images, labels)
    assert not (standing & ~right(classifier, pgd, labels)).any()
    assert 0 < standing.sum() < right(classifier, images, labels).sum()
    # the nearest boundary, where there are but two, is the target's
    both = [FAB(threat=threat, steps=10, targets=targets)(classifier, images, labels) for targets in (None, 1)]
    torch.testing.assert_close(*both, rtol=0, atol=1e-5)
