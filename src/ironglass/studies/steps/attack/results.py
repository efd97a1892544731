"""From the files of the attack step to its numbers, its rows an image, and a page beside each set of images."""

from __future__ import annotations

from dataclasses import fields
from typing import Any

from ironglass.attacks import AutoAttack, climbed_gradient, standard
from ironglass.attacks.parts.scores import ROWS, Outputs, outputs_of
from ironglass.measure.accuracy import naming
from ironglass.measure.per_image import per_image, recorded_least_share, write_per_image
from ironglass.measure.robustness.evidence import Kind, Observations, observe, observe_passes
from ironglass.measure.robustness.repeated_passes import (
    PASSES,
    count_differing_reruns,
    logits_and_autograd_use,
    pass_twice,
)
from ironglass.measure.robustness.under_attack import Attacked, Outcome, Probe, UnderAttack
from ironglass.models.predict import batches, logits_of, predicted
from ironglass.run import Run
from ironglass.studies.steps.attack.attack_list import Attacks, Task
from ironglass.studies.steps.attack.batch_files import read_batches
from ironglass.studies.steps.attack.image_folder import file_names

EVIDENCE: dict[str, Kind] = {"single-step": "single-step", "noise": "noise", "gradient-free": "gradient-free"}
"""What an attack of a family is evidence of, for the verdicts of others."""


def write_results(run: Run, attacks: Attacks, *, split_name: str) -> None:
    """Writes `per_image/attacks.parquet`, the pages beside the images, and the numbers into `results.json`.

    Raises InputError for a batch that is not there.
    """
    plan, split, classes = attacks.plan, attacks.split, attacks.classifier.classes
    answers = predicted(logits_of(attacks.classifier, split, batch_size=attacks.settings.batch)).numpy()
    attacked, tables, least = [], [], recorded_least_share(run)
    for task in attacks.attack_tasks:
        outcomes = {}
        for eps in task.sizes:
            tensors = read_batches(attacks.folder(run, task, eps), attacks.count(task))
            right = (tensors["predictions"] == tensors["labels"]).numpy()
            by_gradients = (
                right | (tensors["fooled_by"] == _square(attacks)).numpy() if "fooled_by" in tensors else right
            )
            outcomes[eps] = Outcome(right, (tensors["png_predictions"] == tensors["labels"]).numpy(), by_gradients)
            linf, l2 = tensors["linf"].numpy(), tensors["l2"].numpy()
            facts = {"condition": task.name, "eps": eps, "linf": linf, "least_share": least}
            table = per_image(split, attacks.classifier, tensors["logits"], **facts)
            tables.append(table.append_column("l2", [l2]).append_column("png_correct", [outcomes[eps].png]))
        attacked.append(_attacked(attacks, task, outcomes))
    write_per_image(run, "attacks", tables)
    measured = UnderAttack(
        clean=answers == split.labels,
        attacks=attacked,
        positions=attacks.positions,
        probes=[_probe(run, attacks, task) for task in attacks.probes],
        observations=_observations(attacks),
        chance=1 / len(classes),
        outputs=_outputs(attacks),
    )
    facts = {
        "norm": attacks.settings.norm,
        "n": len(split),
        "split": split_name,
        "seed": plan.seed,
        "batch": attacks.settings.batch,
    }
    numbers: dict[str, Any] = facts | measured.numbers() | {"naming": naming(split.labels, answers, classes)}
    for task, entry in zip(attacks.attack_tasks, numbers["attacks"], strict=True):
        for point in entry["points"]:
            folder = attacks.folder(run, task, point["eps"])
            point["folder"] = folder.relative_to(run.path).as_posix()
            _describe(run, attacks, {**facts, **{k: entry[k] for k in ("name", "label", "settings")}, **point})
    run.record("attacks", numbers)


def label(attacks: Attacks, task: Task) -> str:
    """The attack's name for people, with its steps or queries, or which ensemble it stands for."""
    attack = task.attack
    if isinstance(attack, AutoAttack):
        return _ensemble(attacks, attack).label
    counts = [f"{getattr(attack, f.name)} {f.name}" for f in fields(attack) if f.name in ("steps", "queries")]
    return ", ".join([getattr(attack, "label", "") or task.name, *counts])


