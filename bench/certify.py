"""Soundness and cost of certificates.

python bench/certify.py sound --images 100000      # contradictions between proofs and attacks, random networks
python bench/certify.py smoothing --images 100     # randomised smoothing of simple-cnn at 28 pixels
"""

import argparse
import sys
import time
from pathlib import Path

import torch

import ironglass as ig
from ironglass.attacks import L2, PGD, Linf
from ironglass.certify import Smoothing, prove
from ironglass.engine.bounds.crown import undecided_values
from ironglass.engine.bounds.graph import bound_graph
from ironglass.engine.bounds.interval import interval_bounds
from ironglass.engine.bounds.region import region_of

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))
from random_classifiers import random_classifier


def sound(images_in_all: int, per_network: int = 64) -> None:
    """Attacks images at an eps drawn for each network; every image counts once a network and norm."""
    attacked = certified = fooled = contradictions = outside = 0
    seed, begun = 1000, time.time()
    while attacked < images_in_all:
        classifier, generator = random_classifier(seed), torch.Generator().manual_seed(seed)
        norm = "linf" if seed % 2 else "l2"
        height, width = classifier.input_size
        images = torch.rand(per_network, classifier.channels, height, width, generator=generator)
        eps = 10 ** (-2.2 + 1.5 * float(torch.rand((), generator=generator)))
        threat = (Linf if norm == "linf" else L2)(eps)
        graph = bound_graph(classifier, (height, width))
        with torch.no_grad():
            labels = classifier(images).argmax(1)
            bounds = interval_bounds(graph, region_of(images, norm, eps))
            few = undecided_values(graph, bounds) < 4000
            proof = prove(graph, images, labels, norm=norm, eps=eps, method="crown" if few else "crown-ibp")
        adversarial = PGD(threat=threat, steps=10)(classifier, images, labels, generator=generator)
        with torch.no_grad():
            logits = classifier(adversarial)
        wrong = logits.argmax(1) != labels
        contradictions += int((wrong & proof.certified).sum())
        outside += int(((logits < bounds.lows[-1]) | (logits > bounds.highs[-1])).any(1).sum())
        attacked, certified, fooled = (
            attacked + per_network,
            certified + int(proof.certified.sum()),
            fooled + int(wrong.sum()),
        )
        seed += 1
    print(
        f"{attacked:,} images of {seed - 1000:,} networks: {certified:,} certified, {fooled:,} fooled, "
        f"{contradictions} contradictions, {outside} outside their bounds, {time.time() - begun:.0f} s"
    )


def smoothing(images: int, draws: int) -> None:
    """Time of a smoothing of a fresh simple-cnn, whose answers do not matter for it."""
    classifier = ig.load_classifier("simple-cnn", classes=[str(i) for i in range(10)], size=28, channels=1).eval()
    pixels = (torch.rand(images, 1, 28, 28, generator=torch.Generator().manual_seed(0)) * 255).round() / 255
    labels = torch.zeros(images, dtype=torch.int64)
    result = ig.certify(classifier, pixels, labels, eps=0.1, norm="l2", method=Smoothing(sigma=0.25, draws=draws))
    print(f"{images} images, {draws} draws, {torch.get_num_threads()} threads: {result.seconds:.1f} s")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("part", choices=["sound", "smoothing"])
    parser.add_argument("--images", type=int, default=100)
    parser.add_argument("--draws", type=int, default=10_000)
    options = parser.parse_args()
    if options.part == "sound":
        sound(options.images)
    else:
        smoothing(options.images, options.draws)
