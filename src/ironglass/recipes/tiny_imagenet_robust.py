"""Tiny ImageNet, hardened four ways: judged by transferred and by direct attacks.

Run it with `ironglass run tiny-imagenet-robust --data tiny-imagenet-200.zip`, the archive of cs231n.stanford.edu as it
is, which starts from timm's MobileNetV2 with its ImageNet weights (fetched from the hub: `--model`, or
`--set base.pretrained=false`, take another). Expect: see docs/results.md.

Every arm goes through the same stages: the classification layer alone, then the upper third, each until its training
loss is flat and at the source's rates, then all layers, which the source leaves as they were: what the early ones
see is what an attacker changes. Two arms are adversarially regularised as by Neural Structured Learning, with the
settings its users know (multiplier 0.2, adv_step_size 0.2) and with ours, on the scale of the attack; N-FGSM (de Jorge
et al. 2022, arXiv 2202.01181) and TRADES (Zhang et al. 2019, arXiv 1901.08573) harden the last stage only, since no
head makes frozen layers robust. The source measures accuracy on adversarial images made once on the
base, at its eps of 0.2; here these numbers stand beside those of attacks on each model itself.
"""

from typing import Any

from ironglass.data.augment import Augment
from ironglass.harden import NFGSM, TRADES, AdversarialRegularisation
from ironglass.plans.attacks import Attacks
from ironglass.plans.audit import Audit
from ironglass.plans.comparison import Arm, Comparison
from ironglass.plans.parts import Corruptions, Sampling
from ironglass.train.objective import CrossEntropy
from ironglass.train.plateau import Plateau
from ironglass.train.recipe import Stage

EPS = 4 / 255
DOCUMENT_EPS = 0.2
CORRUPTIONS = (
    *("gaussian-noise", "shot-noise", "impulse-noise", "gaussian-blur", "defocus-blur", "motion-blur"),
    *("brightness", "contrast", "jpeg", "pixelate"),
)
FLAT = Plateau(patience=1, least=0.02)
HEAD: dict[str, Any] = {"name": "head", "trainable_from": "head", "peak_lr": 0.01, "last_lr": 0.001}
UPPER: dict[str, Any] = {"name": "upper third", "trainable_from": "67%", "peak_lr": 0.001, "last_lr": 0.0001}
SHORT: dict[str, Any] = {"epochs": 6, "schedule": "exponential", "until": FLAT}
FULL_SIZE: dict[str, Any] = {"name": "all layers", "epochs": 5, "peak_lr": 0.05}


def staged(objective: Any, first: Any = None) -> tuple[Stage, ...]:
    """The three stages; `first`: what the first two train by, where that is not the objective."""
    early = first or objective
    return (
        Stage(**HEAD, **SHORT, objective=early),
        Stage(**UPPER, **SHORT, objective=early),
        Stage(**FULL_SIZE, objective=objective),
    )


PLAIN = CrossEntropy()

RECIPE = Comparison(
    base=Audit(
        name="tiny-imagenet-robust",
        description="MobileNetV2 on Tiny ImageNet, trained plainly and hardened four ways: what each withstands of "
        "images made on the plain one, and what of attacks on itself.",
        dataset="tiny-imagenet:tiny-imagenet-200.zip",
        model="timm/mobilenetv2_100",
        pretrained=True,
        size=64,
        stages=staged(PLAIN),
        augment=Augment(flip=True, crop=6, jitter=0.2, gaussian=0.05, poisson=0.2, salt_and_pepper=0.02),
        layers=None,
        occlusion=None,
        corruptions=Corruptions(names=CORRUPTIONS, images=500),
        attacks=Attacks(methods=("fgsm", "pgd-20", "ensemble"), eps=(EPS,)),
        sampling=Sampling(images=250),
    ),
    arms={
        "adv-reg-document": Arm(
            label="adversarial regularisation, the usual settings",
            stages=staged(AdversarialRegularisation(multiplier=0.2, adv_step_size=DOCUMENT_EPS)),
        ),
        "adv-reg": Arm(
            label="adversarial regularisation, our settings",
            stages=staged(AdversarialRegularisation(multiplier=1.0, adv_step_size=EPS)),
        ),
        "n-fgsm": Arm(label="N-FGSM", stages=staged(NFGSM(eps=EPS), PLAIN)),
        "trades": Arm(label="TRADES, 3 steps", stages=staged(TRADES(eps=EPS, steps=3, step_size=EPS / 2), PLAIN)),
    },
    transferred_eps=(EPS, DOCUMENT_EPS),
)
