"""Attacks asked for as objects and under several eps, and what their results show of themselves."""

import json
from dataclasses import FrozenInstanceError, dataclass
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

import ironglass as ig
from ironglass.attacks import FGSM, L2, PGD, Linf, Occluder, Patch
from ironglass.errors import InputError
from ironglass.models import Classifier


class Brightness(nn.Module):
    """Class 1 where the mean pixel is above one half."""

    def forward(self, images):
        margin = 20 * (images.mean((1, 2, 3)) - 0.5)
        return torch.stack((-margin, margin), 1)


CLASSIFIER = Classifier(Brightness(), mean=(0.0,), std=(1.0,), classes=("dark", "bright"), input_size=4)
LEVELS = torch.tensor([0.40, 0.44, 0.48, 0.52, 0.56, 0.60])
IMAGES, LABELS = LEVELS.view(-1, 1, 1, 1).expand(6, 1, 4, 4).clone(), (LEVELS > 0.5).long()


def attack(*given: Any, **fields: Any) -> Any:
    return ig.attack(CLASSIFIER, IMAGES, LABELS, *given, **fields)


def test_pgd_is_what_is_used_where_nothing_is_said():
    assert attack().method == "pgd-20"
    assert torch.equal(attack(seed=3).adversarial, attack("pgd-20", eps=8 / 255, norm="linf", seed=3).adversarial)


def test_an_object_is_the_attack_of_its_name():
    named = attack("pgd-7", eps=0.05)
    assert torch.equal(attack(PGD(steps=7, leave=True), eps=0.05).adversarial, named.adversarial)
    assert torch.equal(attack(PGD(steps=7, leave=True, threat=Linf(0.05))).adversarial, named.adversarial)
    assert torch.equal(attack(PGD(leave=True), eps=0.05, steps=7).adversarial, named.adversarial)
    long = attack(FGSM(threat=L2(0.3)))
    torch.testing.assert_close((long.adversarial - IMAGES).flatten(1).norm(dim=1), torch.full((6,), 0.3))
    assert torch.equal(attack(FGSM(threat=L2(0.1)), eps=0.3).adversarial, long.adversarial)
    assert torch.equal(attack(FGSM(), norm="l2", eps=0.3).adversarial, long.adversarial)
    small = Patch(threat=Occluder(2))
    assert attack(small).threat == small.threat


SMALL = Linf(0.1)


@dataclass(frozen=True)
class Brighter:
    """A stranger's attack: adds eps everywhere, and times too much where asked to."""

    threat: Linf = SMALL
    steps: int = 0
    times: float = 1.0

    def __call__(self, classifier, images, labels, *, generator=None):
        return (images + self.times * self.threat.eps).clamp(0, 1)


def test_an_attack_of_the_readers_own():
    result = attack(Brighter(), eps=0.05)
    assert result.fooled.tolist() == [False, False, True, False, False, False]
    with pytest.raises(InputError, match=r"Brighter changed 6 of 6 images by more than Linf\(eps=0.05\) allows"):
        attack(Brighter(times=2.0), eps=0.05)


@pytest.mark.parametrize(
    ("given", "fields", "says"),
    [
        (3, {}, "method is 3: give one of fgsm"),
        (None, {}, "method is None: give one of"),
        (print, {}, "method is <built-in function print>: give one of"),
        (PGD, {}, r"method is the class PGD: give an object of it, PGD\(...\)"),
        (PGD(), {"step": 2}, r"PGD has no setting 'step' \(did you mean steps"),
        (PGD(), {"norm": "l3"}, "there is no norm 'l3'"),
        (Patch(threat=Occluder(2)), {"eps": 0.1}, "threat of Patch is Occluder, not Linf, L2 or L1"),
        ("pgd-20", {"eps": ()}, "eps is empty"),
        ("pgd-20", {"eps": (0.1, "x")}, "eps is 'x': give a number"),
        ("pgd-20", {"eps": "8/255"}, "eps is '8/255': give a number"),
    ],
)
def test_what_is_no_attack_is_refused_in_one_line(given, fields, says):
    with pytest.raises(InputError, match=says) as raised:
        attack(given, **fields)
    assert "\n" not in str(raised.value)


