"""Rows of docs/traps.md that no script in findings/ shows. No test of ours: run by hand, it ends without an error with

torch 2.15.0, torchvision 0.29.2, torchattacks 3.5.1, foolbox 3.3.4, Pillow 13.0.0, timm 1.0.31, torchinfo 1.8.0,
scikit-learn 1.9.1 and datasets 5.2.0.
"""

import tempfile
from pathlib import Path

import datasets
import foolbox
import numpy as np
import timm
import torch
import torchattacks
import torchinfo
from PIL import Image, ImageOps
from sklearn.datasets import load_digits
from sklearn.metrics import f1_score, log_loss
from torch import nn
from torch.utils.data import DataLoader, TensorDataset
from torch.utils.flop_counter import FlopCounterMode
from torchvision.datasets.folder import default_loader
from torchvision.transforms import ToTensor, v2

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

# torchvision's v2 draws once for a whole batch
images = torch.rand(16, 3, 8, 8)
flips = [v2.RandomHorizontalFlip()(images) for _ in range(200)]
assert all(torch.equal(flip, images) or torch.equal(flip, images.flip(3)) for flip in flips)
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

# foolbox: a fixed share of eps a step; early stopping by the whole call
torch.manual_seed(0)
linear = nn.Sequential(nn.Flatten(), nn.Linear(192, 5)).eval()
model = foolbox.PyTorchModel(linear, bounds=(0, 1), device="cpu")
images = 0.4 + 0.2 * torch.rand(200, 3, 8, 8)
labels = linear(images).argmax(1)
one, few, many = (
    float((~attack(model, images, labels, epsilons=0.01)[2]).float().mean())
    for attack in (foolbox.attacks.FGSM(), foolbox.attacks.LinfPGD(steps=5), foolbox.attacks.LinfPGD())
)
assert one < 0.05, one
assert few > 0.5, few
assert many < 0.1, many
search = foolbox.attacks.L2CarliniWagnerAttack(steps=50)
together = search(model, images[:8], labels[:8], epsilons=None)[0]
alone = [search(model, images[i : i + 1], labels[i : i + 1], epsilons=None)[0] for i in range(8)]
assert (together - torch.cat(alone)).abs().max() > 1e-3

# datasets.map loses what is changed in place, in images that came from a file
datasets.disable_progress_bars()
Image.fromarray(np.full((4, 4, 3), 10, "uint8")).save(folder / "grey.png")
stored = datasets.Dataset.from_dict({"image": [str(folder / "grey.png")]}).cast_column("image", datasets.Image())


def whiten(row):
    row["image"].paste((255, 255, 255), (0, 0, 4, 4))
    return row


assert (np.asarray(whiten(stored[0])["image"]) == 255).all()
assert (np.asarray(stored.map(whiten)[0]["image"]) == 10).all()
anew = stored.map(lambda row: {"image": row["image"].point(lambda value: 255)})
assert (np.asarray(anew[0]["image"]) == 255).all()

# scikit-learn: digits to 16; a macro mean over a class without images; a loss clipped by type
assert load_digits().images.max() == 16
labels, answers = np.array([0] * 50 + [1] * 50), np.array([2] + [0] * 49 + [1] * 50)
assert f1_score(labels, answers, average="macro", zero_division=0.0) < 0.67
certain = np.array([[1.0, 0.0], [1.0, 0.0]])
assert 7.9 < log_loss([0, 1], certain.astype("float32")) < 8.0
assert 18.0 < log_loss([0, 1], certain) < 18.1
print("all seen")
