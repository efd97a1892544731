"""Networks as files of their own: TorchScript, torch.export's programs, and ONNX."""

from __future__ import annotations

import logging
import warnings
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from ironglass.errors import InputError
from ironglass.models.loading.zoo_builder import need_classes, wrap

if TYPE_CHECKING:
    from ironglass.models.classifier import Classifier
    from ironglass.models.request import Wanted

HOW = "save it by torch.jit.save(torch.jit.script(net)) or torch.export.save, or give file.py:function with --weights"


@dataclass(frozen=True)
class Takes:
    """What a file's network takes; None where any will do."""

    batch: int | None = None
    """The one size of batch."""
    least: int = 1
    """Images of a batch, at least."""
    shape: tuple[int | None, int | None, int | None] = (None, None, None)
    """Channels, height and width."""


def build_exported(wanted: Wanted) -> Classifier:
    """`net.pt` or `.ts` (TorchScript), `net.pt2` (torch.export) or `net.onnx`, which have their weights in them.

    Images are taken to be wanted in [0, 1], as of a bare module. Raises InputError for a file that holds something
    else, such as weights alone, for a program exported in training mode, and where the wanted images do not fit it.
    """
    path = Path(wanted.name)
    if wanted.pretrained:
        raise InputError(f"{path} has its own weights in it: leave --pretrained out")
    if wanted.options:
        raise InputError(f"{path} takes no options, as {next(iter(wanted.options))!r}: it is built already")
    network, takes = _read(path)
    if wanted.weighted and not list(network.parameters()):
        raise InputError(f"{path} has its own weights in it, which nothing can change: leave --weights out")
    channels, *size = takes.shape
    if channels is not None and channels != wanted.channels:
        raise InputError(f"{path} takes images of {channels} channels, and {wanted.channels} are given")
    height, width = (own or asked for own, asked in zip(size, wanted.size or (64, 64), strict=True))
    own = height, width
    if wanted.size is not None and own != wanted.size:
        asked = " × ".join(map(str, wanted.size))
        raise InputError(f"{path} takes images of {own[0]} × {own[1]} alone, not {asked}: leave the size out")
    plain = [0.0] * wanted.channels, [1.0] * wanted.channels
    classifier = wrap(network, wanted, mean=plain[0], std=plain[1], classes=need_classes(wanted), size=own)
    if takes.batch is not None:
        said = f"{path} takes {takes.batch} images at a time: others are passed in such parts, the last one filled up"
        classifier.remarks += (said,)
    return classifier


def geometry_of(path: Path) -> tuple[tuple[int, int], int] | None:
    """Size and channels of the images that the file's network takes; None where it does not say all of them."""
    channels, height, width = _read(path)[1].shape
    return None if channels is None or height is None or width is None else ((height, width), channels)


def _read(path: Path) -> tuple[nn.Module, Takes]:
    if not path.is_file():
        raise InputError(f"there is no model at {path}")
    return {"script": _script, "program": _program, "onnx": _onnx}[_kind(path)](path)


def _kind(path: Path) -> str:
    """What the file holds, by its contents. Raises InputError for what is no network."""
    if path.suffix.lower() == ".onnx":
        return "onnx"
    try:
        with zipfile.ZipFile(path) as archive:
            inner = {name.partition("/")[2] for name in archive.namelist()}
    except (zipfile.BadZipFile, OSError) as error:
        raise InputError(
            f"{path} is no TorchScript and no exported program, or damaged: {error}; weights alone are no network:"
            f" {HOW}"
        ) from error
    if "constants.pkl" in inner:
        return "script"
    if "archive_format" in inner or "models/model.json" in inner:
        return "program"
    raise InputError(f"{path} holds weights or a pickled module, which names code elsewhere, and no network: {HOW}")


def _script(path: Path) -> tuple[nn.Module, Takes]:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # that TorchScript is on its way out is no news of this file
            return torch.jit.load(path, map_location="cpu").eval(), Takes()
    except (RuntimeError, ValueError, OSError) as error:
        raise InputError(f"{path} cannot be read as TorchScript: {_short(error)}") from error


