"""Every peer's form of every job of bench/attacks.py, each at its own best honest setting.

PEERS[job][peer] builds the attack from a `Case`, untimed, and gives back what is timed: a call without arguments that
returns a list of adversarial batches. All get the network that we get, in evaluation mode, with its parameters frozen
(Foolbox and ART call `backward`, which else would compute the parameters' gradients, too), its weights channels-last
(they, too, are faster so), and no check of the images' range; all take images in [0, 1]. A peer that cannot be imported
or does not run is named in the table.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from types import ModuleType
from typing import Any

import torch
from jobs import (
    APGD_STEPS,
    CW_CONSTANT,
    CW_STEP_SIZE,
    CW_STEPS,
    DEEPFOOL,
    ENSEMBLE_STEPS,
    PGD_STEPS,
    QUERIES,
    SEVERAL,
    Attack,
    Builder,
    Case,
)
from torch import nn


def torchattacks(build: Callable[[Any, Case], Any]) -> Builder:
    """It clones images and labels and puts the model into evaluation mode by itself, at each call."""

    def builder(case: Case) -> Attack:
        import torchattacks as library

        made = build(library, case)
        attacks = made if isinstance(made, list) else [made]
        return lambda: [attack(case.images, case.labels) for attack in attacks]

    return builder


def torchattacks_ensemble(library: Any, case: Case, steps: int | None = None) -> Any:
    """As it comes, its APGD, targeted APGD and FAB take 10 steps where AutoAttack's take 100.

    Its Square spreads the schedule over the 5,000 queries, where AutoAttack's keeps that of 10,000.
    """
    ensemble = library.AutoAttack(case.plain, eps=case.eps, n_classes=case.classes, seed=0)
    for attack in ensemble._autoattack.attacks:
        if steps and hasattr(attack, "steps"):
            attack.steps = steps
    return ensemble


def foolbox(build: Callable[[Any, Case], Any], *, bounded: bool = True, sweep: bool = False) -> Builder:
    """Its attacks' `run` is timed: calling the attack would add a forward pass, which only says what was fooled.

    For a list of epsilons that call would do no other than run once for each.
    """

    def builder(case: Case) -> Attack:
        import foolbox as library

        model = library.PyTorchModel(case.plain, bounds=(0, 1))
        attack, criterion = build(library.attacks, case), library.criteria.Misclassification(case.labels)
        sizes = SEVERAL if sweep else (case.eps,)
        settings = [{"epsilon": eps} for eps in sizes] if bounded else [{}]
        return lambda: [found(attack.run(model, case.images, criterion, **setting), case) for setting in settings]

    return builder


def found(adversarial: Tensor, case: Case) -> Tensor:
    """What was given back, with the image itself where it is all black: so Foolbox marks that it has found nothing.

    Its closing check would take a black image, which most networks read as something else, for a success.
    """
    black = (adversarial == 0).flatten(1).all(1)[:, None, None, None]
    return torch.where(black, case.images, adversarial)


def art(build: Callable[[Any, Any, Case], Any]) -> Builder:
    """It takes and gives NumPy arrays, so that its users have no tensors to convert: that is not timed.

    `predict` and the gradients go in batches of their own, 128 and 1 by default: here all images are one.
    """

    def builder(case: Case) -> Attack:
        from art.attacks import evasion
        from art.estimators.classification import PyTorchClassifier

        estimator = PyTorchClassifier(
            case.plain,
            loss=nn.CrossEntropyLoss(),
            input_shape=tuple(case.images.shape[1:]),
            nb_classes=case.classes,
            clip_values=(0.0, 1.0),
            device_type="cpu",
        )
        made = build(evasion, estimator, case)
        attacks = made if isinstance(made, list) else [made]
        images, labels = case.images.contiguous().numpy(), case.labels.numpy()
        return lambda: [torch.from_numpy(attack.generate(images, labels)) for attack in attacks]

    return builder


def pyautoattack(build: Callable[[Any, Case], Any]) -> Builder:
    """Its single attacks as in AutoAttack's ensemble, without the ensemble's checks of the model beforehand."""

    def builder(case: Case) -> Attack:
        import pyautoattack as library

        attack = build(library, case)
        return lambda: [attack.perturb(case.images, case.labels)]

    return builder


def pyautoattack_ensemble(case: Case) -> Attack:
    from pyautoattack import AutoAttack

    ensemble = AutoAttack(case.plain, norm="Linf", eps=case.eps, seed=0, device="cpu")
    size = len(case.images)
    return lambda: [ensemble.run_standard_evaluation(case.images, case.labels, batch_size=size)[0]]


def adv_lib(name: str, settings: Callable[[Case], dict[str, Any]]) -> Builder:
    """Plain functions. One of its modules imports visdom, which does not build today, for drawing only."""

    def builder(case: Case) -> Attack:
        sys.modules.setdefault("visdom", ModuleType("visdom"))
        from adv_lib import attacks

        function, given = getattr(attacks, name), settings(case)
        return lambda: [function(case.plain, case.images, case.labels, **given)]

    return builder


def autopgd(library: Any, case: Case) -> Any:
    from pyautoattack.autopgd_base import APGDAttack

    return APGDAttack(case.plain, n_iter=APGD_STEPS, norm="Linf", eps=case.eps, seed=0, loss="ce", device="cpu")


def autosquare(library: Any, case: Case) -> Any:
    from pyautoattack.square import SquareAttack

    # the schedule of the squares is spread over the queries, as with torchattacks and ART, which know no other default
    return SquareAttack(case.plain, norm="Linf", n_queries=QUERIES, eps=case.eps, seed=0, resc_schedule=True)


PEERS: dict[str, dict[str, Builder]] = {
    "fgsm": {
        "torchattacks": torchattacks(lambda library, case: library.FGSM(case.plain, eps=case.eps)),
        "foolbox": foolbox(lambda attacks, case: attacks.LinfFastGradientAttack()),
        "art": art(
            lambda attacks, estimator, case: attacks.FastGradientMethod(
                estimator, eps=case.eps, batch_size=len(case.images)
            )
        ),
    },
    "fgsm-5": {
        "torchattacks": torchattacks(lambda library, case: [library.FGSM(case.plain, eps=eps) for eps in SEVERAL]),
        "foolbox": foolbox(lambda attacks, case: attacks.LinfFastGradientAttack(), sweep=True),
        "art": art(
            lambda attacks, estimator, case: [
                attacks.FastGradientMethod(estimator, eps=eps, batch_size=len(case.images)) for eps in SEVERAL
            ]
        ),
    },
    "pgd-20": {
        "torchattacks": torchattacks(
            lambda library, case: library.PGD(case.plain, eps=case.eps, alpha=case.step_size, steps=PGD_STEPS)
        ),
        "foolbox": foolbox(
            lambda attacks, case: attacks.LinfProjectedGradientDescentAttack(
                abs_stepsize=case.step_size, steps=PGD_STEPS
            )
        ),
        "art": art(
            lambda attacks, estimator, case: attacks.ProjectedGradientDescent(
                estimator,
                eps=case.eps,
                eps_step=case.step_size,
                max_iter=PGD_STEPS,
                num_random_init=1,  # 0, its default, starts at the image
                batch_size=len(case.images),
                verbose=False,
            )
        ),
        # Looks at an image only before each step, not after the last, and gives back the clean image where it found
        # nothing: its 20 gradients weigh 19 steps.
        "adv-lib": adv_lib(
            "pgd_linf", lambda case: {"ε": case.eps, "steps": PGD_STEPS, "absolute_step_size": case.step_size}
        ),
    },
    "apgd-ce-50": {
        "pyautoattack": pyautoattack(autopgd),
        "torchattacks": torchattacks(lambda library, case: library.APGD(case.plain, eps=case.eps, steps=APGD_STEPS)),
        "adv-lib": adv_lib(
            "apgd",
            lambda case: {"eps": case.eps, "norm": float("inf"), "n_iter": APGD_STEPS, "loss_function": "ce"},
        ),
        "art": art(
            lambda attacks, estimator, case: attacks.AutoProjectedGradientDescent(
                estimator,
                eps=case.eps,
                eps_step=2 * case.eps,  # APGD's first step; its default of 0.1 is none
                max_iter=APGD_STEPS,
                nb_random_init=1,
                loss_type="cross_entropy",
                batch_size=len(case.images),
                verbose=False,
            )
        ),
    },
    "ensemble": {
        "pyautoattack": pyautoattack_ensemble,
        "torchattacks, 100 steps": torchattacks(
            lambda library, case: torchattacks_ensemble(library, case, ENSEMBLE_STEPS)
        ),
        "torchattacks, its own 10 steps": torchattacks(torchattacks_ensemble),
    },
    "square": {
        "torchattacks": torchattacks(lambda library, case: library.Square(case.plain, eps=case.eps, n_queries=QUERIES)),
        "pyautoattack": pyautoattack(autosquare),
        # one square for the whole batch, and three passes a query
        "art": art(
            lambda attacks, estimator, case: attacks.SquareAttack(
                estimator, eps=case.eps, max_iter=QUERIES, batch_size=len(case.images), verbose=False
            )
        ),
    },
    "deepfool": {
        "adv-lib": adv_lib("df", lambda case: DEEPFOOL),  # all classes, where Foolbox, ART and we look at the likeliest
        "foolbox": foolbox(lambda attacks, case: attacks.L2DeepFoolAttack(candidates=10, **DEEPFOOL), bounded=False),
        "torchattacks": torchattacks(lambda library, case: library.DeepFool(case.plain, **DEEPFOOL)),  # image by image
        # It leads away from what is predicted, not from the label: an image that is misread may end read right.
        "art": art(
            lambda attacks, estimator, case: attacks.DeepFool(
                estimator,
                max_iter=DEEPFOOL["steps"],
                epsilon=DEEPFOOL["overshoot"],  # not the size of a ball
                nb_grads=10,
                batch_size=len(case.images),
                verbose=False,
            )
        ),
    },
    "carlini-wagner": {
        "adv-lib": adv_lib(
            "carlini_wagner_l2",
            lambda case: {
                "learning_rate": CW_STEP_SIZE,
                "initial_const": CW_CONSTANT,
                "binary_search_steps": 1,
                "max_iterations": CW_STEPS,
                "abort_early": False,
            },
        ),
        "foolbox": foolbox(
            lambda attacks, case: attacks.L2CarliniWagnerAttack(
                binary_search_steps=1,
                steps=CW_STEPS,
                stepsize=CW_STEP_SIZE,
                initial_const=CW_CONSTANT,
                abort_early=False,
            ),
            bounded=False,
        ),
        # It always gives up once the batch's cost has risen over three steps, as it soon has on few images;
        # its best other logit is never below 0, which weakens it where all others are negative
        "torchattacks": torchattacks(
            lambda library, case: library.CW(case.plain, c=CW_CONSTANT, steps=CW_STEPS, lr=CW_STEP_SIZE)
        ),
        # Gradient descent with a line search, not Adam, and two backward passes a step, so that "30 steps" is another
        # budget; with one halving and one doubling the line search is at its cheapest.
        "art": art(
            lambda attacks, estimator, case: attacks.CarliniL2Method(
                estimator,
                learning_rate=CW_STEP_SIZE,
                binary_search_steps=1,
                max_iter=CW_STEPS,
                initial_const=CW_CONSTANT,
                max_halving=1,
                max_doubling=1,
                batch_size=len(case.images),
                verbose=False,
            )
        ),
    },
}
