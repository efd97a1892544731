"""The sample of the report is drawn, not picked."""

from pathlib import Path

import numpy as np
import torch
from torch import nn

from ironglass.data.dataset import Split
from ironglass.models.classifier import Classifier
from ironglass.plans.attacks import Attacks
from ironglass.plans.audit import Audit
from ironglass.plans.parts import OcclusionCurve
from ironglass.run import Run
from ironglass.studies.steps.samples import _attacked, draw_samples, mean_colour, write_samples

LABELS = np.zeros(100, dtype=np.int64)


def predictions(wrong: int) -> np.ndarray:
    return (np.arange(100) < wrong).astype(np.int64)


def test_half_right_half_wrong_and_the_seed_decides() -> None:
    chosen = draw_samples(LABELS, predictions(30), 12, seed=0)
    assert (predictions(30)[chosen] == 0).sum() == 6
    assert len(set(chosen)) == 12
    assert np.array_equal(chosen, draw_samples(LABELS, predictions(30), 12, seed=0))
    assert not np.array_equal(chosen, draw_samples(LABELS, predictions(30), 12, seed=1))


def test_where_there_are_too_few_of_a_kind_the_other_fills_up() -> None:
    for wrong, of_wrong in ((0, 0), (2, 2), (98, 10), (100, 12)):
        chosen = draw_samples(LABELS, predictions(wrong), 12, seed=0)
        assert len(chosen) == 12
        assert (predictions(wrong)[chosen] == 1).sum() == of_wrong
    assert len(draw_samples(LABELS[:3], predictions(1)[:3], 12, seed=0)) == 3
    assert len(draw_samples(LABELS, predictions(3), 0, seed=0)) == 0


def test_every_wrong_image_has_the_same_chance() -> None:
    counts = np.zeros(100)
    for seed in range(400):
        counts[draw_samples(LABELS, predictions(50), 10, seed)] += 1
    # 5 of 50 of each kind, 400 times: 40 each on average, deviation 6
    assert counts.min() > 40 - 5 * 6
    assert counts.max() < 40 + 5 * 6


def test_mean_colour_by_hand() -> None:
    pixels = np.zeros((2, 1, 2, 3), dtype=np.uint8)
    pixels[..., 0], pixels[0, 0, 0, 1] = 255, 51
    assert np.allclose(mean_colour(Split(pixels, np.zeros(2, dtype=np.int64), ("a", "b"))), (1, 0.05, 0))


def test_the_images_are_attacked_at_every_eps():
    torch.manual_seed(0)
    network = nn.Sequential(nn.Flatten(), nn.Linear(16, 3))
    classifier = Classifier(network, mean=(0.5,), std=(0.5,), classes=tuple("abc"), input_size=4).eval()
    images, labels = torch.rand(5, 1, 4, 4), torch.arange(5) % 3
    eps = (8 / 255, 0.0, 2 / 255)
    tensors, facts = _attacked(classifier, images, labels, Attacks(methods=("fgsm", "pgd-3"), eps=eps), 1)
    assert facts["eps"] == 8 / 255
    for name in ("fgsm", "pgd-3"):
        assert {key for key in tensors if key.startswith(f"attack/{name}")} == {f"attack/{name}", f"attack/{name}/0"}
        for key, size in ((f"attack/{name}/0", 2 / 255), (f"attack/{name}", 8 / 255)):
            change = np.abs(tensors[key] - images.permute(0, 2, 3, 1).numpy()).max()
            assert size / 2 < change < size + 1e-6
        for i, entry in enumerate(facts["images"]):
            assert [point["eps"] for point in entry[name]["at"]] == [2 / 255, 8 / 255]
            assert entry[name]["at"][-1]["prediction"] == entry[name]["prediction"]
            logits = classifier(torch.from_numpy(tensors[f"attack/{name}/0"][i : i + 1]).permute(0, 3, 1, 2))
            assert entry[name]["at"][0]["prediction"] == int(logits.argmax())


def test_occluded_images_have_their_scores_noise(tmp_path: Path) -> None:
    torch.manual_seed(0)
    network = nn.Sequential(nn.Flatten(), nn.Linear(16, 2))
    classifier = Classifier(network, mean=(0.5,), std=(0.5,), classes=("a", "b"), input_size=4).eval()
    split = Split(np.random.default_rng(0).integers(0, 256, (6, 4, 4, 1), np.uint8), np.arange(6) % 2)
    logits = classifier(split[:][0]).detach()
    for masks in (("grey",), None):
        occlusion = None if masks is None else OcclusionCurve(masks=masks)
        plan = Audit(dataset="digits", model="logistic", occlusion=occlusion, attacks=None, layers=None)
        run = Run.create(tmp_path / str(masks), {"name": "samples"})
        write_samples(run, classifier, split, logits, plan, mean=(0.5,), patch=2, stride=2)
        entries = run.read_object("samples.json")["images"]
        assert len(entries) == 6
        assert all((entry.get("score_noise", {}).get("probability", 0) > 0) == (masks is not None) for entry in entries)
