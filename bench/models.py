"""The networks that the attack bench attacks: trained once on real images, then read from a folder.

    .venv/bin/python bench/models.py [NAME ...] [--data FOLDER] [--cache FOLDER]

Trains those that the cache lacks (after an interruption, from where they were), and prints clean accuracy and accuracy
under PGD-20 on 200 test images. One core takes about 20 minutes for the plain ResNet-18 and 50 for the robust one.
"""

from __future__ import annotations

import argparse
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

import ironglass as ig
from ironglass.attacks import PGD, Linf, input_gradient
from ironglass.data.dataset import Dataset
from ironglass.models.predict import logits_of

ROOT = Path(__file__).resolve().parent.parent
DATA = ROOT.parent / "shared/data/tiny_imagenet/parquet_a"
CACHE = ROOT / "build/bench-models"


@dataclass(frozen=True, kw_only=True)
class NFGSM:
    """Cross-entropy on images after noise and one gradient step (de Jorge et al. 2022, arXiv 2202.01181).

    The noise is uniform in ±2 eps and the step eps long, with no projection but into [0, 1]. Unlike there, the gradient
    is the network's in evaluation mode. The logits given back are those of the changed images.
    """

    eps: float = 8 / 255

    def __call__(self, classifier: ig.Classifier, images: Tensor, labels: Tensor) -> tuple[Tensor, Tensor]:
        noisy = (images + 2 * self.eps * (2 * torch.rand_like(images) - 1)).clamp_(0, 1)
        changed = (noisy + self.eps * input_gradient(classifier, noisy, labels).sign()).clamp_(0, 1)
        logits = classifier(changed)
        return F.cross_entropy(logits, labels), logits


# name: (what `load_classifier` calls it, stages). The robust one first learns plainly, which saves it epochs.
MODELS: dict[str, tuple[str, tuple[ig.Stage, ...]]] = {
    "simple-cnn": ("simple-cnn", (ig.Stage(epochs=15, peak_lr=0.1),)),
    "resnet18": ("timm/resnet18", (ig.Stage(epochs=5, peak_lr=0.05),)),
    "resnet18-robust": (
        "timm/resnet18",
        (ig.Stage(epochs=2, peak_lr=0.05), ig.Stage(epochs=6, peak_lr=0.05, objective=NFGSM())),
    ),
}


def model(name: str, dataset: Dataset, cache: Path = CACHE) -> ig.Classifier:
    """The named classifier, from the cache, or trained and kept there."""
    folder = cache / name
    source, stages = MODELS[name]
    if (folder / "results.json").is_file():  # written when training has ended
        return ig.load_classifier(f"local-dir:{folder}")
    classifier = ig.load_classifier(source, classes=dataset.classes, size=dataset.size)
    # without validation images the last epoch is kept: the clean accuracy would choose the least robust
    training = Dataset(dataset.name, {"train": dataset.train}, dataset.classes, dataset.fingerprint)
    recipe = ig.Recipe(name=name, model=source, stages=stages, augment=ig.Augment(flip=True, crop=4))
    ig.fit(classifier, training, recipe, folder, resume=folder.is_dir(), progress=tell)
    return classifier.eval()


def tell(status) -> None:
    done = f"epoch {status.epoch}/{status.epochs}, step {status.step}/{status.steps}"
    print(f"\r{done}, loss {status.loss:.3f}, {status.accuracy:.1%}, {status.images_per_second:.0f}/s", end="")


def spread(dataset: Dataset, n: int, classifier: ig.Classifier | None = None) -> tuple[Tensor, Tensor]:
    """n test images, evenly spread over the split, which is stored class by class; of those that `classifier` reads
    right, where one is given."""
    places = np.arange(len(dataset.test))
    if classifier is not None:
        places = places[logits_of(classifier, dataset.test).argmax(1).numpy() == dataset.test.labels]
    images, labels = dataset.test[places[np.arange(n) * len(places) // n]]
    return images.contiguous(), labels  # some peers call `view`, which fails on channels-last memory


def accuracy(classifier: ig.Classifier, images: Tensor, labels: Tensor) -> float:
    with torch.inference_mode():
        return float((classifier(images).argmax(1) == labels).double().mean())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", default=[], metavar="NAME", help=f"of {', '.join(MODELS)}; all if none")
    parser.add_argument("--data", default=str(DATA), help="Tiny ImageNet's 20 classes")
    parser.add_argument("--cache", type=Path, default=CACHE)
    parser.add_argument("--threads", type=int, default=1)
    asked = parser.parse_args()
    torch.set_num_threads(asked.threads)
    dataset = ig.load_dataset(asked.data)
    images, labels = spread(dataset, 200)
    for name in asked.names or MODELS:
        classifier = model(name, dataset, asked.cache)
        print(f"\n{name}: clean {accuracy(classifier, images, labels):.1%}", end="")
        for eps in (1, 2, 4, 8):
            adversarial = PGD(threat=Linf(eps / 255), steps=20)(classifier, images, labels)
            print(f", PGD-20 at {eps}/255 {accuracy(classifier, adversarial, labels):.1%}", end="")
        print(" (200 test images)", flush=True)


if __name__ == "__main__":
    main()
