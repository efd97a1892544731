"""Transfer learning as a defence: AnB and AnB+ at every depth, from a published experiment, with controls.

Run it with `ironglass run transfer-defence --data TARGET --jobs 2`, as the experiment does on ImageNet-R
(`folder:imagenet-r`), starting from timm's MobileNetV2 with its ImageNet weights (fetched from the hub). Without a
network, base A is trained by the recipe itself, on one half of Tiny ImageNet:

    ironglass run transfer-defence --data tiny_imagenet/parquet_b --set source.dataset=tiny_imagenet/parquet_a \\
        --set source.pretrained=false --source timm/mobilenetv2_050 --jobs 2 --seeds 3

Expect: see docs/results.md.

MobileNetV2's 17 blocks are copied one more at a time (Yosinski et al. 2014, arXiv 1411.1792), by the experiment's
schedule: frozen networks 4 epochs, the others 2 frozen and 2 of all layers. It finds that fine-tuned
networks hold up under FGSM images made on the network they were copied from. Here those images, and PGD's, stand
beside base B, which was never copied from anything, and beside attacks on each network itself.
"""

from ironglass.data.augment import Augment
from ironglass.plans.audit import Audit
from ironglass.plans.transfer import Transfer
from ironglass.train.recipe import Stage

MODEL = "timm/mobilenetv2_100"
TRAINED = (Stage(epochs=10, peak_lr=0.04),)
MOVED = Augment(flip=True, crop=6)

RECIPE = Transfer(
    source=Audit(name="base-A", model=MODEL, pretrained=True, stages=TRAINED, augment=MOVED, size=64),
    target=Audit(
        name="transfer-defence",
        description="MobileNetV2, its first blocks copied from a trained one, frozen or fine-tuned: what the copies "
        "withstand of images made on the network they came from, and what of attacks on themselves.",
        dataset="folder:imagenet-r",
        size=64,
        stages=TRAINED,
        augment=MOVED,
    ),
    controls=(0, 4, 8, 12, 17),
)
