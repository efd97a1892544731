"""The page's numbers are those of ironglass.explain and ironglass.attack; its lines give them again, bit for bit."""

import base64
import json
import math
import shlex
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import ironglass as ig
from ironglass.cli.main import _status
from ironglass.data.dataset import Split
from ironglass.errors import InputError
from ironglass.models.eval_without_grad import eval_without_grad
from ironglass.studio.answers.request import ATTACKS, Request
from ironglass.studio.answers.search import smallest_steps, worst_position
from ironglass.studio.answers.view import attacked, view
from ironglass.studio.app import Studio
from ironglass.studio.edit.strokes import paint, read_strokes
from ironglass.studio.load import Opened, load, load_all
from ironglass.studio.superseded import Superseded

STROKES = [
    {"kind": "brush", "fill": "blur", "radius": 2.5, "points": [[3.25, 4], [15.5, 6]]},
    {"kind": "rectangle", "fill": "grey", "top": 10, "left": 2, "height": 5, "width": 40},
]


@pytest.fixture(scope="module")
def picture(opened: tuple[Opened, ...]) -> torch.Tensor:
    assert opened[0].split is not None
    return opened[0].split[1][0][0]


@pytest.mark.parametrize("norm", ["linf", "l2"])
@pytest.mark.parametrize("name", ATTACKS)
def test_attacks_are_those_of_the_library(opened: tuple[Opened, ...], picture, name: str, norm: str) -> None:
    request = Request(attack=name, norm=norm, steps=6)
    classifier = opened[0].classifier
    expected = ig.attack(classifier, picture, torch.tensor([0]), name, eps=request.eps, norm=norm)
    found = attacked(classifier, picture, 0, request)
    assert torch.equal(found, expected.adversarial)
    assert not torch.equal(found, picture) or name in ("pgd-20", "square-200", "apgd-ce-20")


@pytest.mark.parametrize("method", ["", "saliency", "grad-cam", "occlusion"])
def test_maps_and_logits_are_those_of_the_library(opened: tuple[Opened, ...], picture, method: str) -> None:
    classifier, strokes = opened[0].classifier, read_strokes(STROKES)
    shown = view(classifier, picture, 1, Request(strokes=strokes, method=method, attack="fgsm", steps=8))
    painted = paint(picture, strokes)
    changed = ig.attack(classifier, painted, torch.tensor([1]), "fgsm", eps=8 / 255).adversarial
    pair = torch.cat([picture, changed])
    assert torch.equal(shown.pair, pair)
    with eval_without_grad(classifier), torch.no_grad():
        assert torch.equal(shown.logits, classifier(pair))
    assert shown.target == shown.predictions[0] == int(shown.logits[0].argmax())
    if method:
        found: Any = ig.explain(classifier, pair, torch.tensor([shown.target] * 2), method)
        expected = found if isinstance(found, dict) else {method: found}
        assert list(shown.maps) == list(expected)
        assert all(np.array_equal(shown.maps[name].numpy(), one.detach().numpy()) for name, one in expected.items())
    assert shown.by_layer == (method == "grad-cam")


def test_without_label_an_attack_leads_away_from_what_is_predicted(opened: tuple[Opened, ...], picture) -> None:
    classifier = opened[0].classifier
    request = Request(attack="fgsm", steps=8)
    shown = view(classifier, picture, None, request)
    assert shown.attacked_label == shown.predictions[0]
    assert view(classifier, picture, None, Request(attack="fgsm", steps=0)).attacked_label is None


def test_a_superseded_view_stops_between_its_parts(opened: tuple[Opened, ...], picture) -> None:
    calls = []

    def check() -> None:
        calls.append(1)
        if len(calls) == 2:
            raise Superseded

    with pytest.raises(Superseded):
        view(opened[0].classifier, picture, 0, Request(attack="fgsm", steps=8, method="saliency"), check)
    assert len(calls) == 2


def test_the_smallest_change_fools_and_the_one_before_does_not(opened: tuple[Opened, ...], picture) -> None:
    classifier, request = opened[0].classifier, Request(attack="fgsm")
    before = view(classifier, picture, None, request).predictions[0]
    steps = smallest_steps(classifier, picture, None, request)
    assert steps is not None
    assert steps > 1
    assert view(classifier, picture, None, Request(attack="fgsm", steps=steps)).predictions[1] != before
    assert view(classifier, picture, None, Request(attack="fgsm", steps=1)).predictions[1] == before
    with pytest.raises(InputError, match="choose an attack"):
        smallest_steps(classifier, picture, None, Request())


