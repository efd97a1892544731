"""The attack step: every attack at every eps on every batch, each kept as soon as it is done."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import torch
from torch import Tensor

from ironglass.attacks import APGD, APGDTargeted, AutoAttack, find_attack, standard
from ironglass.attacks.parts.losses import LOSSES, dlr_targeted
from ironglass.attacks.sizes import at_each_eps
from ironglass.errors import InputError
from ironglass.measure.robustness.attack import check_gradient
from ironglass.models.checks import check_labels
from ironglass.models.classifier import Classifier
from ironglass.models.predict import batches
from ironglass.plans.audit import Audit
from ironglass.run import Run
from ironglass.studies.common.draws import generator
from ironglass.studies.common.processes import Processes
from ironglass.studies.common.progress import Tell
from ironglass.studies.steps.attack.attack_list import Attacks, Task
from ironglass.studies.steps.attack.batch_files import batch_file, write_batch
from ironglass.studies.steps.attack.image_folder import file_names
from ironglass.types import Images, Labels


def check_attacks(plan: Audit, classifier: Classifier) -> None:
    """Raises InputError, before any work, for an attack that the classifier has too few classes for."""
    logits, label = torch.zeros(1, len(classifier.classes)), torch.zeros(1, dtype=torch.int64)
    for name in () if plan.attacks is None else plan.attacks.methods or ("fgsm",):
        attack = find_attack(name)
        check_gradient(classifier, name, attack)
        try:
            if isinstance(attack, APGDTargeted):
                dlr_targeted(logits, label, label)
            elif isinstance(attack, APGD):
                LOSSES[attack.loss](logits, label)
        except InputError as error:
            raise InputError(f"{name}: {error}: apgd-margin, or ensemble, which picks what is defined") from error


def run_share(run: Run, attacks: Attacks, team: Processes, progress: Tell) -> None:
    """Makes and writes what is missing of every `team.count`-th batch, from this process's own on."""
    pngs = file_names(attacks.split.names, attacks.split.labels, attacks.classifier.classes)
    size = attacks.settings.batch
    for task in attacks.tasks:
        numbers = range(team.rank, attacks.count(task), team.count)
        activity = f"attacking with {task.name}" if task.kind is None else "probing the verdicts"
        for done, number in enumerate(numbers):
            progress(activity, done * len(task.sizes), len(numbers) * len(task.sizes), "")
            cut = slice(number * size, (number + 1) * size)
            png = pngs[cut] if task.kind is None else None
            missing = [eps for eps in task.sizes if not batch_file(attacks.folder(run, task, eps), number).is_file()]
            if not missing:
                continue
            part = task.split.take(cut)
            images, labels = next(batches(part, len(part), attacks.classifier.device))
            check_labels(labels, len(images), len(attacks.classifier.classes))
            results = _adversarial(attacks, task, images, labels, missing, number)
            for step, (eps, (adversarial, more)) in enumerate(zip(missing, results, strict=True), 1):
                path = batch_file(attacks.folder(run, task, eps), number)
                write_batch(
                    run, path, attacks.classifier, part, images, adversarial, attacks.threat(eps), png=png, more=more
                )
                progress(activity, done * len(task.sizes) + step, len(numbers) * len(task.sizes), "")
        progress(activity, len(numbers) * len(task.sizes), len(numbers) * len(task.sizes), "")


def _adversarial(
    attacks: Attacks, task: Task, images: Images, labels: Labels, sizes: Sequence[float], number: int
) -> Iterator[tuple[Images, dict[str, Tensor]]]:
    """The adversarial images at each eps in turn, and for an ensemble what fooled them: 0 none needed, −1 none did."""
    classifier, attack, plan = attacks.classifier, task.attack, attacks.plan

    def draws() -> torch.Generator:
        return generator(plan.seed, number, task.draws)

    if not isinstance(attack, AutoAttack):
        results = at_each_eps(attack, classifier, images, labels, sizes, norm=attacks.settings.norm, draws=draws)
        yield from ((adversarial, {}) for adversarial in results)
        return
    for eps in sizes:
        ensemble = standard(classifier, attacks.threat(eps), steps=attack.steps, queries=attack.queries)
        adversarial, names = ensemble.run(classifier, images, labels, generator=draws())
        codes = {"": -1} | {name: index for index, name in enumerate(("clean", *ensemble.attacks))}
        yield adversarial, {"fooled_by": torch.tensor([codes[name] for name in names])}