def _attacked(attacks: Attacks, task: Task, outcomes: dict[float, Outcome]) -> Attacked:
    attack = task.attack
    plain = (bool, int, float, str, type(None))
    settings = {f.name: getattr(attack, f.name) for f in fields(attack) if f.name not in ("threat", "targeted")}
    return Attacked(
        name=task.name,
        label=label(attacks, task),
        settings={name: value for name, value in settings.items() if isinstance(value, plain)},
        outcomes=outcomes,
        kind=EVIDENCE.get(getattr(attack, "family", "")),
        steps=attack.steps,
        queries=getattr(attack, "queries", 0),
        searches=getattr(attack, "family", "") in ("gradient-free", "ensemble"),
    )


def _probe(run: Run, attacks: Attacks, task: Task) -> Probe:
    [eps] = task.sizes
    tensors = read_batches(attacks.folder(run, task, eps), attacks.count(task))
    right = (tensors["predictions"] == tensors["labels"]).numpy()
    assert task.kind is not None
    return Probe(kind=task.kind, name=task.name, eps=eps, right=right, of=task.of)


def _observations(attacks: Attacks) -> Observations:
    """Gradients and logits of the network on the images of the probes; the first batch is run again, to detect a
    network that is not deterministic or whose answers depend on the batch."""
    classifier, observations = attacks.classifier, Observations()
    for images, labels in batches(attacks.split.take(attacks.positions), attacks.settings.batch, classifier.device):
        gradient = climbed_gradient(classifier, images, labels)
        if observations.n:
            logits, autograd = logits_and_autograd_use(classifier, images)
            observations += observe(logits, gradient, autograd=autograd)
        else:
            observations += observe_passes(classifier, pass_twice(classifier, images), gradient)
            observations += Observations(reruns=PASSES, differing_reruns=count_differing_reruns(classifier, images))
    return observations


def _outputs(attacks: Attacks) -> Outputs:
    """Form of the network's outputs as attacks read them, on the first images of the probes."""
    subset = attacks.split.take(attacks.positions[:ROWS])
    images, _ = next(batches(subset, ROWS, attacks.classifier.device))
    return outputs_of(attacks.classifier, images)


def _ensemble(attacks: Attacks, attack: AutoAttack) -> Any:
    return standard(attacks.classifier, attack.threat, steps=attack.steps, queries=attack.queries)


def _square(attacks: Attacks) -> int:
    """By which number `fooled_by` calls Square, in either ensemble: see `run_share`."""
    return 1 + list(_ensemble(attacks, AutoAttack()).attacks).index("square")


PAGE = """# Adversarial images: {label}

{n} images of the {split} split of `{dataset}`, changed by at most {size} ({norm}) so that `{model}` misreads them.
{accuracy} of them are still read right as float32, {png_accuracy} as 8-bit PNG. Seed {seed}, batches of {batch}.

- `png/CLASS/IMAGE.png`: rounded to bytes within the same bound; the folder is the *true* class. For example
  `torchvision.datasets.ImageFolder("png")`, `datasets.load_dataset("imagefolder", data_dir="png")`, or
  `ironglass evaluate MODEL folder:png`.
- `batch-*.safetensors`: exact, with `images` float32 (n, c, h, w) in [0, 1], `labels`, `predictions`, `logits`.
- `metadata.json`: the settings, and which class and image each file is.
"""


def _describe(run: Run, attacks: Attacks, entry: dict[str, Any]) -> None:
    plan, split, classes = attacks.plan, attacks.split, attacks.classifier.classes
    eps = entry["eps"]
    in_255ths = attacks.settings.norm == "linf" and "_255" in entry["folder"].rpartition("/")[2]
    rates = {name: f"{100 * entry[name]['value']:.1f} %" for name in ("accuracy", "png_accuracy")}
    size = f"{round(255 * eps)}/255" if in_255ths else f"{eps:g}"
    named = {"model": plan.model, "dataset": plan.dataset}
    run.write_text(f"{entry['folder']}/README.md", PAGE.format(**{**entry, **named, **rates, "size": size}))
    paths = file_names(split.names, split.labels, classes)
    folders = {path.split("/")[0]: classes[class_index] for path, class_index in zip(paths, split.labels, strict=True)}
    files = dict(zip(paths, split.names, strict=True))
    run.write(f"{entry['folder']}/metadata.json", {**named, **entry, "classes": folders, "images": files})
