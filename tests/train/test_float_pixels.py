"""A data set of floats is learnt, measured and attacked as the same images in bytes."""

from dataclasses import replace

import numpy as np
import torch
from PIL import Image

import ironglass as ig
from ironglass.attacks.parts.threat import Linf
from ironglass.data.augment import Augment
from ironglass.data.dataset import Dataset, Split
from ironglass.measure.corruption import corruption_accuracy
from ironglass.measure.robustness.attack import fgsm_curve
from ironglass.models.predict import batches
from ironglass.run import Run
from ironglass.studies.steps.attack.batch_files import write_batch
from ironglass.studies.steps.samples import mean_colour


def test_floats_and_bytes_give_the_same_bits(tmp_path):
    stored = ig.load_dataset("digits")
    some = {name: split.take(slice(0, 100)) for name, split in stored.splits.items()}
    floats = {name: replace(split, pixels=(split.pixels / 255).astype(np.float32)) for name, split in some.items()}
    found = []
    for splits in (some, floats):
        data = Dataset("digits", splits, stored.classes, stored.fingerprint)
        classifier = ig.load_classifier("logistic", classes=data.classes, size=data.size, channels=1)
        stage = ig.Stage(epochs=2, peak_lr=0.003, batch_size=16)
        recipe = ig.Recipe(stages=(stage,), augment=Augment(crop=1, gaussian=0.1))
        ig.fit(classifier, data, recipe, tmp_path / str(len(found)))
        numbers, logits = ig.evaluate(classifier, data.test)
        curve = fgsm_curve(classifier, data.test, (0.1,))
        spoilt = corruption_accuracy(classifier, data.test, ("contrast",), positions=np.arange(20))
        found.append((logits, numbers, curve.numbers, mean_colour(data.test), spoilt["clean"]))
    assert torch.equal(found[0][0], found[1][0])
    assert found[0][1:3] == found[1][1:3]
    np.testing.assert_allclose(found[0][3], found[1][3], atol=1e-7)
    assert found[0][4] == found[1][4]


def test_adversarial_images_of_floats_are_written_as_bytes_within_the_threat(tmp_path):
    pixels = np.random.default_rng(0).random((4, 8, 8, 1)).astype(np.float32)
    split = Split(pixels, [0, 1, 0, 1])
    classifier = ig.load_classifier("logistic", classes=["a", "b"], size=8, channels=1)
    images, _ = next(batches(split, 4))
    assert torch.equal(images, torch.from_numpy(pixels).permute(0, 3, 1, 2))
    threat = Linf(8 / 255)
    names = [f"{i}.png" for i in range(4)]
    moved = (images + 8 / 255).clamp(0, 1)
    run = Run(tmp_path)
    write_batch(run, run.path / "b.safetensors", classifier, split, images, moved, threat, png=names)
    for name, before in zip(names, pixels, strict=True):
        with Image.open(tmp_path / "png" / name) as image:
            assert np.abs(np.asarray(image)[..., None] / 255 - before).max() <= 8 / 255 + 1e-6
