"""Families of timm and torchvision: each layer's map is plain autograd's on the axes that are space, or it is refused.

Random weights, oblong images where the network takes them, so that rows and columns betray themselves by their number.
A part of the families as a rule; all but those of more than 100 million numbers with IRONGLASS_ALL_FAMILIES=1.
"""

import os
from typing import Any

import pytest
import torch
from torch import nn

import ironglass as ig
from ironglass.errors import InputError
from ironglass.explain import GradCAM, feature_maps
from ironglass.explain.parts.layout import Layout, NoLayout, layouts_of
from ironglass.models import Classifier

FEW = {"depth": 2}
NARROW = {"depth": 2, "embed_dim": 96, "num_heads": 3}
SIZES = ((64, 96), (64, 64), (128, 128), None)
SQUARE = ("timm/csatv2", "torchvision/alexnet", "torchvision/vgg11")
"""Those that pool oblong images to squares."""

# a small member of each family, and options that make it smaller
USUAL: dict[str, dict[str, Any]] = {
    "timm/test_vit": {}, "timm/test_vit3": {}, "timm/test_vit4": {}, "timm/test_convnext": {}, "timm/test_byobnet": {},
    "timm/test_efficientnet": {}, "timm/test_mambaout": {}, "timm/test_resnet": {}, "timm/test_nfnet": {},
    "timm/cait_xxs24_224": {"depth": 2, "depth_token_only": 1}, "timm/convit_tiny": FEW,
    "timm/deit_tiny_distilled_patch16_224": FEW, "timm/edgenext_xx_small": {}, "timm/efficientformerv2_s0": {},
    "timm/efficientvit_b0": {}, "timm/efficientvit_m0": {}, "timm/vit_tiny_patch16_dinov3_qkvb": FEW,
    "timm/fasternet_t0": {}, "timm/levit_128s": {},
    "timm/hiera_tiny_224": {"stages": (1, 1, 2, 1)}, "timm/mobilevit_xxs": {}, "timm/mobilevitv2_050": {},
    "timm/test_maxvit": {}, "timm/test_coatnet": {}, "timm/mixer_s32_224": {},
    "timm/pit_ti_224": {},
    "timm/pvt_v2_b0": {}, "timm/sequencer2d_s": {"layers": (1, 1, 1, 1)}, "timm/shvit_s1": {}, "timm/starnet_s050": {},
    "timm/swin_tiny_patch4_window7_224": {"depths": (2, 1, 1, 1), "embed_dim": 48},
    "timm/swinv2_tiny_window8_256": {"depths": (2, 1, 1, 1), "embed_dim": 48},
    "timm/tnt_s_legacy_patch16_224": FEW, "timm/twins_pcpvt_small": {"depths": (1, 1, 1, 1)},
    "timm/volo_d1_224": {}, "timm/xcit_nano_12_p16_224": FEW,
    "timm/vit_relpos_small_patch16_224": FEW, "timm/samvit_base_patch16": NARROW, "timm/beit_base_patch16_224": NARROW,
    "timm/gmlp_ti16_224": {}, "timm/poolformerv2_s12": {},
    "torchvision/mobilenet_v3_small": {}, "torchvision/shufflenet_v2_x0_5": {}, "torchvision/squeezenet1_1": {},
    "torchvision/mnasnet0_5": {},
}  # fmt: skip
# and of the others
REST = """
timm/gcvit_xxtiny timm/mvitv2_tiny timm/nest_tiny timm/coat_tiny timm/convmixer_768_32 timm/cpubone_nano
timm/crossvit_tiny_240 timm/csatv2 timm/cs3darknet_focus_s timm/cspnext_tiny timm/davit_tiny timm/densenet121
timm/dla46x_c timm/dpn48b timm/efficientformer_l1 timm/efficientvim_m1 timm/fastvit_t8 timm/focalnet_tiny_srf
timm/ghostnet_050 timm/halonet_h1 timm/hardcorenas_b timm/hgnetv2_b0 timm/hrnet_w18_small timm/iformer_t
timm/inception_next_atto timm/inception_resnet_v2 timm/inception_v3 timm/inception_v4 timm/lcnetv2_small
timm/lowformer_b0 timm/maxvit_pico_rw_256 timm/coatnet_pico_rw_224 timm/mobilenetv3_small_050 timm/nextvit_small
timm/rdnet_tiny timm/regnetx_002 timm/repghostnet_050 timm/repvit_m0_9 timm/res2next50 timm/resnest14d
timm/resnetv2_18 timm/rexnet_100 timm/sam2_hiera_tiny timm/selecsls42 timm/legacy_seresnet18 timm/skresnet18
timm/swiftformer_xs timm/swinv2_cr_tiny_224 timm/tiny_vit_5m_224 timm/tresnet_m timm/vgg11 timm/visformer_tiny
timm/vit_tiny_r_s16_p8_224 timm/vitamin_small_224 timm/ese_vovnet19b_slim timm/legacy_xception timm/xception41
torchvision/alexnet torchvision/vgg11 torchvision/resnet18 torchvision/densenet121 torchvision/googlenet
torchvision/inception_v3 torchvision/mobilenet_v2 torchvision/efficientnet_b0 torchvision/regnet_y_400mf
torchvision/convnext_tiny torchvision/swin_t torchvision/swin_v2_t torchvision/vit_b_16 torchvision/maxvit_t
"""
ALL = bool(os.environ.get("IRONGLASS_ALL_FAMILIES"))


