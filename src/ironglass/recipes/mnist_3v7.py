"""MNIST threes and sevens: logistic regression, the network whose worst change can be read off its weights.

Run it with `ironglass run mnist-3v7`, which fetches `ylecun/mnist` from the Hugging Face hub, or with `--data FOLDER`
on a local copy in the same layout. Goodfellow, Shlens & Szegedy 2014, arXiv 1412.6572, section 5: 1.6 % error on
unchanged images and 99 % under FGSM of 0.25; then trained on FGSM's images besides. Of a linear network FGSM is exact,
so that PGD and the ensemble find no more. Expect: see docs/results.md.
"""

from ironglass.harden import FGSMTraining
from ironglass.plans.attacks import Attacks
from ironglass.plans.audit import Audit
from ironglass.plans.hardening import Hardening
from ironglass.plans.parts import Sampling
from ironglass.train.recipe import Stage

STAGE = {"epochs": 15, "peak_lr": 0.1, "batch_size": 128}

RECIPE = Hardening(
    after=Audit(
        name="mnist-3v7",
        description="Logistic regression on MNIST threes and sevens, before and after training on FGSM’s images.",
        dataset="hf:ylecun/mnist",
        only=("3", "7"),
        model="logistic",
        options={"mean": 0, "std": 1},
        stages=(Stage(**STAGE, objective=FGSMTraining(eps=0.25)),),
        attacks=Attacks(methods=("fgsm", "pgd-20", "ensemble"), eps=(0.25,)),
        sampling=Sampling(images=512),
    ),
    baseline=(Stage(**STAGE),),
)
