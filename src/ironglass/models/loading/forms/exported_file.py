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
from ironglass.models.loading.wrap import SIZE, assumed_size, wrap
from ironglass.models.normalisation import ASSUMED

if TYPE_CHECKING:
    from ironglass.models.request import Wanted


class ExportedFile(NameForm):
    """`net.pt`, `net.ts` (TorchScript), `net.pt2` (torch.export) or `net.onnx`."""

    def matches(self, name: str) -> bool:
        """Returns whether it ends as such a file does."""
        return is_exported(name)

    def build(self, wanted: Wanted) -> Classifier:
        """`net.pt` or `.ts` (TorchScript), `net.pt2` (torch.export) or `net.onnx`, which have their weights in them.

        Images are taken to be wanted in [0, 1], as of a bare module. Raises InputError for a file that holds something
        else, such as weights alone, for a program exported in training mode, and where the wanted images do not fit it.
        """
        path = Path(wanted.name)
        if wanted.pretrained:
            raise InputError(f"{path} has its own weights in it: leave --pretrained out")
        if wanted.options:
            raise InputError(f"{path} takes no options, as {next(iter(wanted.options))!r}: it is built already")
        network, takes = read_exported(path)
        if wanted.weighted and not list(network.parameters()):
            raise InputError(f"{path} has its own weights in it, which nothing can change: leave --weights out")
        channels, *size = takes.shape
        if channels is not None and channels != wanted.channels:
            raise InputError(f"{path} takes images of {channels} channels, and {wanted.channels} are given")
        height, width = (own or asked for own, asked in zip(size, wanted.size or SIZE, strict=True))
        own = height, width
        if wanted.size is not None and own != wanted.size:
            asked = " × ".join(map(str, wanted.size))
            raise InputError(f"{path} takes images of {own[0]} × {own[1]} alone, not {asked}: leave the size out")
        plain = [0.0] * wanted.channels, [1.0] * wanted.channels
        classes = need_classes(wanted)
        classifier = wrap(network, wanted, mean=plain[0], std=plain[1], classes=classes, size=own, origin=ASSUMED)
        if wanted.size is None and None in size:
            classifier.remarks += (assumed_size(classifier),)
        if takes.batch is not None:
            said = (
                f"{path} takes {takes.batch} images at a time: others are passed in such parts, the last one filled up"
            )
            classifier.remarks += (said,)
        return classifier

    def knows_classes(self, *, weighted: bool) -> bool:
        """Never: a file names no classes."""
        return False


def geometry_of(path: Path) -> tuple[tuple[int, int], int] | None:
    """Size and channels of the images that the file's network takes; None where it does not say all of them."""
    channels, height, width = read_exported(path)[1].shape
    return None if channels is None or height is None or width is None else ((height, width), channels)