def load(name: str, options: dict[str, Any]) -> Classifier:
    """In float64, at the first size that it takes."""
    refused: Exception | None = None
    for size in SIZES[name in SQUARE :]:
        try:
            classifier = ig.load_classifier(name, classes=tuple("abc"), size=size, **options)
            classifier = classifier.double().eval()
            with torch.no_grad():
                classifier(torch.rand(2, 3, *classifier.input_size, dtype=torch.float64))
        except (InputError, RuntimeError, AssertionError) as error:
            refused = error
        else:
            return classifier
    raise AssertionError(f"{name}: {refused}")


def maps_of(layout: Layout, tensor: torch.Tensor) -> torch.Tensor:
    """(n, h, w, channels) by the stated axes alone."""
    others = [axis for axis in range(tensor.ndim) if axis != layout.batch and axis not in layout.space]
    tensor = tensor.permute(layout.batch, *layout.space, *others)
    if len(layout.space) == 2:
        return tensor.flatten(3) if others else tensor[..., None]
    tensor = tensor.flatten(2) if others else tensor[..., None]
    kept = [i for i in range(tensor.shape[1]) if not layout.start <= i < layout.start + layout.extra]
    return tensor[:, kept].unflatten(1, layout.grid)


def plain_maps(classifier, layouts: dict[str, Layout], images, targets) -> dict[str, torch.Tensor]:
    """Grad-CAM of each layer by hooks and autograd."""
    kept: dict[str, torch.Tensor] = {}

    def hook_of(name):
        def hook(_module, _inputs, output):
            kept.pop(name, None)
            kept[name] = output.clone() if output.requires_grad else output.clone().requires_grad_()
            return kept[name].clone()

        return hook

    handles = [classifier.network.get_submodule(name).register_forward_hook(hook_of(name)) for name in layouts]
    logits = classifier(images.clone().requires_grad_())
    for handle in handles:
        handle.remove()
    score = logits.gather(1, targets[:, None]).sum()
    gradients = torch.autograd.grad(score, list(kept.values()), allow_unused=True)
    found = {}
    for (name, output), gradient in zip(kept.items(), gradients, strict=True):
        maps = maps_of(layouts[name], output.detach())
        weights = torch.zeros_like(maps) if gradient is None else maps_of(layouts[name], gradient)
        found[name] = (weights.mean((1, 2), keepdim=True) * maps).sum(3)[:, None]
    return found


@pytest.mark.parametrize(
    ("name", "options"),
    [
        *(pytest.param(name, options, id=name, marks=pytest.mark.slow) for name, options in USUAL.items()),
        *(pytest.param(name, {}, id=name, marks=pytest.mark.slow) for name in REST.split() if ALL),
    ],
)
@pytest.mark.filterwarnings("ignore::ironglass.errors.Notice")
@pytest.mark.filterwarnings("ignore:The default weight initialization:FutureWarning")
def test_each_layer_is_that_of_plain_autograd_or_refused(name, options):
    classifier = load(name, options)
    height, width = classifier.input_size
    images = torch.rand(2, 3, height, width, dtype=torch.float64, generator=torch.Generator().manual_seed(1))
    targets = torch.tensor([0, 2])
    found = GradCAM()(classifier, images, targets)
    assert found
    usual = list(found)
    modules: dict[str, nn.Module] = dict(classifier.network.named_modules())
    layouts = layouts_of(classifier, modules, images)
    laid = {layer: layout for layer, layout in layouts.items() if isinstance(layout, Layout)}
    others = [layer for layer in laid if layer and layer not in found]
    if others := others[:: max(1, len(others) // 10)]:
        found |= GradCAM(layers=tuple(others))(classifier, images, targets)
    expected = plain_maps(classifier, {layer: laid[layer] for layer in found}, images, targets)
    for layer, maps in found.items():
        assert maps.shape == expected[layer].shape, layer
        scale = float(expected[layer].abs().max())
        # what cancels to nothing is rounding
        torch.testing.assert_close(
            maps, expected[layer], rtol=1e-4, atol=1e-5 * scale + 1e-9, msg=layer, check_dtype=False
        )
        h, w = maps.shape[2:]
        # as many rows to columns as the image has
        assert abs(h * width - w * height) <= 1.5 * max(height, width) or h == w == 1, (layer, laid[layer])
    refused = [layer for layer, why in layouts.items() if isinstance(why, NoLayout) and layer]
    for layer in (*refused[:2], *refused[-1:]):
        with pytest.raises(InputError, match=f"layer '{layer}' gives"):
            feature_maps(classifier, images, [layer])
    blocks = [layer for layer, module in modules.items() if isinstance(module, nn.Conv2d)]
    assert len(usual) >= min(3, len(blocks)) / 2