def _program(path: Path) -> tuple[nn.Module, Takes]:
    try:
        # the loader goes by the file's name, which may be any
        with _unheard("torch.export"), path.open("rb") as file:
            program = torch.export.load(file)
        network = program.module()
    except Exception as error:  # of whatever its many parts find in a damaged file
        raise InputError(f"{path} cannot be read as an exported program: {_short(error)}") from error
    names = program.graph_signature.user_inputs
    given = [node.meta["val"] for node in program.graph.nodes if node.op == "placeholder" and node.name in names]
    if len(names) != 1 or len(given) != 1 or not isinstance(given[0], Tensor) or given[0].ndim != 4:
        raise InputError(f"{path} takes {len(names)} inputs {_shapes(given)}: it must take one, images (n, c, h, w)")
    batch, *shape = (side if isinstance(side, int) else None for side in given[0].shape)
    symbol: Any = getattr(getattr(given[0].shape[0], "node", None), "expr", None)
    bounds = program.range_constraints.get(symbol)
    takes = Takes(batch, int(bounds.lower) if bounds is not None else 1, tuple(shape))  # type: ignore[arg-type]
    _check_evaluating(network, given[0], path)
    return Parts(Program(network), takes), takes


def _check_evaluating(network: nn.Module, example: Tensor, path: Path) -> None:
    """Raises InputError for a program that was exported in training mode: it draws, or moves its own buffers."""
    shape = [side if isinstance(side, int) else int(example.shape[place]) if place else 2 for place, side in
             enumerate(example.shape)]  # fmt: skip
    images = torch.rand(shape, generator=torch.Generator().manual_seed(0)).to(example.dtype)
    before = [buffer.clone() for buffer in network.buffers()]
    try:
        with torch.random.fork_rng(devices=[]), torch.no_grad():
            once, again = _tensors(network(images)), _tensors(network(images))
    except Exception as error:  # its guards and kernels
        raise InputError(f"{path} fails on images of {tuple(shape)}: {_short(error)}") from error
    moved = any(not torch.equal(one, other) for one, other in zip(before, network.buffers(), strict=True))
    drawn = any(not torch.equal(one.nan_to_num(), other.nan_to_num()) for one, other in zip(once, again, strict=True))
    if moved or drawn:
        raise InputError(
            f"{path} was exported in training mode: it {'moves its own statistics' if moved else 'draws lots'} in every"
            " pass; call net.eval() before torch.export.export"
        )


def _tensors(found: Any) -> list[Tensor]:
    values = found.values() if isinstance(found, dict) else found if isinstance(found, tuple | list) else (found,)
    return [value for value in values if isinstance(value, Tensor) and value.is_floating_point()]


class Program(nn.Module):
    """An exported program, which knows no modes of its own."""

    def __init__(self, program: nn.Module) -> None:
        super().__init__()
        self.program = program
        for module in program.modules():
            module.training = False

    def train(self, mode: bool = True) -> Program:
        """Changes the flag alone: what was exported in evaluation mode stays so."""
        self.training = mode
        return self

    def forward(self, images: Tensor) -> Any:
        """What the program gives."""
        return self.program(images)


class Parts(nn.Module):
    """A network that takes batches of some sizes only, as one that takes any: in parts, the last filled up."""

    def __init__(self, network: nn.Module, takes: Takes) -> None:
        super().__init__()
        self.network, self.takes = network, takes

    def forward(self, images: Tensor) -> Any:
        """The outputs of all images."""
        n, takes = len(images), self.takes
        if takes.batch is None and n >= takes.least:
            return self.network(images)
        size = takes.batch or takes.least
        found = []
        for part in images.split(size):
            filled = torch.cat((part, part[-1:].expand(size - len(part), *part.shape[1:])))
            found.append(_first(self.network(filled), len(part), size))
        return _joined(found)


