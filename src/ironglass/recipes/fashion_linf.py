"""Fashion-MNIST under Linf: a small network hardened by N-FGSM against changes of 0.1, beside a plain one.

Run it with `ironglass run fashion-linf`, which fetches `zalando-datasets/fashion_mnist` from the Hugging Face hub, or
with `--data FOLDER` on a local copy in the same layout. N-FGSM: de Jorge et al. 2022, arXiv 2202.01181. Expect: see
docs/results.md.
"""

from ironglass.harden import NFGSM
from ironglass.plans.attacks import Attacks
from ironglass.plans.audit import Audit
from ironglass.plans.hardening import Hardening
from ironglass.plans.parts import Sampling
from ironglass.train.recipe import Stage

STAGE = {"epochs": 8, "peak_lr": 0.1, "batch_size": 128}

RECIPE = Hardening(
    after=Audit(
        name="fashion-linf",
        description="A small network on Fashion-MNIST, hardened against changes of 0.1, beside a plain one.",
        dataset="hf:zalando-datasets/fashion_mnist",
        model="simple-cnn",
        stages=(Stage(**STAGE, objective=NFGSM(eps=0.1)),),
        attacks=Attacks(methods=("fgsm", "pgd-20", "ensemble"), eps=(0.1,)),
        sampling=Sampling(images=250),
    ),
    baseline=(Stage(**STAGE),),
)