def test_several_eps_are_several_attacks():
    several = attack("pgd-5", eps=(0.05, 0.15), seed=2)
    assert [one.eps for one in several] == [0.05, 0.15]
    for one in several:
        alone = attack("pgd-5", eps=one.eps, seed=2)
        assert torch.equal(one.adversarial, alone.adversarial)
        assert one.accuracy == alone.accuracy
    assert [round(one.accuracy["value"] * 6) for one in several] == [4, 0]
    assert len(several) == 2
    assert several[1] is several.results[1]
    assert len(attack(eps=[0.1])) == 1
    assert len(repr(several).splitlines()) == 3


def test_accuracy_that_rises_with_eps_speaks_against_every_one():
    class Wave(nn.Module):
        def forward(self, images):
            margin = 5 * torch.cos(20 * torch.pi * (images.mean((1, 2, 3)) - 0.49))
            return torch.stack((margin, -margin), 1)

    classifier = Classifier(Wave(), mean=(0.0,), std=(1.0,), classes=("a", "b"), input_size=4)
    images, labels = torch.full((120, 1, 4, 4), 0.5), torch.zeros(120, dtype=torch.int64)
    for one in ig.attack(classifier, images, labels, "fgsm", eps=(0.04, 0.09)):
        assert any("accuracy rises" in reason for reason in one.verdict.reasons)


def test_a_result_shows_itself():
    result = attack("fgsm", eps=0.05)
    assert repr(result) == (
        "AttackResult(fgsm, Linf, eps 0.05, 6 images: accuracy 66.7 % (22.3 to 95.7), without attack 100.0 %; "
        "suspect: an upper bound on robust accuracy: FGSM takes one step; stronger attacks may fool more)"
    )
    figure = result.show(2)
    titles = [axes.get_title("left") for axes in figure.axes]
    # the two that were fooled come first: 0.48 and 0.52
    assert titles == [
        "dark: predicted dark", "perturbation, ±12.8/255", "adversarial: bright",
        "bright: predicted bright", "perturbation, ±12.8/255", "adversarial: dark",
    ]  # fmt: skip
    before, change, after = (np.asarray(axes.get_images()[0].get_array())[0, 0] for axes in figure.axes[:3])
    assert before.tolist() == [122] * 3
    assert change.tolist() == [255] * 3
    assert after.tolist() == [135] * 3
    assert len(attack(eps=0.0).show(6).axes) == 18
    page = result._repr_html_()
    assert page.startswith("<pre>AttackResult(fgsm")
    assert 'src="data:image/png;base64,' in page
    assert figure._repr_png_().startswith(b"\x89PNG")  # type: ignore[attr-defined]
    (axes,) = attack("fgsm", eps=(0.05, 0.15)).show().axes
    line = axes.get_lines()[0]
    np.testing.assert_allclose(line.get_xydata(), [[0, 100], [0.05, 66.6667], [0.15, 0]], rtol=1e-4)
    with pytest.raises(InputError, match="images is 0: give how many"):
        result.show(0)


def test_a_result_is_frozen_and_becomes_json():
    result = attack("fgsm", eps=0.05)
    with pytest.raises(FrozenInstanceError):
        setattr(result, "method", "pgd-20")  # noqa: B010
    plain = json.loads(json.dumps(result.to_dict()))
    assert plain["eps"] == 0.05
    assert plain["accuracy"]["value"] == pytest.approx(4 / 6)
    assert plain["fooled"] == [False, False, True, True, False, False]
    assert plain["verdict"]["word"] == "suspect"
    assert len(json.loads(json.dumps(attack(eps=(0.05, 0.1)).to_dict()))["results"]) == 2
    assert len({result, attack("fgsm", eps=0.05)}) == 2
