"""Objectives in a training run: on the record, and worth it."""

import torch

import ironglass as ig
from ironglass.data.dataset import Dataset
from ironglass.harden import find_objective
from ironglass.train.objective import CrossEntropy
from ironglass.train.record import as_json, override

EPS = 0.1


def standing(classifier, split):
    """The share that no change within EPS fools, exactly: it takes EPS · ‖w − w'‖₁ off the lead over a class."""
    images, labels = split[:]
    with torch.no_grad():
        logits, weight = classifier(images), classifier.network.linear.weight / classifier.std.flatten()
        apart = (weight[labels][:, None] - weight).abs().sum(2)
        leads = logits.gather(1, labels[:, None]) - logits - EPS * apart
        return float((leads.scatter(1, labels[:, None], 1.0) > 0).all(1).double().mean())


def test_a_hardened_classifier_is_harder_to_fool(tmp_path):
    digits = ig.load_dataset("digits")
    # without validation images the last epoch is kept, not the one that is best unattacked
    digits = Dataset(digits.name, {"train": digits.train, "test": digits.test}, digits.classes, digits.fingerprint)
    names = ("n-fgsm", "adversarial-regularisation", "trades")
    objectives = {"plain": CrossEntropy()} | {name: find_objective(name, eps=EPS) for name in names}
    kept = {}
    for name, objective in objectives.items():
        classifier = ig.load_classifier("logistic", classes=digits.classes, size=digits.size, channels=1)
        recipe = ig.Recipe(stages=(ig.Stage(epochs=8, peak_lr=0.003, objective=objective),))
        run = ig.fit(classifier, digits, recipe, tmp_path / name, watch=None)
        assert run.read("recipe.json")["stages"][0]["objective"]["kind"] == type(objective).__name__
        kept[name] = standing(classifier, digits.test)
    assert all(kept[name] > kept["plain"] + 0.05 for name in names), kept


def test_settings_are_recorded_and_overridden_by_name():
    recipe = ig.Recipe(stages=(ig.Stage(objective=find_objective("trades", awp=True)),))
    recipe = override(recipe, "stages.0.objective.objective.beta", "3")
    recorded = as_json(recipe)["stages"][0]["objective"]
    assert (recorded["kind"], recorded["gamma"]) == ("AWP", 0.005)
    assert (recorded["objective"]["kind"], recorded["objective"]["beta"]) == ("TRADES", 3)
