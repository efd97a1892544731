"""The files of `adversarial/` and `probes/`: a batch of images under one attack each, written in one step."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from safetensors import safe_open
from safetensors.torch import save
from torch import Tensor

from ironglass.attacks.parts.eight_bit import round_to_bytes
from ironglass.attacks.parts.threat import Threat
from ironglass.data.dataset import Split
from ironglass.errors import InputError
from ironglass.models.classifier import Classifier
from ironglass.models.eval_without_grad import eval_without_grad
from ironglass.run import Run, atomic
from ironglass.studies.common.stored import stored
from ironglass.studies.steps.attack.image_folder import read_png, write_png
from ironglass.types import Images, Logits


def tag(norm: str, eps: float) -> str:
    """The folder of a norm and eps: linf-4_255 where eps is a whole number of 255ths, linf-0.0300 otherwise."""
    numerator = round(eps * 255)
    if norm == "linf" and abs(eps * 255 - numerator) < 1e-9:
        return f"{norm}-{numerator}_255"
    short = f"{eps:.4f}"
    return f"{norm}-{short if float(short) == eps else repr(eps)}"


def batch_file(folder: Path, number: int) -> Path:
    """Path of batch `number` in a folder."""
    return folder / f"batch-{number:05}.safetensors"


def write_batch(
    run: Run,
    path: Path,
    classifier: Classifier,
    split: Split,
    images: Images,
    adversarial: Images,
    threat: Threat,
    *,
    png: Sequence[str] | None = None,
    more: dict[str, Tensor] | None = None,
) -> None:
    """Scores the adversarial images by fresh passes and writes them; see docs/run-folder.md for the tensors.

    run: whose folder `path` is in. images, split: the batch as it was. png: where, below `png/` beside `path`, each
    image goes as bytes too, which are read back and scored as well; None to keep neither these nor the images. The file
    at `path` comes last: where it is, all of the batch is.
    """
    adversarial = adversarial.detach().float().contiguous()
    change = (adversarial - images).flatten(1)
    logits = _plain_pass(classifier, adversarial)
    tensors = {
        "labels": torch.from_numpy(split.labels.copy()),
        "logits": logits,
        "predictions": logits.argmax(1),
        "linf": change.abs().amax(1).cpu(),
        "l2": torch.linalg.vector_norm(change, dim=1).cpu(),
        **(more or {}),
    }
    png_paths: list[Path] = []
    if png is not None:
        array = adversarial.permute(0, 2, 3, 1).cpu().numpy()
        png_paths = [path.parent / "png" / name for name in png]
        for png_path, pixels in zip(png_paths, round_to_bytes(split.pixels, array, threat), strict=True):
            write_png(png_path, pixels)
        read = torch.from_numpy(np.stack([read_png(png_path) for png_path in png_paths])).permute(0, 3, 1, 2)
        tensors["images"] = adversarial.cpu()
        tensors["png_predictions"] = _plain_pass(classifier, read.to(images.device).float().div_(255)).argmax(1)
    with atomic(path, run.lister(path, png_paths)) as temporary:
        temporary.write_bytes(save({name: tensor.contiguous() for name, tensor in tensors.items()}))


def read_batches(folder: Path, count: int) -> dict[str, Tensor]:
    """Every tensor but the images of a folder's batches, end to end. Raises InputError for one that is not there."""
    tensors: dict[str, list[Tensor]] = {}
    for number in range(count):
        path = batch_file(folder, number)
        if not path.is_file():
            raise InputError(f"{path} is not there: the processes of a launch must share one folder; add --resume")
        with stored(path), safe_open(path, "pt") as file:
            for name in sorted(set(file.keys()) - {"images"}):
                tensors.setdefault(name, []).append(file.get_tensor(name))
    with stored(folder):
        return {name: torch.cat(parts) for name, parts in tensors.items()}


def _plain_pass(classifier: Classifier, images: Images) -> Logits:
    with eval_without_grad(classifier), torch.no_grad():
        return classifier(images).float().cpu()
