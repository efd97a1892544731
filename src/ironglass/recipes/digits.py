"""Handwritten digits, 1,797 of them, in half a minute on two cores: the demonstration, and it needs no download.

Run it with `ironglass run digits`. Data: scikit-learn's copy of the UCI optical digits (Alpaydin & Kaynak 1998),
8×8 pixels drawn up to 32×32. Expect: see docs/results.md.
"""

from ironglass.data.augment import Augment
from ironglass.plans.audit import Audit
from ironglass.plans.parts import Sampling
from ironglass.train.recipe import Stage

RECIPE = Audit(
    name="digits",
    description="A small convolutional network on scikit-learn's handwritten digits.",
    dataset="digits",
    model="simple-cnn",
    stages=(Stage(epochs=12, peak_lr=0.1, batch_size=32),),
    augment=Augment(rotate=10, scale=0.1, crop=2),
    average=0.99,
    sampling=Sampling(images=400),
)
