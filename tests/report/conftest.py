"""Made-up run folders: every number seeded, shaped as docs/run-folder.md says."""

from collections.abc import Callable
from pathlib import Path
from typing import Literal

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

from ironglass.measure import statistics
from ironglass.report import write_report
from ironglass.results.attack import AttackPoint, AttackResult, Attacks, FGSMCurve, FGSMPoint, WorstPoint
from ironglass.results.audit import Layer, Layers, Mask, Occlusion
from ironglass.results.codec import to_dict
from ironglass.results.evaluation import ClassRow, Evaluation, Naming
from ironglass.results.explanation import (
    AttackCondition,
    CleanCondition,
    ControlCondition,
    Drift,
    Explanations,
    Method,
    OcclusionCondition,
)
from ironglass.results.numbers import McNemar, Mean, Norm, Rate, Verdict
from ironglass.results.quality import (
    Areas,
    Controls,
    Depth,
    MethodQuality,
    Quality,
    Sanity,
    SanityControls,
    Similarity,
)
from ironglass.results.sections import Results
from ironglass.results.training import Model, Normalisation, Stage, Training
from ironglass.results.transfer import (
    Claim,
    Cost,
    Matrix,
    Network,
    Source,
    SourceAccuracy,
    Target,
    Transfer,
    TransferredPoint,
    WhiteBoxPoint,
)
from ironglass.results.versions import with_counts
from ironglass.run import Run

EPS = [0.0, 1 / 255, 2 / 255, 4 / 255, 8 / 255, 16 / 255]
MASKS = ["grey", "black", "mean", "blur"]
HOSTILE = "<script>alert(1)</script>"


def wilson(right: int, n: int) -> Rate:
    return Rate(**statistics.wilson(right, n))


def mean_interval(values: np.ndarray) -> Mean:
    return Mean(**statistics.mean_interval(values))


def disc(size: int, generator: np.random.Generator, channels: int) -> np.ndarray:
    """A soft coloured disc on a gradient: enough of a photograph to look at."""
    y, x = np.mgrid[:size, :size] / size
    centre, radius = generator.uniform(0.3, 0.7, 2), generator.uniform(0.15, 0.3)
    inside = 1 / (1 + np.exp(40 * (np.hypot(y - centre[0], x - centre[1]) - radius)))
    ground, thing = generator.uniform(0, 1, (2, channels))
    image = inside[..., None] * thing + (1 - inside[..., None]) * ground * (0.6 + 0.4 * y[..., None])
    return (np.clip(image + generator.normal(0, 0.02, image.shape), 0, 1) * 255).astype(np.uint8)


