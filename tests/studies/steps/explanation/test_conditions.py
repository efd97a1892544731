"""What the images go through before they are explained again."""

from pathlib import Path
from typing import Literal

import numpy as np
import pytest
import torch
from PIL import Image
from torch import nn

from ironglass.attacks import Linf
from ironglass.errors import InputError
from ironglass.models.classifier import Classifier
from ironglass.plans.attacks import Attacks
from ironglass.plans.audit import Audit
from ironglass.plans.explanation import Explained
from ironglass.studies.steps.explanation.conditions import conditions, fullest, read_mask


def classifier() -> Classifier:
    torch.manual_seed(0)
    return Classifier(
        nn.Sequential(nn.Flatten(), nn.Linear(36, 2)), mean=(0,), std=(1,), classes=tuple("ab"), input_size=6
    )


def audit(hide: str, **fields: object) -> Audit:
    return Audit(explained=Explained(methods=("saliency",), hide=hide), **fields)  # type: ignore[arg-type]


def test_the_fullest_patch_by_hand() -> None:
    maps = torch.zeros(2, 5, 6)
    maps[0, 3, 4], maps[0, 2, 5] = 2, 1
    maps[1, 0, 0], maps[1, 4, 5] = 1, -3  # what speaks against the target is not what to hide
    assert fullest(maps, 2).tolist() == [[2, 4], [0, 0]]


def test_hiding_where_a_method_points() -> None:
    images, labels = (
        torch.rand(4, 1, 6, 6, generator=torch.Generator().manual_seed(1)) * 0.5 + 0.5,
        torch.zeros(4).long(),
    )
    maps = torch.zeros(4, 1, 6, 6)
    maps[torch.arange(4), 0, torch.arange(4), 1] = 1.0
    clean, occluded, control = conditions(audit("saliency"), (6, 6), 2)
    assert [clean.name, occluded.name, control.name] == ["clean", "occluded", "control"]
    assert clean(classifier(), images, labels, {}, torch.Generator()) == (images, None)
    changed, hidden = occluded(classifier(), images, labels, {"saliency": maps}, torch.Generator())
    assert hidden is not None
    assert hidden.sum((1, 2)).tolist() == [4] * 4
    assert hidden[torch.arange(4), torch.arange(4), 1].all()
    assert (changed[hidden[:, None]] == 0).all()
    assert torch.equal(changed[~hidden[:, None]], images[~hidden[:, None]])


def test_the_control_hides_as_much_anywhere_by_its_generator_alone() -> None:
    images, labels = torch.ones(300, 1, 6, 6), torch.zeros(300).long()
    control = conditions(audit("saliency"), (6, 6), 2)[2]
    draw = torch.Generator().manual_seed(3)
    _, hidden = control(classifier(), images, labels, {}, draw)
    _, again = control(classifier(), images, labels, {}, torch.Generator().manual_seed(3))
    assert hidden is not None
    assert again is not None
    assert torch.equal(hidden, again)
    assert hidden.sum((1, 2)).tolist() == [4] * 300
    corners = hidden.flatten(1).int().argmax(1)
    assert len(corners.unique()) == 25  # every place there is


def test_a_rectangle_and_a_mask_file(tmp_path: Path) -> None:
    by_hand = read_mask("1,2,3,1", (6, 6))
    assert by_hand.nonzero().tolist() == [[1, 2], [2, 2], [3, 2]]
    pixels = np.zeros((6, 6), np.uint8)
    pixels[1:4, 2] = 200
    Image.fromarray(pixels).save(tmp_path / "mask.png")
    assert torch.equal(read_mask(str(tmp_path / "mask.png"), (6, 6)), by_hand)
    [_, occluded] = conditions(audit("1,2,3,1"), (6, 6), 2)
    changed, hidden = occluded(classifier(), torch.ones(2, 1, 6, 6), torch.zeros(2).long(), {}, torch.Generator())
    assert hidden is not None
    assert torch.equal(hidden[0], by_hand)
    assert changed.sum() == 2 * (36 - 3)
    assert occluded.facts["pixels"] == 3


@pytest.mark.parametrize(
    ("hide", "says"),
    [
        ("4,4,3,1", "does not lie inside 6×6"),
        ("1,1,0,1", "does not lie inside 6×6"),
        ("nothing.png", "no method, no rectangle"),
        ("small.png", "has 4×4 pixels, the images 6×6"),
        ("black.png", "hides nothing"),
        ("text.png", "no image file"),
    ],
)
def test_what_cannot_hide_anything_is_named(
    hide: str, says: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Image.fromarray(np.full((4, 4), 9, np.uint8)).save("small.png")
    Image.fromarray(np.zeros((6, 6), np.uint8)).save("black.png")
    Path("text.png").write_text("no picture")
    with pytest.raises(InputError, match=says):
        conditions(audit(hide), (6, 6), 2)


def test_attacks_are_made_at_the_largest_eps() -> None:
    _, attacked = conditions(audit("", attacks=Attacks(methods=("pgd-5",), eps=(0.01, 0.05))), (6, 6), 2)
    images = torch.rand(3, 1, 6, 6, generator=torch.Generator().manual_seed(1))
    labels = torch.tensor([0, 1, 0])
    changed, hidden = attacked(classifier(), images, labels, {}, torch.Generator().manual_seed(0))
    assert hidden is None
    assert Linf(0.05).allows(images, changed).all()
    assert (changed - images).abs().max() > 0.04


@pytest.mark.parametrize(
    ("norm", "eps", "label"),
    [("linf", 8 / 255, "pgd-5, eps 8/255"), ("l2", 0.5, "pgd-5, eps 0.5 (L2)"), ("l1", 12.0, "pgd-5, eps 12 (L1)")],
)
def test_a_condition_says_its_norm(norm: Literal["linf", "l2", "l1"], eps: float, label: str) -> None:
    _, attacked = conditions(audit("", attacks=Attacks(methods=("pgd-5",), eps=(eps,), norm=norm)), (6, 6), 2)
    assert attacked.label == label


@pytest.mark.parametrize(
    ("fields", "says"),
    [
        ({"methods": ("salience",)}, "no explainer 'salience' .did you mean saliency"),
        ({"methods": ("saliency",), "images": "chosen"}, "none is"),
        ({"methods": ("saliency",), "hide": "grad-cam"}, "add it to --methods"),
        ({"hide": "1,1,2,2"}, "give --methods"),
        ({"target": "true"}, "give --methods"),
    ],
)
def test_what_does_not_go_together_is_refused(fields: dict, says: str) -> None:
    with pytest.raises(ValueError, match=says):
        Explained(**fields)
