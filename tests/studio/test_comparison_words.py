"""Two models in words: what is said of transfer, in each case, and names that tell models apart."""

import pytest
import torch

from ironglass.studio.answers.comparison_words import comparison_words, short_names
from ironglass.studio.answers.request import Request
from ironglass.studio.answers.view import Output, View
from ironglass.studio.edit.strokes import Rectangle

CAT, DOG, BIRD = 0, 1, 2


def said(first: tuple[int, int], second: tuple[int, int], label: int | None, **fields: object) -> str:
    blank = {"logits": torch.zeros(2, 3), "maps": {}, "by_layer": False}
    other = Output(predictions=second, **blank)
    picture = torch.zeros(1, 1, 2, 2)
    shown = View(
        predictions=first, **blank, pair=torch.cat([picture, picture]), painted=picture, attacked_label=0, target=0,
        second=other,
    )  # fmt: skip
    request = Request(**{"attack": "pgd-20", "steps": 8} | fields)  # type: ignore[arg-type]
    return comparison_words(shown, request, label, ["A", "B"], ["cat", "dog", "bird"])


CASES = [
    ((CAT, DOG), (CAT, DOG), CAT, "The attack fools both: it transfers, and B predicts the same class."),
    ((CAT, DOG), (CAT, BIRD), CAT, "The attack fools both: it transfers, and B predicts another class."),
    ((CAT, DOG), (CAT, CAT), CAT, "The attack fools A and not B: it does not transfer."),
    ((CAT, CAT), (CAT, DOG), CAT, "The attack does not fool A itself: there is nothing to transfer."),
    ((DOG, DOG), (CAT, CAT), CAT, "A misclassifies the original already, so this image says nothing of transfer."),
    ((CAT, DOG), (BIRD, DOG), CAT, "B misclassifies the original already, so this image says nothing of transfer."),
    # without a label each model is compared with its own prediction
    ((DOG, CAT), (BIRD, BIRD), None, "The attack fools A and not B: it does not transfer."),
    ((DOG, -1), (BIRD, CAT), None, "The attack fools both: it transfers, and B predicts another class."),
]


@pytest.mark.parametrize(("first", "second", "label", "end"), CASES)
def test_transfer_is_said_in_words(
    first: tuple[int, int], second: tuple[int, int], label: int | None, end: str
) -> None:
    words = said(first, second, label)
    assert words.startswith("Attack made on A (pgd-20, Linf, eps 8/255) and shown to both. A: ")
    assert words.endswith(f" {end}")


def test_an_edited_image_is_not_called_the_attack() -> None:
    black = Rectangle(fill="black", top=0, left=0, height=1, width=1)
    assert "The edited and attacked image fools both" in said((CAT, DOG), (CAT, DOG), CAT, strokes=(black,))


def test_without_an_attack_nothing_is_said_of_transfer() -> None:
    words = said((CAT, DOG), (CAT, CAT), CAT, attack="")
    assert words == "A: cat → dog. B: cat, unchanged. For the modified image the two models disagree."
    assert said((CAT, DOG), (DOG, DOG), CAT, steps=0).endswith("the two models agree.")


def test_names_tell_models_apart() -> None:
    assert short_names(["runs/first", "runs/second"]) == ["first", "second"]
    assert short_names(["a/run", "b/run", "b/other"]) == ["a/run", "b/run", "b/other"]
    assert short_names(["run", "run"]) == ["run (1)", "run (2)"]
    assert short_names(["timm/resnet18"]) == ["resnet18"]
