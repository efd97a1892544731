"""Shoot-out: nine networks on Tiny ImageNet, each trained for as many epochs, judged by accuracy, robustness and cost.

Run it with `ironglass run shootout --data tiny-imagenet:PATH`, or with `--data FOLDER` on a copy as Parquet; for other
networks add `--set 'vary.model=["timm/resnet18", "simple-cnn"]'`. It trains from scratch. To fine-tune published
weights, which are fetched, add `--set trial.pretrained=true --set trial.stages.0.peak_lr=0.01` and a list of models
without nasnet-mobile, which has none. Made for a GPU, and not run in full yet. The networks are those of
the source of `tiny-imagenet-robust`; all see 64 pixels a side, though most were made for more.
"""

from ironglass.data.augment import Augment
from ironglass.plans.attacks import Attacks
from ironglass.plans.audit import Audit
from ironglass.plans.parts import Sampling
from ironglass.plans.sweep import Sweep
from ironglass.train.recipe import Stage

RECIPE = Sweep(
    trial=Audit(
        name="shootout",
        description="Networks side by side on Tiny ImageNet, each trained for as many epochs.",
        dataset="tiny-imagenet:tiny-imagenet-200",
        size=64,
        stages=(Stage(epochs=20, peak_lr=0.05, batch_size=64),),
        augment=Augment(flip=True, crop=8),
        attacks=Attacks(methods=("pgd-20",), eps=(4 / 255,)),
        sampling=Sampling(images=250, report_images=0),
    ),
    vary={
        "model": (
            "timm/mobilenetv2_100",
            "timm/resnet50",
            "timm/resnext50_32x4d",
            "timm/densenet121",
            "timm/nasnetalarge",
            "nasnet-mobile",
            "timm/tf_efficientnet_b2",
            "timm/tf_efficientnet_b4",
            "timm/tf_efficientnet_b6",
        )
    },
)