def test_the_worst_place_is_the_worst_of_all_places(opened: tuple[Opened, ...], picture) -> None:
    classifier = opened[0].classifier
    found, left = worst_position(classifier, picture, Request(), 8, "black")
    target = view(classifier, picture, None, Request()).target
    lowest = math.inf
    for top in range(0, 17, 2):
        for across in range(0, 17, 2):
            covered = picture.clone()
            covered[:, :, top : top + 8, across : across + 8] = 0
            with eval_without_grad(classifier), torch.no_grad():
                lowest = min(lowest, float(classifier(covered).softmax(1)[0, target]))
    assert left == pytest.approx(lowest, abs=1e-5)
    painted = view(classifier, picture, None, Request(strokes=(found,)))
    assert float(painted.logits[1].softmax(0)[target]) == pytest.approx(left, abs=1e-5)
    with pytest.raises(InputError, match="1 to 24"):
        worst_position(classifier, picture, Request(), 25, "black")


LINES = """
{python}
import json
plain = maps if isinstance(maps, dict) else {{"saliency": maps}}
listed = {{name: one.tolist() for name, one in plain.items()}}
json.dump({{"logits": logits.tolist(), "changed": changed.tolist(), "maps": listed}}, open("again.json", "w"))
"""


SECOND = """
second = second_maps if isinstance(second_maps, dict) else {{"grad-cam": second_maps}}
second = {{"logits": second_logits.tolist(), "maps": {{name: one.tolist() for name, one in second.items()}}}}
json.dump(second, open("second.json", "w"))
"""


