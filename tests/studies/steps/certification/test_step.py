"""The certification step, from the command line to the page."""

import json
from pathlib import Path

import pytest
import torch
from torch import nn

import ironglass as ig
from ironglass.certify import Smoothing
from ironglass.measure.robustness.bracket import BracketSettings, bracket
from ironglass.report.certification.words import bracket_words
from ironglass.results.certification import Bracket, Certification
from ironglass.results.numbers import Rate


def two_pixel_classifier() -> ig.Classifier:
    """Class "bright" where the first pixel is above 1/2; the other pixel does not count."""
    network = nn.Sequential(nn.Flatten(), nn.Linear(2, 2))
    with torch.no_grad():
        network[1].weight.copy_(torch.tensor([[1.0, 0.0], [0.0, 0.0]]))
        network[1].bias.copy_(torch.tensor([-0.5, 0.0]))
    names = ["bright", "dark"]
    return ig.Classifier(network.eval(), mean=[0.0], std=[1.0], classes=names, input_size=(1, 2))


@pytest.mark.parametrize("smoothing", [None, Smoothing(sigma=0.05, draws=400)])
def test_both_ends_of_the_bracket_meet_where_the_network_is_linear(smoothing: Smoothing | None) -> None:
    # distances to 1/2 of 0.05, 0.2 and 0.4; the last image is misread
    levels = torch.tensor([[140.0, 3], [178, 9], [230, 100], [100, 7]])
    images, labels = levels.view(4, 1, 1, 2) / 255, torch.zeros(4, dtype=torch.int64)
    settings = BracketSettings(
        norm="l2", eps=(0.3, 0.1), method="linear" if smoothing is None else "smoothing", attack="pgd-20",
        smoothing=smoothing,
    )  # fmt: skip
    numbers = bracket(two_pixel_classifier(), images, labels, settings, lambda done, of: None)
    assert numbers["clean"]["value"] == 0.75
    assert [point["eps"] for point in numbers["points"]] == [0.1, 0.3]
    small, large = numbers["points"]
    assert (small["attacked"]["value"], large["attacked"]["value"]) == (0.5, 0.25)
    if smoothing is None:
        assert (small["certified"]["value"], large["certified"]["value"]) == (0.5, 0.25)
        assert (small["unknown"], large["unknown"]) == (0, 0)
        assert large["methods"] == [{"method": "linear", "images": 1}]
    else:  # 400 draws certify 0.05 · 2.1 at most
        assert (small["certified"]["value"], large["certified"]["value"]) == (0.5, 0.0)
        assert large["unknown"] == 1
        assert (numbers["sigma"], numbers["draws"]) == (0.05, 400)


def test_certified_images_are_not_attacked(monkeypatch: pytest.MonkeyPatch) -> None:
    from ironglass.measure.robustness import bracket as module

    attacked: list[int] = []
    monkeypatch.setattr(
        module, "_fooled", lambda one, images, labels, *rest: attacked.append(len(images)) or labels > 9
    )
    images, labels = torch.tensor([[140.0, 3], [230, 9]]).view(2, 1, 1, 2) / 255, torch.zeros(2, dtype=torch.int64)
    settings = BracketSettings(norm="linf", eps=(0.1,), method="auto", attack="pgd-20")
    numbers = bracket(two_pixel_classifier(), images, labels, settings, lambda done, of: None)
    assert attacked == [1]
    assert numbers["points"][0]["unknown"] == 1


def test_from_a_plan_to_the_page(tmp_path: Path) -> None:
    parts = {"training": True, "evaluation": True, "sampling": ig.Sampling(images=24)}
    certification = ig.Certification(eps=("1/255", 0.2), attack="pgd-20")  # type: ignore[arg-type]
    plan = ig.Audit.of_parts(
        dataset="digits", model="logistic", stages=(ig.Stage(epochs=1, batch_size=128),), certification=certification,
        **parts,
    )  # fmt: skip
    run = ig.run(plan, tmp_path / "run")
    measured = run.results["certification"]
    assert (measured["n"], measured["norm"], measured["method"]) == (24, "linf", "auto")
    for point in measured["points"]:
        assert point["certified"]["value"] <= point["attacked"]["value"] <= measured["clean"]["value"]
    page = (run.path / "report.html").read_text()
    assert 'id="certification"' in page
    assert "Certified accuracy" in page
    assert json.loads((run.path / "recipe.json").read_text())["certification"]["attack"] == "pgd-20"


def test_a_network_that_bounds_do_not_cover_is_refused_before_it_is_trained(tmp_path: Path) -> None:
    plan = ig.Audit.of_parts(
        dataset="digits", model="timm/mobilenetv3_small_050", training=True, certification=ig.Certification(),
        stages=(ig.Stage(epochs=1),),
    )  # fmt: skip
    with pytest.raises(ig.InputError, match="bounds do not cover mul"):
        ig.run(plan, tmp_path / "run")


def rate(value: float) -> Rate:
    return Rate(value=value, low=value, high=value, n=10)


def test_nothing_proved_is_said() -> None:
    point = Bracket(eps=8 / 255, certified=rate(0.0), attacked=rate(0.3), unknown=3, methods=())
    measured = Certification(
        norm="linf", method="auto", attack="apgd-ce", n=10, clean=rate(0.9), abstained=0, sigma=None, draws=None,
        alpha=None, points=(point,),
    )  # fmt: skip
    assert bracket_words(measured) == (
        "Within 8/255, 0\u202f% certified: nothing is proved of the network; apgd-ce leaves 30.0\u202f%. The truth "
        "lies between the two; it is unknown for 3 images."
    )


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"method": "smoothing"}, "smoothing certifies changes in L2"),
        ({"eps": (8,)}, "for bytes write 8/255"),
        ({"norm": "l1"}, "norm is 'l1'"),
        ({"attack": "nonsense"}, "there is no attack 'nonsense'"),
        ({"sigma": 64.0, "method": "smoothing", "norm": "l2"}, "sigma is 64"),
        ({"sigma": 0.1}, "sigma is for smoothing, and method is auto"),
        ({"draws": 100, "method": "crown"}, "draws is for smoothing, and method is crown"),
        ({"eps": (0.0,)}, "every eps is 0"),
        ({"eps": ()}, "at least 1"),
    ],
)
def test_wrong_plans(fields: dict, message: str) -> None:
    with pytest.raises(ig.InputError, match=message):
        ig.Certification(**fields)
