"""MNIST and a maxout network: the first published adversarial training, and what it is worth under more than one step.

Run it with `ironglass run mnist-maxout`, which fetches `ylecun/mnist` from the Hugging Face hub, or with
`--data FOLDER` on a local copy in the same layout. Goodfellow, Shlens & Szegedy 2014, arXiv 1412.6572, sections 4 and
6: FGSM of 0.25 fools 89.4 % before and 17.9 % after training on FGSM's images. That 17.9 % is against the one step it
was trained on, and nothing else: PGD and the ensemble are asked here, too, and the judge says what the number is worth.
Departures: 240 units a layer as in the paper before, not the 1,600 of the one after, and no dropout, without which few
epochs suffice. Expect: see docs/results.md.
"""

from ironglass.harden import FGSMTraining
from ironglass.plans.attacks import Attacks
from ironglass.plans.audit import Audit
from ironglass.plans.hardening import Hardening
from ironglass.plans.parts import Guard, Sampling
from ironglass.train.recipe import Stage

STAGE = {"peak_lr": 0.1, "batch_size": 128, "weight_decay": 0.0}

RECIPE = Hardening(
    after=Audit(
        name="mnist-maxout",
        description="A maxout network on MNIST, before and after training on FGSM’s images, fooled by that one step "
        "and by many.",
        dataset="hf:ylecun/mnist",
        model="maxout",
        options={"mean": 0, "std": 1, "dropout": [0, 0]},
        stages=(Stage(**STAGE, epochs=8, objective=FGSMTraining(eps=0.25)),),
        attacks=Attacks(methods=("fgsm", "pgd-20", "ensemble"), eps=(0.25,)),
        sampling=Sampling(images=500),
        guard=Guard(mode="fgsm"),
    ),
    baseline=(Stage(**STAGE, epochs=5),),
)
