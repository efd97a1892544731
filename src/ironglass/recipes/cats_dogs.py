"""Cats and dogs: a simple CNN trained from scratch on photographs.

Run it with `ironglass run cats-dogs`, which fetches `microsoft/cats_vs_dogs` from the Hugging Face hub, or with
`--data FOLDER` on a local copy in the same layout. Expect: see docs/results.md.
"""

from ironglass.data.augment import Augment
from ironglass.plans.audit import Audit
from ironglass.train.objective import CrossEntropy
from ironglass.train.recipe import Stage

RECIPE = Audit(
    name="cats-dogs",
    description="A simple convolutional network, from scratch, on photographs of cats and dogs.",
    dataset="hf:microsoft/cats_vs_dogs",
    model="simple-cnn",
    size=64,
    stages=(Stage(epochs=34, peak_lr=0.1, batch_size=64, objective=CrossEntropy(label_smoothing=0.1)),),
    augment=Augment(flip=True, rotate=15, scale=0.25, crop=8, jitter=0.2, erase=0.1),
    average=0.998,
)
