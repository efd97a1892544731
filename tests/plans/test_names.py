"""The lists of names."""

import ironglass as ig
from ironglass.attacks import find_attack
from ironglass.data.corruptions.corrupt import find_corruptions


def test_every_name_is_taken() -> None:
    assert [find_attack(name) for name in ig.list_attacks()]
    assert list(find_corruptions(tuple(ig.list_corruptions()))) == ig.list_corruptions()
    plan = ig.Audit(attacks=tuple(ig.list_attacks()), explained=ig.Explained(methods=tuple(ig.list_explainers())))
    assert len(plan.attacks.methods) == len(ig.list_attacks()) > 10
    assert len(plan.explained.methods) == len(ig.list_explainers()) > 10


def test_models_by_a_part_of_their_name() -> None:
    assert ig.list_models()[0] == "simple-cnn"
    assert ig.list_models("torchvision/resnet18") == ["torchvision/resnet18"]
    assert "timm/resnet18" in ig.list_models("resnet18")
    assert ig.list_models("no such thing") == []
    for name in ("logistic", "timm/resnet18", "torchvision/resnet18"):
        assert ig.load_classifier(name, classes=("a", "b"), size=64, channels=3).source == name
