"""Rows of docs/traps.md that no script in findings/ shows. No test of ours: run by hand, it ends without an error with

torch 2.15.0, torchvision 0.29.2, torchattacks 3.5.1, Pillow 13.0.0, timm 1.0.31 and torchinfo 1.8.0.
"""

import tempfile
from pathlib import Path

import numpy as np
import timm
import torch
import torchattacks
import torchinfo
from PIL import Image, ImageOps
from torch import nn
from torch.utils.data import DataLoader, TensorDataset
from torch.utils.flop_counter import FlopCounterMode
from torchvision.datasets.folder import default_loader
from torchvision.transforms import ToTensor

folder = Path(tempfile.mkdtemp())
torch.manual_seed(0)
net = nn.Sequential(nn.Conv2d(3, 8, 3, padding=1), nn.ReLU(), nn.Flatten(), nn.Linear(512, 5)).eval()

# torchattacks clamps images outside [0, 1]
images = torch.randn(16, 3, 8, 8)
adversarial = torchattacks.PGD(net, eps=8 / 255)(images, net(images).argmax(1))
assert (adversarial - images).abs().max() > 3

# torchattacks' bytes leave the ball
images = torch.rand(16, 3, 8, 8)
labels = net(images).argmax(1)
batches = DataLoader(TensorDataset(images, labels), batch_size=16)
torchattacks.PGD(net, eps=8 / 255).save(batches, save_path=str(folder / "a.pt"), verbose=False, save_type="int")
stored = torch.load(folder / "a.pt")["adv_inputs"]
assert stored.dtype is torch.uint8
assert (stored.float() / 255 - images).abs().max() > 8.5 / 255

# 16-bit grey and floats in Pillow, 16-bit grey in torchvision
deep = Image.fromarray(np.linspace(0, 65535, 256).astype("uint16").reshape(16, 16))
assert deep.mode == "I;16"
assert all((np.asarray(deep.convert(mode)) == 255).mean() > 0.99 for mode in ("L", "RGB"))
assert ToTensor()(deep).min() < -32000
floats = Image.fromarray(np.linspace(0, 1, 256, dtype="float32").reshape(16, 16))
assert floats.mode == "F"
assert np.asarray(floats.convert("L")).max() == 1

# rotation: 20 x 10 pixels that are to be shown as 10 x 20
exif = Image.Exif()
exif[274] = 6
for form in ("jpg", "png", "webp", "tiff", "avif"):
    path = folder / f"a.{form}"
    Image.fromarray(np.zeros((10, 20, 3), "uint8")).save(path, exif=exif.tobytes())
    assert Image.open(path).size == ((10, 20) if form == "tiff" else (20, 10))
    assert ImageOps.exif_transpose(Image.open(path)).size == (10, 20)
assert default_loader(folder / "a.jpg").size == (20, 10)

# torchinfo's multiply-adds of attention
for name, times in (("vit_tiny_patch16_224", 30), ("swin_tiny_patch4_window7_224", 60)):
    model, image = timm.create_model(name).eval(), torch.rand(1, 3, 224, 224)
    counted = torchinfo.summary(model, input_data=image, verbose=0).total_mult_adds
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        model(image)
    assert counter.get_total_flops() / 2 > times * counted
print("all seen")