@pytest.mark.parametrize("case", ["data", "photo", "everything"])
def test_the_python_lines_give_the_same_bits(
    opened: tuple[Opened, ...], tmp_path: Path, place: Path, case: str
) -> None:
    studio = Studio(opened)
    page = studio.answer("begin", {})["page"]
    given: dict[str, Any] = {"page": page, "model": 1, "strokes": STROKES, "attack": "pgd-20", "steps": 9, "norm": "l2"}
    if case == "data":
        given |= {"index": 3, "method": "grad-cam", "target": 1}
    photo = {"upload": studio.put_in(page, (place / "photos" / "dark" / "03.png").read_bytes())["upload"]}
    if case == "photo":
        given |= photo | {"method": "saliency"}
    if case == "everything":
        donated = [
            {
                "kind": "rectangle",
                "fill": {"donor": i, "shift": [3, -2]},
                "top": 4,
                "left": 8 * i,
                "height": 9,
                "width": 8,
            }
            for i in range(2)
        ]
        given |= {"index": 3, "method": "grad-cam", "degrees": -33.5, "second": 0, "donors": [{"index": 5}, photo]}
        given |= {"strokes": [*STROKES, *donated], "norm": "linf"}
    found = studio.answer("numbers", given)
    for number, donor in enumerate(found["donor_pngs"]):
        (tmp_path / f"donor-{number}.png").write_bytes(base64.b64decode(donor))
    if case == "everything":
        found["python"] = found["python"] + SECOND.format().replace("\nsecond =", "\nimport json\nsecond =", 1)
        assert "rotate(picture, -33.5)" in found["python"]
    (tmp_path / "photo.png").write_bytes(base64.b64decode(found["photo_png"]))
    (tmp_path / "again.py").write_text(LINES.format(python=found["python"]))
    done = subprocess.run([sys.executable, "again.py"], cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    again = json.loads((tmp_path / "again.json").read_text())
    assert again == {name: found[name] for name in ("logits", "changed", "maps")}
    if case == "everything":
        second = json.loads((tmp_path / "second.json").read_text())
        assert second == {name: found["second"][name] for name in ("logits", "maps")}
        assert second["logits"] != again["logits"]


def test_the_commands_see_the_painted_picture(
    opened: tuple[Opened, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    studio = Studio(opened)
    given = {"index": 3, "strokes": STROKES, "attack": "fgsm", "steps": 4, "method": "saliency"}
    found = studio.answer("numbers", given)
    (tmp_path / "painted.png").write_bytes(base64.b64decode(found["painted_png"]))
    plain = studio.answer("numbers", given | {"attack": "", "steps": 0})["probabilities"][1]
    lines = found["commands"].splitlines()
    assert [line.split()[1] for line in lines] == ["predict", "explain", "attack"]
    monkeypatch.chdir(tmp_path)
    for line in lines:
        words = [*shlex.split(line), "--json", "--output", str(tmp_path / line.split()[1])]
        monkeypatch.setattr(sys, "argv", words)
        capsys.readouterr()
        status = _status()
        out, err = capsys.readouterr()
        assert status == 0, err
        if line == lines[0]:
            (row,) = json.loads(out)["predictions"]
            assert row["confidence_1"] == pytest.approx(max(plain), abs=1e-4)


def test_the_commands_name_what_a_network_of_ones_own_does_not(
    place: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Its classes and image size, which the studio has from the data, and a painted picture alone cannot give."""
    monkeypatch.chdir(tmp_path)
    network = "nn.Sequential(nn.Conv2d(3, 4, 3), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(4, 2))"
    (tmp_path / "net.py").write_text(f"from torch import nn\n\n\ndef build():\n    return {network}\n")
    conv, linear = torch.nn.Conv2d(3, 4, 3), torch.nn.Linear(4, 2)
    weights = {"0.weight": conv.weight, "0.bias": conv.bias, "3.weight": linear.weight, "3.bias": linear.bias}
    torch.save({name: value.detach() for name, value in weights.items()}, tmp_path / "net.pt")
    own = load("net.py:build", str(place / "photos"), weights="net.pt", normalise="half", size=24)
    found = Studio([own]).answer("numbers", {"index": 3, "attack": "fgsm", "steps": 4, "method": "saliency"})
    (tmp_path / "painted.png").write_bytes(base64.b64decode(found["painted_png"]))
    sizeless = replace(own, plan=replace(own.plan, size=None))  # the size is the data's
    assert Studio([sizeless]).answer("numbers", {"index": 3})["commands"] == found["commands"].splitlines()[0] + "\n"
    for line in found["commands"].splitlines():
        monkeypatch.setattr(sys, "argv", [*shlex.split(line), "--json", "--output", str(tmp_path / line.split()[1])])
        capsys.readouterr()
        status = _status()
        out, err = capsys.readouterr()
        assert status == 0, err
        if "predict" in line:
            (row,) = json.loads(out)["predictions"]
            assert row["confidence_1"] == pytest.approx(max(found["probabilities"][0]), abs=1e-4)


def test_names_in_the_lines_stay_names(opened: tuple[Opened, ...]) -> None:
    """A class whose name ends its line begins no line of its own."""
    first = opened[0]
    kept = first.classifier.classes
    try:
        first.classifier.classes = ("dark\nimport os", "light")
        found = Studio([first]).answer("numbers", {"index": 0, "attack": "fgsm", "steps": 4, "method": "saliency"})
    finally:
        first.classifier.classes = kept
    assert "\nimport os" not in found["python"]


def test_models_that_cannot_look_at_the_same_pictures_are_refused(place: Path, tmp_path: Path) -> None:
    dataset = ig.load_dataset(str(place / "photos"), size=16)
    other = ig.load_classifier("simple-cnn", classes=dataset.classes, size=16, channels=3)
    ig.fit(
        other,
        dataset,
        ig.Recipe(model="simple-cnn", stages=(ig.Stage(epochs=1, batch_size=8),)),
        folder=tmp_path / "run",
        progress=False,
    )
    with pytest.raises(InputError, match="another size"):
        load_all([str(place / "first"), str(tmp_path / "run")], device="cpu", download=False)


def test_without_data_pictures_are_put_in(place: Path) -> None:
    studio = Studio([load(str(place / "first"))])
    begun = studio.answer("begin", {})
    assert begun["split"] is None
    assert studio.answer("pictures", {})["pictures"] == []
    with pytest.raises(InputError, match="open a picture"):
        studio.answer("view", {"page": begun["page"], "index": 0, "number": 1})
    with pytest.raises(InputError, match="give --data"):
        load("simple-cnn")


def test_pictures_of_one_class_by_pages(opened: tuple[Opened, ...]) -> None:
    studio, split = Studio(opened), opened[0].split
    assert split is not None
    found = studio.answer("pictures", {"class": 1})
    assert found["n"] == int((split[1].labels == 1).sum()) > 0
    assert {one["label"] for one in found["pictures"]} == {1}
    assert studio.answer("pictures", {"start": 2})["pictures"][0]["index"] == 2


def test_misread_pictures_are_those_that_the_model_misreads(opened: tuple[Opened, ...]) -> None:
    """As stored, and with labels that are all turned round, so that both what is right and what is wrong is there."""
    both = []
    for turned in (False, True):
        one = opened[1]
        assert one.dataset is not None
        test = one.dataset.test
        split = Split(test.pixels, 1 - test.labels if turned else test.labels, test.names)
        one = replace(one, dataset=replace(one.dataset, splits={"test": split}))
        images, labels = split[:]
        with eval_without_grad(one.classifier), torch.no_grad():
            wrong = (one.classifier(images).argmax(1) != labels).nonzero().flatten().tolist()
        found = Studio([one]).answer("pictures", {"list": "misclassified"})
        assert [picture["index"] for picture in found["pictures"]] == wrong
        assert (found["n"], found["classified"]) == (len(wrong), len(split))
        both += wrong
    assert sorted(both) == list(range(len(split)))


def test_a_second_model_is_shown_the_same_pair(opened: tuple[Opened, ...], picture) -> None:
    first, second = (one.classifier for one in opened)
    request = Request(attack="fgsm", steps=8, method="grad-cam", degrees=20)
    shown = view(first, picture, 0, request, second=second)
    alone = view(first, picture, 0, request)
    assert torch.equal(shown.pair, alone.pair)
    assert torch.equal(shown.logits, alone.logits)
    assert shown.second is not None
    with eval_without_grad(second), torch.no_grad():
        assert torch.equal(shown.second.logits, second(shown.pair))
    expected: Any = ig.explain(second, shown.pair, torch.tensor([shown.target] * 2), "grad-cam")
    for name, maps in shown.second.maps.items():
        assert np.array_equal(maps.numpy(), expected[name].detach().numpy())


def test_the_picture_is_rotated_then_painted(opened: tuple[Opened, ...], picture) -> None:
    strokes = read_strokes(STROKES)
    shown = view(opened[0].classifier, picture, 0, Request(strokes=strokes, degrees=90))
    assert torch.equal(shown.painted, paint(torch.rot90(picture, 1, (2, 3)), strokes))
    assert torch.equal(shown.pair[:1], picture)


@pytest.mark.parametrize("method", ["grad-cam", "saliency", "occlusion"])
def test_before_and_after_share_one_scale(opened: tuple[Opened, ...], picture, method: str) -> None:
    """A colour stands for the same value in both maps, and the largest value of both has the last colour."""
    given = {"index": 0, "number": 1, "strokes": STROKES, "method": method, "second": 1}
    studio = Studio(opened)
    page = studio.answer("begin", {})["page"]
    seen, found = studio.answer("view", given | {"page": page}), studio.answer("numbers", given)
    for part, numbers in ((seen, found), (seen["second"], found["second"])):
        for one in part["maps"]:
            values = np.asarray(numbers["maps"][one["name"]], dtype=np.float32).sum(1)
            places = np.stack([np.frombuffer(base64.b64decode(one[side]), np.uint8) for side in ("before", "after")])
            share = values / one["scale"] if one["scale"] else values
            share = share if part["by_layer"] else 0.5 + 0.5 * share
            assert np.array_equal(places, (share.clip(0, 1) * 255).round().astype(np.uint8).reshape(2, -1))
            assert one["scale"] == 0 or places.max() == 255 or places.min() == 0


@pytest.mark.parametrize(
    "wrong",
    [{"second": 2}, {"second": "1"}, {"donors": {}}, {"donors": [3]}, {"donors": [{"index": 999}]}, {"degrees": 181},
     {"degrees": "90"}, {"degrees": float("nan")}, {"donors": [{"index": 0}] * 9}, {"donors": [{"upload": "x"}]}],
)  # fmt: skip
def test_wrong_fields_of_a_view_are_refused(opened: tuple[Opened, ...], wrong: dict[str, Any]) -> None:
    studio = Studio(opened)
    page = studio.answer("begin", {})["page"]
    with pytest.raises(InputError):
        studio.answer("view", {"page": page, "index": 0, "number": 1} | wrong)