def synthetic_run(
    path: Path,
    *,
    classes: list[str],
    layers: int = 6,
    size: int = 48,
    channels: int = 3,
    photographs: np.ndarray | None = None,
    labels: list[int] | None = None,
    samples: int = 8,
) -> Run:
    """A whole run folder; `photographs` (s, size, size, c) take the place of discs."""
    generator = np.random.default_rng(7)
    k, n, epochs = len(classes), 1000, 9
    run = Run.create(path, {"name": "Made-up run", "dataset": "made-up", "model": "small_cnn", "size": size, "seed": 7})
    run.write(
        "environment.json",
        {
            "versions": {"python": "3.13.1", "torch": "2.15.0", "ironglass": "0.1.0"},
            "device": "cpu", "threads": 2, "seed": 7, "commit": "0123abc",
            "command": "ironglass run made-up --output runs/made-up", "fingerprint": "f00d" * 16,
        },
    )  # fmt: skip
    sizes = {"train": 6000, "validation": 1000, "test": n}
    run.write(
        "data.json",
        {
            "name": "made-up", "fingerprint": "f00d" * 16, "size": [size, size], "channels": channels,
            "classes": classes,
            "splits": {
                name: {"images": total, "per_class": [total // k + (i < total % k) for i in range(k)]}
                for name, total in sizes.items()
            },
            "quarantined": [{"name": "broken/7.jpg", "split": "train", "reason": "truncated JPEG"}],
        },
    )  # fmt: skip
    curve = 1 - np.exp(-np.arange(1, epochs + 1) / 2.5)
    run.write_history(
        [
            {
                "stage": int(i >= 4), "epoch": i + 1, "lr": 0.1 / (i + 1),
                "train_loss": float(0.75 - 0.66 * c), "train_accuracy": float(0.55 + 0.44 * c),
                "validation_loss": float(0.72 - 0.5 * c + 0.03 * max(0, i - 6)),
                "validation_accuracy": float(0.53 + 0.40 * c - 0.01 * max(0, i - 6)),
                "seconds": 11.5, "images_per_second": 520.0, "best": i <= 6,
            }
            for i, c in enumerate(curve)
        ]
    )  # fmt: skip
    run.write_text("model_summary.txt", "Layer (type:depth-idx)      Param #\n" + "=" * 100 + "\nConv2d: 1-1   448\n")

    support = [n // k + (i < n % k) for i in range(k)]
    confusion = np.zeros((k, k), dtype=int)
    for i in range(k):
        confusion[i] = generator.multinomial(support[i], [0.93 if j == i else 0.07 / (k - 1) for j in range(k)])
    names = [f"features.{3 * i}" for i in range(layers)]
    results = full_results(classes, confusion, names, size, channels, n, generator)
    run.write("results.json", with_counts(to_dict(results)))

    shown = (
        photographs if photographs is not None else np.stack([disc(size, generator, channels) for _ in range(samples)])
    )
    s = len(shown)
    truth = labels or [i % k for i in range(s)]
    images = shown / np.float32(255)
    tensors: dict[str, np.ndarray] = {"images": shown}
    y, x = np.mgrid[:size, :size] / size
    spots = [np.exp(-((y - a) ** 2 + (x - b) ** 2) / 0.04) for a, b in generator.uniform(0.3, 0.7, (s, 2))]
    for i, name in enumerate(names):
        side = max(3, size >> min(i, 4))
        rough = generator.normal(0, 0.6 - 0.5 * i / layers, (s, side, side))
        pick = np.linspace(0, size - 1, side).round().astype(int)
        smooth = np.stack([spot[np.ix_(pick, pick)] for spot in spots])
        tensors[f"grad_cam/{name}"] = ((i + 1) * (rough + smooth * (0.3 + i / layers))).astype(np.float32)
    for i, mask in enumerate(MASKS):
        coarse = np.stack([np.kron(spot[4::8, 4::8][: size // 8, : size // 8], np.ones((8, 8))) for spot in spots])
        tensors[f"occlusion/{mask}"] = (
            (0.5 - 0.08 * i) * coarse - 0.05 + 0.02 * generator.normal(size=coarse.shape)
        ).astype(np.float32)
    signs = np.sign(generator.normal(size=images.shape)).astype(np.float32)
    for i, eps in enumerate(EPS):
        tensors[f"fgsm/{i}"] = np.clip(images + np.float32(eps) * signs, 0, 1)
    save_file(tensors, run.path / "samples.safetensors")
    entries = []
    for i in range(s):
        prediction = truth[i] if i < s // 2 else (truth[i] + 1) % k
        other = (truth[i] + 1) % k
        entries.append(
            {
                "name": f"test/{classes[truth[i]]}.{1000 + 37 * i}.jpg", "kind": "right" if i < s // 2 else "wrong",
                "label": truth[i], "prediction": prediction, "confidence": 0.97 - 0.05 * i,
                "top": [[prediction, 0.97 - 0.05 * i], [(prediction + 1) % k, 0.03 + 0.05 * i]],
                "fgsm": [
                    {"eps": eps, "prediction": prediction if j < 2 + i % 3 else other,
                     "confidence": 0.9 - 0.1 * abs(j - 2)}
                    for j, eps in enumerate(EPS)
                ],
            }
        )  # fmt: skip
    run.write("samples.json", {"eps": EPS, "masks": MASKS, "layers": names, "images": entries})
    return run


def full_results(
    classes: list[str],
    confusion: np.ndarray,
    layers: list[str],
    size: int,
    channels: int,
    n: int,
    generator: np.random.Generator,
) -> Results:
    """Every step of an audit without named attacks or methods."""
    right = int(np.trace(confusion))
    share = confusion / confusion.sum(axis=1, keepdims=True)
    per_class = []
    for i, name in enumerate(classes):
        precision, recall = float(confusion[i, i] / confusion[:, i].sum()), float(share[i, i])
        f1 = 2 * precision * recall / (precision + recall)
        per_class.append(
            ClassRow(class_=name, precision=precision, recall=recall, f1=f1, support=int(confusion[i].sum()))
        )
    rows = []
    for i, name in enumerate(layers):
        depth = (i + 1) / len(layers)
        rows.append(
            Layer(
                name=name, shape=(16 << min(i, 4), max(3, size >> min(i, 4)), max(3, size >> min(i, 4))),
                concentration=mean_interval(generator.normal(0.12 + 0.3 * depth, 0.1, 100)),
                positive=wilson(90, 100),
                agreement=mean_interval(generator.normal(0.6 * depth, 0.3, 100)) if i else None,
                probe=wilson(int(500 * (0.6 + 0.33 * depth)), 500),
                without_layout=wilson(int(500 * (0.5 + 0.4 * depth)), 500),
                without_layer=wilson(250, 500),
                note=f"Depth {depth:.0%}: the hottest tenth of the map holds {0.12 + 0.3 * depth:.0%} of the "
                f"evidence; a linear classifier on it reaches {0.6 + 0.33 * depth:.0%}.",
            )
        )  # fmt: skip
    accuracies = [right, 720, 480, 210, 90, 40]
    even = 1 / len(classes)
    naming = Naming(named=classes[0], named_share=even, named_true_share=even, commonest=classes[0],
                    commonest_share=even)  # fmt: skip
    stages = tuple(
        Stage(epochs=e, peak_lr=lr, schedule="one-cycle", last_lr=None, optimiser="sgd", weight_decay=5e-4,
              batch_size=128, objective={"kind": "CrossEntropy", "label_smoothing": 0.0}, trainable_from=None,
              until=None, aux_weight=0.0, name="")
        for e, lr in ((4, 0.1), (5, 0.01))
    )  # fmt: skip
    masks = tuple(
        Mask(name=name, mean=mean_interval(generator.normal(0.9 - 0.03 * i, 0.1, 500)), worst=wilson(320 - 40 * i, 500))
        for i, name in enumerate(MASKS)
    )
    grey = (0.5,) * channels
    return Results(
        model=Model(name="small_cnn", parameters=1_234_567, trainable=1_234_567, multiply_adds=45_600_000,
                    input_size=(size, size), channels=channels, remarks=(),
                    normalisation=Normalisation(mean=grey, std=grey, origin="given")),
        training=Training(seconds=103.5, epochs=9, best_epoch=7, stages=stages, skipped=0, rollbacks=(),
                          micro_batch=None),
        evaluation=Evaluation(split="test", accuracy=wilson(right, n), not_judged=0, loss=0.187,
                              confusion=tuple(map(tuple, confusion.tolist())), naming=naming,
                              per_class=tuple(per_class), macro_f1=float(np.mean([row.f1 for row in per_class])),
                              report="as scikit-learn prints it"),
        layers=Layers(samples=100, probe_train=2000, probe_test=500, chance=even, clean=wilson(465, 500),
                      layers=tuple(rows)),
        occlusion=Occlusion(patch=size // 4, stride=size // 8, positions=49, n=500, clean=wilson(465, 500),
                            masks=masks),
        fgsm=FGSMCurve(norm="linf", n=n, verdict=Verdict(word="suspect", reasons=(
                           "only a single-step attack stands behind this number: FGSM gives an upper bound",)),
                       points=tuple(FGSMPoint(eps=eps, accuracy=wilson(a, n), fooled=wilson(right - a, right))
                                    for eps, a in zip(EPS, accuracies, strict=True))),
    )  # fmt: skip


SETTINGS = {
    "fgsm": {},
    "noise": {},
    "pgd-20": {"steps": 20, "step_size": 0.00784, "restarts": 1},
    "ensemble": {"steps": 100, "queries": 5000},
}
TRUSTED = Verdict(word="trusted", reasons=())
VERDICTS = {
    "fgsm": Verdict(word="suspect", reasons=(
        "an upper bound on robust accuracy: FGSM takes one step; stronger attacks may fool more",)),
    "pgd-20": Verdict(word="invalid", reasons=(
        "the gradient is zero on 61.0 % of the images: there the attack is blind", "few <images>")),
}  # fmt: skip
LABELS = {
    "fgsm": "FGSM",
    "noise": "random noise",
    "pgd-20": "PGD, 20 steps",
    "ensemble": "margin-loss variant of AutoAttack (2 classes; its targeted DLR loss needs 4)",
}


def attacked_results(names: list[str], eps: list[float], norm: Norm, n: int = 1000) -> Attacks:
    """Each attack in the row is stronger, and the worst case a little below the last."""
    clean, largest = 930, max(eps)

    def right(strength: float, size: float) -> int:
        return round(clean * float(np.exp(-6 * strength * size / largest)))

    rows = []
    for i, name in enumerate(names):
        points = []
        for size in eps:
            judged = VERDICTS.get(name, TRUSTED) if name == "fgsm" or size == largest else TRUSTED
            left = right((i + 1) / len(names), size)
            tag = f"linf-{255 * size:g}_255" if norm == "linf" else f"l2-{size:.4f}"
            points.append(
                AttackPoint(eps=size, accuracy=wilson(left, n), png_accuracy=wilson(min(left + 4, n), n),
                            fooled=wilson(clean - left, clean), verdict=judged, folder=f"adversarial/{name}/{tag}")
            )  # fmt: skip
        rows.append(
            AttackResult(name=name, label=LABELS.get(name, name.upper()), settings=SETTINGS.get(name, {"steps": 100}),
                         points=tuple(points))
        )  # fmt: skip
    doubt = Verdict(word="suspect", reasons=(
        "twice the steps still fool more: 3.1 % stay right in place of 4.2 %, so that the attack has not converged",
    ))  # fmt: skip
    worst = tuple(
        WorstPoint(eps=size, accuracy=wilson(right(1.1, size), n), verdict=doubt if size == largest else TRUSTED)
        for size in eps
    )
    return Attacks(norm=norm, n=n, split="test", seed=7, batch=64, clean=wilson(clean, n), eps=tuple(eps),
                   attacks=tuple(rows), worst=worst, probes=())  # fmt: skip


def add_attacks(run: Run, names: list[str], eps: list[float], norm: Norm = "linf") -> Run:
    """The run with several attacks in its numbers and, at the largest eps, in its samples."""
    run.record("attacks", to_dict(attacked_results(names, eps, norm)))
    tensors, index = load_file(run.path / "samples.safetensors"), run.read("samples.json")
    images, generator = tensors["images"] / np.float32(255), np.random.default_rng(3)
    for name in names:
        signs = np.sign(generator.normal(size=images.shape)).astype(np.float32)
        length = 1 if norm == "linf" else np.sqrt(images[0].size)
        tensors[f"attack/{name}"] = np.clip(images + np.float32(max(eps) / length) * signs, 0, 1)
    classes = len(run.read("data.json")["classes"])
    index["attacks"] = {
        "eps": max(eps), "norm": norm, "names": names,
        "images": [
            {name: {"prediction": (entry["label"] + (i + j) % 3) % classes, "confidence": 0.5 + 0.06 * j}
             for j, name in enumerate(names)}
            for i, entry in enumerate(index["images"])
        ],
    }  # fmt: skip
    save_file(tensors, run.path / "samples.safetensors")
    run.write("samples.json", index)
    return run


METHODS = {"saliency": "Saliency", "guided-backprop": "Guided backpropagation", "grad-cam": "Grad-CAM"}
METRICS = ("rank_correlation", "top_overlap", "ssim", "shift", "inside_before", "inside_after")


def explained_results(n: int = 200) -> Explanations:
    """Maps in four conditions."""
    generator = np.random.default_rng(5)

    def drift(inside: bool) -> dict[str, dict[str, Drift]]:
        found: dict[str, dict[str, Drift]] = {}
        for name in METHODS:
            found[name] = {}
            for metric in METRICS[: 6 if inside else 4]:
                values = np.clip(generator.normal(0.6, 0.2, n), 0, 1)
                spread = tuple(np.quantile(values, (0.05, 0.25, 0.5, 0.75, 0.95)).tolist())
                found[name][metric] = Drift(**statistics.mean_interval(values), quantiles=spread)
        return found

    conditions = (
        CleanCondition(name="clean", label="unchanged", kind="clean", accuracy=wilson(180, n)),
        OcclusionCondition(
            name="occluded", label="7 × 7 px hidden where saliency is strongest", kind="occlusion", by="saliency",
            patch=7, accuracy=wilson(132, n), changed=wilson(60, n), fooled=wilson(48, 180), drift=drift(True)),
        ControlCondition(
            name="control", label="7 × 7 px hidden by chance", kind="control", by="saliency", patch=7,
            accuracy=wilson(171, n), changed=wilson(20, n), fooled=wilson(9, 180), drift=drift(True),
            against={"occluded": McNemar(only_first=3, only_second=42, p=1e-9)}),
        AttackCondition(
            name="pgd-20", label="pgd-20, eps 8/255", kind="attack", eps=8 / 255, norm="linf", accuracy=wilson(12, n),
            changed=wilson(181, n), fooled=wilson(168, 180), drift=drift(False)),
    )  # fmt: skip
    methods = tuple(Method(name=name, label=label, unit="logit", settings={}) for name, label in METHODS.items())
    return Explanations(split="test", n=n, seed=7, batch=64, images="random", target="predicted", classes=3,
                        methods=methods, conditions=conditions)  # fmt: skip


def quality_results(n: int = 32) -> Quality:
    """One method fails, one passes, one does neither."""
    generator = np.random.default_rng(6)

    def mean(value: float) -> Mean:
        return mean_interval(np.clip(generator.normal(value, 0.1, n), 0, 1))

    def judged(values: tuple[float, ...], verdict: Literal["passes", "fails", "unclear"]) -> Similarity:
        return Similarity(correlation=tuple(map(mean, values)), ssim=tuple(map(mean, values)), verdict=verdict)

    methods = {
        name: MethodQuality(insertion=mean(0.6), deletion=mean(0.3), sensitivity=mean(0.2), gap=None, seconds=0.0031)
        for name in METHODS
    }
    verdicts = {"saliency": judged((0.4, 0.2, 0.1), "passes"), "guided-backprop": judged((0.9, 0.8, 0.7), "fails"),
                "grad-cam": judged((0.6, 0.5, 0.4), "unclear")}  # fmt: skip
    controls = SanityControls(random=judged((0, 0, 0), "passes"), edges=judged((1, 1, 1), "fails"))
    depths = tuple(Depth(layers=count, from_=f"layer{count}") for count in (1, 4, 8))
    sanity = Sanity(n=n, seed=7, layers=8, depths=depths, halfway=1, methods=verdicts, controls=controls)
    scored = Controls(random=Areas(insertion=mean(0.4), deletion=mean(0.4)),
                      edges=Areas(insertion=mean(0.4), deletion=mean(0.4)))  # fmt: skip
    return Quality(n=n, methods=methods, controls=scored, sanity=sanity)


def add_explanations(run: Run, images: int = 3, size: int = 28, channels: int = 1) -> Run:
    """The run with explanations by three methods: their numbers, and images with a hidden part and under attack."""
    run.record("explanations", to_dict(explained_results()))
    run.record("quality", to_dict(quality_results()))
    generator = np.random.default_rng(4)
    photos = np.stack([disc(size, generator, channels) for _ in range(images)]) / np.float32(255)
    hidden = np.zeros((images, size, size), dtype=np.uint8)
    hidden[:, 5:12, 9:16] = 1
    tensors = {"clean/images": photos, "pgd-20/images": np.clip(photos + np.float32(0.03), 0, 1),
               "occluded/images": photos * (1 - hidden[..., None]), "occluded/hidden": hidden}  # fmt: skip
    shown = [
        {key: value for key, value in entry.items() if key in ("name", "label", "kind", "by", "patch", "eps", "norm")}
        for entry in to_dict(explained_results())["conditions"]
        if entry["kind"] != "control"
    ]
    for condition in shown:
        for name in METHODS:
            maps = generator.normal(size=(images, size, size)).astype(np.float32)
            tensors[f"{condition['name']}/maps/{name}"] = maps
    save_file(
        {name: np.ascontiguousarray(t, dtype=t.dtype) for name, t in tensors.items()},
        run.path / "explained.safetensors",
    )
    entries = [
        {"name": f"test/{i}", "label": i % 2, "target": i % 2,
         "quality": {name: {"insertion": 0.81, "deletion": 0.19} for name in METHODS},
         "top": {"clean": [[i % 2, 0.9], [1 - i % 2, 0.1]], "occluded": [[1 - i % 2, 0.6], [i % 2, 0.4]],
                 "pgd-20": [[i % 2, 0.8], [1 - i % 2, 0.2]]}}
        for i in range(images)
    ]  # fmt: skip
    run.write("explained.json", {"methods": list(METHODS), "layers": {"grad-cam": "conv6"}, "conditions": shown,
                                 "images": entries})  # fmt: skip
    return run


@pytest.fixture(scope="session")
def explained(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """Explanations by three methods in four conditions; its report is written."""
    path = tmp_path_factory.mktemp("explained")
    run = synthetic_run(path, classes=[HOSTILE, "$x^2$", "猫"], channels=1, size=28)
    write_report(add_explanations(run))
    return run


@pytest.fixture(scope="session")
def two_classes(tmp_path_factory: pytest.TempPathFactory) -> Run:
    return synthetic_run(tmp_path_factory.mktemp("two"), classes=["cat", "dog"])


@pytest.fixture(scope="session")
def ten_classes(tmp_path_factory: pytest.TempPathFactory) -> Run:
    names = [
        HOSTILE,
        "$x^2$",
        "猫",
        "a & b",
        'say "hi"',
        "plane",
        "a name that is a good deal too long",
        "7",
        "é",
        "deer",
    ]
    return synthetic_run(tmp_path_factory.mktemp("ten"), classes=names, channels=1, size=28)


@pytest.fixture(scope="session")
def attacked(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """Three attacks at four eps, with every verdict, beside the FGSM curve; its report is written."""
    run = synthetic_run(tmp_path_factory.mktemp("attacked"), classes=[HOSTILE, "$x^2$", "猫"], channels=1, size=28)
    write_report(add_attacks(run, ["fgsm", "pgd-20", "ensemble"], [1 / 255, 2 / 255, 4 / 255, 8 / 255]))
    return run


@pytest.fixture
def partial_run(tmp_path: Path, two_classes: Run) -> Callable[..., Run]:
    """A run folder with just the named steps of results.json, and nothing else."""

    def build(*steps: str) -> Run:
        run = Run.create(tmp_path / "partial", {"name": "partial"})
        for step in steps:
            run.record(step, two_classes.results[step])
        return run

    return build


@pytest.fixture(scope="session")
def make_run() -> Callable[..., Run]:
    return synthetic_run


def transfer_results(*, base_kept: float = 0.8, plus_kept: float = 0.75, own_kept: float = 0.05) -> Transfer:
    """A small study: accuracies are 0.04 higher in the second seed, which has no n = 1.

    On base A's images at 8/255 base B keeps `base_kept` of its accuracy, all others `plus_kept`, base A a tenth
    of its answers; under PGD made on itself at 8/255 every network keeps `own_kept`, twice that under FGSM.
    """

    def rate(value: float, n: int = 1000) -> Rate:
        return Rate(value=value, low=max(value - 0.03, 0.0), high=min(value + 0.03, 1.0), n=n)

    def network(name: str, arm: str, blocks: int | None, seed: int, accuracy: float) -> Network:
        clean = accuracy + 0.04 * seed
        kept = base_kept if arm == "base" else plus_kept
        shown = [(2 / 255, 0.9 * clean), (8 / 255, kept * clean)]
        own = [("fgsm", 1 / 255, 0.6), ("pgd-20", 1 / 255, 0.5), ("fgsm", 8 / 255, 2 * own_kept),
               ("pgd-20", 8 / 255, own_kept)]  # fmt: skip
        return Network(
            name=f"{name}-s{seed}", arm=arm, blocks=blocks, seed=seed, seconds=60.0, epochs=4, clean=rate(clean),
            transferred=tuple(TransferredPoint(attack="fgsm", eps=eps, accuracy=rate(value), png=rate(value + 0.01))
                        for eps, value in shown),
            white_box=tuple(WhiteBoxPoint(attack=attack, eps=eps, accuracy=rate(share * clean, 250), verdict=None)
                      for attack, eps, share in own),
        )  # fmt: skip

    accuracies = {
        "AnB": {0: 0.39, 1: 0.37, 2: 0.36, 4: 0.32},
        "AnB+": {0: 0.40, 1: 0.44, 2: 0.48, 4: 0.60},
        "BnB": {2: 0.38},
        "BnB+": {2: 0.39},
        "random": {2: 0.19},
    }
    letters = {"random": "R"}
    networks = [network("base-B", "base", None, seed, 0.40) for seed in (0, 1)]
    networks += [
        network(f"{letters.get(arm, arm[0])}{n:02d}B{'+' * arm.endswith('+')}", arm, n, seed, accuracy)
        for seed in (0, 1)
        for arm, depths in accuracies.items()
        for n, accuracy in depths.items()
        if n != 1 or seed == 0
    ]
    names = ["base-A", *(row.name for row in networks if row.seed == 0)]
    rows: list[list[Rate | None]] = [
        [rate((5 * i + j) / 100, 200) for j in range(len(names))] for i in range(len(names))
    ]
    rows[names.index("A02B-s0")][0] = None

    def finding(
        answer: Literal["supported", "not supported", "undecided"],
        effect: float,
        images: tuple[float, float],
        seeds: tuple[float, float] | None,
    ) -> Claim:
        return Claim(
            key="plus", statement="AnB+ beats base B", measure="accuracy of AnB+ less base B’s", ours=False, above=0.0,
            answer=answer, effect=effect, over_images=Mean(value=effect, low=images[0], high=images[1], n=1000),
            over_seeds=Mean(value=effect, low=seeds[0], high=seeds[1], n=2) if seeds else None,
            seeds=2 if seeds else 1,
        )  # fmt: skip

    return Transfer(
        source=Source(model="timm/mobilenetv2_050", dataset="a", classes=3, clean=None),
        target=Target(dataset="b", classes=3), label_space="target",
        source_knows_classes=False, split="test", n=1000, white_box_n=250,
        norm="linf", blocks=4, depths=(0, 1, 2, 4), control_depths=(0, 2, 4), seeds=(0, 1), eps=(2 / 255, 8 / 255),
        headline_eps=8 / 255, transfer_attacks=("fgsm",), white_box_attacks=("fgsm", "pgd-20"),
        white_box_eps=(1 / 255, 8 / 255),
        source_accuracy=(SourceAccuracy(attack="fgsm", eps=2 / 255, accuracy=rate(0.3)),
                         SourceAccuracy(attack="fgsm", eps=8 / 255, accuracy=rate(0.1))),
        networks=tuple(networks),
        matrix=Matrix(attack="fgsm", eps=8 / 255, n=200, names=tuple(names), rows=tuple(map(tuple, rows))),
        claims=(
            finding("supported", 0.031, (0.01, 0.052), (-0.005, 0.067)),
            finding("not supported", -0.2, (-0.22, -0.18), None),
            finding("undecided", -0.012, (-0.033, 0.009), None),
        ),
        cost=Cost(seconds=100.0, networks=12),
    )  # fmt: skip


@pytest.fixture(scope="session")
def transfer_study() -> Callable[..., Transfer]:
    return transfer_results


@pytest.fixture
def transfer() -> Transfer:
    return transfer_results()


@pytest.fixture(scope="session")
def explanations() -> Explanations:
    return explained_results()


@pytest.fixture(scope="session")
def quality() -> Quality:
    return quality_results()


@pytest.fixture(scope="session")
def attacks() -> Attacks:
    """Those of the fixture `attacked`."""
    return attacked_results(["fgsm", "pgd-20", "ensemble"], [1 / 255, 2 / 255, 4 / 255, 8 / 255], "linf")
