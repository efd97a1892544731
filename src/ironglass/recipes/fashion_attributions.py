"""Fashion attributions: three methods before and after a part is hidden.

Run it with `ironglass run fashion-attributions`, which fetches `zalando-datasets/fashion_mnist` from the Hugging Face
hub, or with `--data FOLDER` on a local copy in the same layout. A patch is set to black where integrated gradients
find most evidence; by hand it is `--set explanation.hide=10,8,8,8` or `--set explanation.hide=mask.png`. Expect: see
docs/results.md.
"""

from ironglass.data.augment import Augment
from ironglass.plans.audit import Audit
from ironglass.plans.explanation import ExplanationPlan
from ironglass.plans.parts import PatchSearch, Sampling
from ironglass.train.recipe import Stage

RECIPE = Audit(
    name="fashion-attributions",
    description="Where a small network looks on Fashion-MNIST by three methods, before and after hiding the place.",
    dataset="hf:zalando-datasets/fashion_mnist",
    model="simple-cnn",
    stages=(Stage(epochs=12, peak_lr=0.1, batch_size=128),),
    augment=Augment(flip=True, crop=2),
    average=0.998,
    sampling=Sampling(images=1000),
    attacks=None,
    patches=PatchSearch(sizes=(1, 2, 3, 4, 5, 6, 7, 8, 10), fill="black"),
    explanation=ExplanationPlan(
        methods=("saliency", "guided-backprop", "integrated-gradients"),
        chosen=("Trouser", "Trouser", "Pullover", "Pullover"),
        hide="integrated-gradients",
        quality=64,
    ),
)
