"""CIFAR-10 under Linf 8/255: a pre-activation ResNet-18 hardened by N-FGSM, for a GPU.

Run it with `ironglass run cifar10-linf`, which fetches `uoft-cs/cifar10` from the Hugging Face hub, or with
`--data torchvision:CIFAR10 --download`. The network and the setting are those of Wong et al. 2020, arXiv 2001.03994
(Fast-AT, 30 epochs: 43.2 % under AutoAttack), the objective that of de Jorge et al. 2022, arXiv 2202.01181. On a CPU a
thinner one for fewer epochs: `--set after.options.width=16 --set after.stages.0.epochs=3`. Expect: see docs/results.md.
"""

from ironglass.data.augment import Augment
from ironglass.harden import NFGSM
from ironglass.plans.attacks import Attacks
from ironglass.plans.audit import Audit
from ironglass.plans.hardening import Hardening
from ironglass.plans.parts import Sampling
from ironglass.train.recipe import Stage

STAGE = {"peak_lr": 0.2, "batch_size": 128, "weight_decay": 5e-4}

RECIPE = Hardening(
    after=Audit(
        name="cifar10-linf",
        description="A pre-activation ResNet-18 on CIFAR-10, hardened against changes of 8/255, beside a plain one.",
        dataset="hf:uoft-cs/cifar10",
        model="preact-resnet-18",
        stages=(Stage(**STAGE, epochs=30, objective=NFGSM(eps=8 / 255)),),
        augment=Augment(flip=True, crop=4),
        attacks=Attacks(methods=("fgsm", "pgd-20", "ensemble"), eps=(8 / 255,)),
        sampling=Sampling(images=1000),
    ),
    baseline=(Stage(**STAGE, epochs=10),),
)
