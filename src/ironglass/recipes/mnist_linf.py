"""MNIST under Linf 0.3: a small network hardened by PGD, in the setting of most published figures.

Run it with `ironglass run mnist-linf`, which fetches `ylecun/mnist` from the Hugging Face hub, or with `--data FOLDER`
on a local copy in the same layout. Madry et al. 2017, arXiv 1706.06083; here with few long steps, and with eps rising
over three stages, without which a small network learns nothing at all. Expect: see docs/results.md.
"""

from ironglass.harden import PGDTraining
from ironglass.plans.attacks import Attacks
from ironglass.plans.audit import Audit
from ironglass.plans.hardening import Hardening
from ironglass.plans.parts import Guard, Sampling
from ironglass.train.recipe import Stage

STAGE = {"optimiser": "adamw", "batch_size": 128, "weight_decay": 0.0}


def rising(eps: float, step_size: float, **fields) -> Stage:
    """A stage at a constant rate, against changes of `eps`."""
    objective = PGDTraining(eps=eps, steps=4, step_size=step_size)
    return Stage(**STAGE | {"schedule": "constant", "objective": objective, "name": f"eps {eps:g}"} | fields)


RECIPE = Hardening(
    after=Audit(
        name="mnist-linf",
        description="A small network on MNIST, hardened against changes of 0.3, beside a plain one.",
        dataset="hf:ylecun/mnist",
        model="strided-cnn",
        stages=(
            rising(0.1, 0.05, epochs=1, peak_lr=1e-3),
            rising(0.2, 0.1, epochs=1, peak_lr=1e-3),
            rising(0.3, 0.15, epochs=12, peak_lr=2e-3, schedule="exponential", last_lr=1e-4),
        ),
        attacks=Attacks(methods=("fgsm", "pgd-20", "ensemble"), eps=(0.3,)),
        average=0.998,
        sampling=Sampling(images=500),
        guard=Guard(mode="pgd"),
    ),
    baseline=(Stage(**STAGE, epochs=3, peak_lr=2e-3),),
)
