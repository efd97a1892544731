"""Names of files that hold a network with its weights: TorchScript, torch.export's programs, ONNX."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from ironglass.errors import InputError
from ironglass.models.classifier import Classifier
from ironglass.models.loading.class_names import need_classes
from ironglass.models.loading.exported_files.read import read_exported
from ironglass.models.loading.forms.code import is_exported
from ironglass.models.loading.forms.form import NameForm
from ironglass.models.loading.wrap import DEFAULT_SIZE, assumed_size, wrap
from ironglass.models.normalisation import ASSUMED

if TYPE_CHECKING:
    from ironglass.models.request import ModelRequest


class ExportedFile(NameForm):
    """`net.pt`, `net.ts` (TorchScript), `net.pt2` (torch.export) or `net.onnx`."""

    def matches(self, name: str) -> bool:
        """Returns whether it ends as such a file does."""
        return is_exported(name)

    def build(self, request: ModelRequest) -> Classifier:
        """`net.pt` or `.ts` (TorchScript), `net.pt2` (torch.export) or `net.onnx`, which have their weights in them.

        Images are taken to be wanted in [0, 1], as of a bare module. Raises InputError for a file that holds something
        else, such as weights alone, for a program exported in training mode, and where the wanted images do not fit it.
        """
        path = Path(request.name)
        if request.pretrained:
            raise InputError(f"{path} has its own weights in it: leave --pretrained out")
        if request.options:
            raise InputError(f"{path} takes no options, as {next(iter(request.options))!r}: it is built already")
        network, spec = read_exported(path)
        if request.weighted and not list(network.parameters()):
            raise InputError(f"{path} has its own weights in it, which nothing can change: leave --weights out")
        channels, *size = spec.shape
        if channels is not None and channels != request.channels:
            raise InputError(f"{path} takes images of {channels} channels, and {request.channels} are given")
        height, width = (
            fixed or requested for fixed, requested in zip(size, request.size or DEFAULT_SIZE, strict=True)
        )
        fixed = height, width
        if request.size is not None and fixed != request.size:
            requested = " × ".join(map(str, request.size))
            raise InputError(
                f"{path} takes images of {fixed[0]} × {fixed[1]} alone, not {requested}: leave the size out"
            )
        plain = [0.0] * request.channels, [1.0] * request.channels
        classes = need_classes(request)
        classifier = wrap(network, request, mean=plain[0], std=plain[1], classes=classes, size=fixed, origin=ASSUMED)
        if request.size is None and None in size:
            classifier.remarks += (assumed_size(classifier),)
        if spec.batch is not None:
            remark = (
                f"{path} takes {spec.batch} images at a time: others are passed in such parts, the last one filled up"
            )
            classifier.remarks += (remark,)
        return classifier

    def knows_classes(self, *, weighted: bool) -> bool:
        """Never: a file names no classes."""
        return False


def geometry_of(path: Path) -> tuple[tuple[int, int], int] | None:
    """Size and channels of the images that the file's network takes; None where it does not say all of them."""
    channels, height, width = read_exported(path)[1].shape
    return None if channels is None or height is None or width is None else ((height, width), channels)
