"""Every explanation method on one trained network: insertion, deletion and the sanity check, for docs/howto.

    nice python bench/explanations.py [--images 16] [--sanity 8] [--slow-sanity 4] [--json FILE]

The network is torchvision's SqueezeNet 1.1 with its ImageNet weights, the images are those of the data folder, spread
evenly; of an image the class that the network predicts is explained, and expected gradients start from the images that
are not measured. Intervals are 95 %, of the mean over images. The sanity check takes the first images alone, and fewer
of them for methods of hundreds of passes an image, since it explains each of them seven times.
"""

from __future__ import annotations

import argparse
import json
import time
import warnings
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from torchvision.models import squeezenet1_1

import ironglass as ig
from ironglass.data.positions import spread_positions
from ironglass.explain import EXPLAINERS, explain
from ironglass.measure.maps.attribution import deletion, image_maps, insertion
from ironglass.measure.maps.quality import GRADIENTS
from ironglass.measure.maps.sanity import edges, noise, sanity_check
from ironglass.measure.statistics import mean_interval
from ironglass.models import Classifier

SHARED = Path(__file__).resolve().parents[2] / "shared/data"
SLOW = ("score-cam", "rise", "kernel-shap")


def network(weights: Path, size: int) -> Classifier:
    squeezenet = squeezenet1_1()
    squeezenet.load_state_dict({name: tensor.float() for name, tensor in torch.load(weights).items()})
    names = [str(i) for i in range(1000)]
    mean, std = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
    return Classifier(squeezenet, mean=mean, std=std, classes=names, input_size=size).eval()


def measured(classifier: Classifier, images: Any, targets: Any, maps: Any) -> dict[str, Any]:
    scores = {"insertion": insertion, "deletion": deletion}
    return {
        name: mean_interval(score(classifier, images, targets, maps).numpy(), within=(0, 1))
        for name, score in scores.items()
    }


def shown(mean: dict[str, Any]) -> str:
    return f"{mean['value']:.2f} ({mean['low']:.2f}–{mean['high']:.2f})"


def table(*files: Path) -> str:
    """The table of docs/howto/which-explanation.md from what was written by --json, of several runs in turn."""
    lines = ["| method | n | insertion | deletion | weights made random | n | s an image |",
             "| --- | --: | --: | --: | --- | --: | --: |"]  # fmt: skip
    for file in files:
        rows = json.loads(file.read_text())
        entries = {f"`{name}`": row for name, row in rows["methods"].items()}
        for name, row in (entries | {f"control: {k}": v for k, v in rows["controls"].items()}).items():
            if "refused" in row:
                continue
            sanity, areas = row.get("sanity"), f"{shown(row['insertion'])} | {shown(row['deletion'])}"
            after = "– | – | –"
            if sanity:
                end = sanity["correlation"]
                after = "unclear" if end is None else f"{sanity['verdict']}, {shown(end[-1])}"
                after = f"{after} | {sanity.get('n', '')} | {row['seconds']:.2g}"
            lines.append(f"| {name} | {rows['n']} | {areas} | {after} |")
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", default=str(SHARED / "imagenet_samples"))
    parser.add_argument("--weights", type=Path, default=next(SHARED.glob("weights_squeezenet1_1/*.pt*"), None))
    parser.add_argument("--size", type=int, default=128)
    parser.add_argument("--images", type=int, default=16)
    parser.add_argument("--sanity", type=int, default=8)
    parser.add_argument("--slow-sanity", type=int, default=4)
    parser.add_argument("--methods", default=",".join(name for name in EXPLAINERS if "attention" not in name))
    parser.add_argument("--json", type=Path)
    parser.add_argument("--table", type=Path, nargs="+", metavar="JSON", help="prints the table of these and ends")
    asked = parser.parse_args()
    if asked.table:
        print(table(*asked.table))
        return
    warnings.simplefilter("ignore")
    torch.set_num_threads(1)
    split = ig.load_dataset(str(asked.data), size=asked.size).test
    images, labels = split[spread_positions(len(split), asked.images)]
    classifier = network(asked.weights, asked.size)
    with torch.no_grad():
        targets = classifier(images).argmax(1)
    others = torch.tensor([i for i in range(len(split)) if i not in set(spread_positions(len(split), asked.images))])
    references = split[others.numpy()][0]
    rows: dict[str, Any] = {
        "n": len(images),
        "size": asked.size,
        "right": int((targets == labels).sum()),
        "methods": {},
        "controls": {
            "random": measured(classifier, images, targets, noise(images, torch.Generator().manual_seed(0))),
            "edges": measured(classifier, images, targets, edges(images)),
        },
    }
    print(rows, flush=True)
    for name in sorted(asked.methods.split(","), key=lambda name: name in SLOW):
        explainer = EXPLAINERS[name]
        explainer = replace(explainer, references=references) if hasattr(explainer, "references") else explainer
        start = time.process_time()
        try:
            maps = explain(classifier, images, targets, explainer)
        except ig.InputError as error:
            rows["methods"][name] = {"refused": str(error)}
            continue
        row: dict[str, Any] = {"seconds": (time.process_time() - start) / len(images)}
        pixels = image_maps(maps, (asked.size, asked.size), absolute=isinstance(explainer, GRADIENTS))
        row |= measured(classifier, images, targets, pixels)
        some = slice(0, asked.slow_sanity if name in SLOW else asked.sanity)
        checked = sanity_check(classifier, images[some], targets[some], {name: explainer})
        row["sanity"] = checked["methods"][name] | {"halfway": checked["halfway"], "n": checked["n"]}
        row["controls"] = {control: one["verdict"] for control, one in checked["controls"].items()}
        rows["methods"][name] = row
        print(name, json.dumps(row), flush=True)
        if asked.json:
            asked.json.parent.mkdir(parents=True, exist_ok=True)
            asked.json.write_text(json.dumps(rows, indent=1) + "\n")


if __name__ == "__main__":
    main()