def _first(found: Any, count: int, size: int) -> Any:
    """The first rows of every tensor that has one for each image."""
    if isinstance(found, Tensor):
        return found[:count] if found.ndim and len(found) == size else found
    if isinstance(found, dict):
        return {name: _first(value, count, size) for name, value in found.items()}
    return tuple(_first(value, count, size) for value in found) if isinstance(found, tuple | list) else found


def _joined(found: list[Any]) -> Any:
    first = found[0]
    if isinstance(first, Tensor):
        return torch.cat(found) if first.ndim else first
    if isinstance(first, dict):
        return {name: _joined([one[name] for one in found]) for name in first}
    return tuple(_joined(list(ones)) for ones in zip(*found, strict=True)) if isinstance(first, tuple) else first


class Onnx(nn.Module):
    """An ONNX network, run by onnxruntime: a black box, of which there is no gradient and no layer."""

    without_gradient = "an ONNX network gives no gradient"

    def __init__(self, session: Any, dtype: torch.dtype) -> None:
        super().__init__()
        self.session, self.input = session, session.get_inputs()[0].name
        self.outputs = [one.name for one in session.get_outputs()]
        self.register_buffer("precision", torch.zeros((), dtype=dtype), persistent=False)

    def __deepcopy__(self, memo: dict[int, Any]) -> Onnx:
        return self  # it has nothing that could change

    def forward(self, images: Tensor) -> Any:
        """The outputs by their names, or the one that there is."""
        given = images.detach().cpu().contiguous().numpy()
        found = [torch.from_numpy(one).to(images.device) for one in self.session.run(None, {self.input: given})]
        return found[0] if len(found) == 1 else dict(zip(self.outputs, found, strict=True))


ONNX_DTYPES = {"tensor(float)": torch.float32, "tensor(double)": torch.float64, "tensor(float16)": torch.float16}


def _onnx(path: Path) -> tuple[nn.Module, Takes]:
    try:
        import onnxruntime
    except ImportError as error:
        raise InputError("ONNX networks need onnxruntime: pip install 'ironglass[onnx]'") from error
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4
    options.intra_op_num_threads = torch.get_num_threads()
    try:
        session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    except Exception as error:  # onnxruntime's own kinds have no common ancestor but this
        raise InputError(f"{path} cannot be read as ONNX: {_short(error)}") from error
    inputs = session.get_inputs()
    shape = inputs[0].shape if inputs else []
    if len(inputs) != 1 or len(shape) != 4 or inputs[0].type not in ONNX_DTYPES:
        said = ", ".join(f"{one.name}: {one.type} {one.shape}" for one in inputs)
        raise InputError(f"{path} takes {said or 'no input'}: it must take one, float images (n, c, h, w)")
    batch, *rest = (side if isinstance(side, int) and side > 0 else None for side in shape)
    if rest[2] in (1, 3) and rest[0] not in (1, 3, None):
        raise InputError(
            f"{path} takes images (n, h, w, c), {tuple(shape)}: export it with channels first, (n, c, h, w)"
        )
    takes = Takes(batch, 1, (rest[0], rest[1], rest[2]))
    return Parts(Onnx(session, ONNX_DTYPES[inputs[0].type]), takes), takes


@contextmanager
def _unheard(name: str) -> Iterator[None]:
    """Inside, what torch logs of a file that it cannot read is not printed: the error says it."""
    loggers = [one for key, one in logging.root.manager.loggerDict.items() if key.startswith(name)]
    kept = [(one, one.disabled) for one in loggers if isinstance(one, logging.Logger)]
    try:
        for one, _ in kept:
            one.disabled = True
        yield
    finally:
        for one, disabled in kept:
            one.disabled = disabled


def _shapes(given: list[Any]) -> str:
    return ", ".join(str(tuple(one.shape)) for one in given if isinstance(one, Tensor))


def _short(error: BaseException) -> str:
    lines = str(error).strip().splitlines() or [""]
    return f"{type(error).__name__}: {lines[0][:160]}"
