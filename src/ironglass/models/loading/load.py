"""Classifiers by name."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch

from ironglass.choices import did_you_mean
from ironglass.errors import InputError
from ironglass.fields import check_seed, expect
from ironglass.models.classifier import Classifier, frozen
from ironglass.models.loading import hub, hugging_face, python_file, zoo_builder
from ironglass.models.loading.checkpoint import Checkpoint, read_checkpoint
from ironglass.models.loading.configuration import check_fetched, configuration_beside, read_configuration, read_json
from ironglass.models.loading.exported import build_exported, geometry_of
from ironglass.models.loading.fresh import mark_fresh
from ironglass.models.loading.native import is_code, is_exported, knows_classes
from ironglass.models.loading.ready import made_ready
from ironglass.models.loading.weights import HeadMismatch, UnnamedOutputs, load_checkpoint
from ironglass.models.normalisation import ASSUMED, GIVEN, stated
from ironglass.models.request import Wanted

FORMS = (
    f"{', '.join(zoo_builder.NETWORKS)}, timm/NAME, torchvision/NAME, hf-hub:ID, local-dir:PATH, file.py:function, "
    "net.pt2, net.onnx, or a run folder"
)


def load_classifier(
    name: str | Path,
    *,
    classes: Sequence[str] | None = None,
    size: int | tuple[int, int] | None = None,
    channels: int = 3,
    pretrained: bool = False,
    weights: str | Path | None = None,
    mean: float | Sequence[float] | None = None,
    std: float | Sequence[float] | None = None,
    normalise: str | None = None,
    seed: int = 0,
    **options: Any,
) -> Classifier:
    """A classifier by name: one of `zoo_builder.NETWORKS`, timm/NAME, torchvision/NAME, hf-hub:ID, local-dir:PATH,
    file.py:function, net.pt2, net.onnx, or a run folder.

    classes: the class names of a fresh head, or the names of a bare module's outputs in their order; where weights are
    loaded and this is left out, the weights' own. size: height and width of the images in pixels; else the source's
    own. pretrained: load the source's published weights (the one case in which timm and torchvision names fetch from
    the network). weights: a local checkpoint for the network. mean, std: what images in [0, 1] are normalised by, a
    number a channel or one for all; normalise: imagenet, half ([-1, 1]) or none in their place; where neither is given,
    the source's own (`Classifier.normalisation` says whose). seed: of fresh weights; the caller's random state is left
    as it is. options: for the network's builder.

    What was chosen or assumed on the way stands in `Classifier.remarks`. Raises InputError for an unknown name, a wrong
    option, weights that do not fit, or outputs that are no logits of the classes: see `made_ready`.
    """
    expect(name, str | Path, "model", f"a name or a path: {FORMS}")
    name = str(name)
    wanted = Wanted(
        name=name,
        classes=_checked_classes(classes),
        size=_checked_size(size),
        channels=channels,
        pretrained=pretrained,
        weighted=pretrained or weights is not None,
        options=options,
    )
    with torch.random.fork_rng():
        torch.manual_seed(check_seed(seed))
        classifier = find_builder(name)(wanted) if weights is None else _with_weights(wanted, Path(weights))
        if asked := stated(mean, std, normalise, classifier.channels):
            classifier.normalise(*asked, GIVEN)
        if wanted.size and classifier.input_size != wanted.size:
            resize(classifier, wanted.size)
        ready = made_ready(classifier)
        if not wanted.weighted and not knows_classes(name, weighted=False):
            mark_fresh(ready, name)
        return ready


def own_geometry(
    name: str, classes: tuple[str, ...] | None, options: dict[str, Any], seed: int
) -> tuple[tuple[int, int], int] | None:
    """Size and channels of the Classifier that a file of the user's own gives; None where it gives a bare module, to
    which images of any size may belong, and of an exported network what it says that it takes. Raises
    `zoo_builder.NeedsClasses` where it must be told the classes to say so."""
    if is_exported(name):
        return geometry_of(Path(name))
    wanted = Wanted(
        name=name, classes=classes, size=None, channels=3, pretrained=False, weighted=False, options=dict(options)
    )
    for field in ("mean", "std"):
        wanted.options.pop(field, None)
    with torch.random.fork_rng():
        torch.manual_seed(check_seed(seed))
        classifier = find_builder(name)(wanted)
    return None if classifier.normalisation == ASSUMED else (classifier.input_size, classifier.channels)


def load_saved(folder: Path, named: str, **options: Any) -> Classifier:
    """A classifier that `save_classifier` wrote into the folder; `named`, `options`: how the user called its model.

    A folder chooses no code to run: where the user named a Python file, that name is what builds the network.
    """
    if named.lower().endswith(".onnx"):  # whose weights nothing changes
        return load_classifier(named, **options)
    if is_code(named):
        return load_classifier(named, weights=folder / "model.safetensors", **options)
    return load_classifier(str(folder))


def _checked_classes(classes: Any) -> tuple[str, ...] | None:
    if classes is None:
        return None
    if (
        not isinstance(classes, Sequence)
        or isinstance(classes, str)
        or not all(isinstance(one, str) for one in classes)
    ):
        raise InputError(f"classes is {classes!r}: give a list of names, one an output of the network, in their order")
    return tuple(classes)


def _checked_size(size: Any) -> tuple[int, int] | None:
    if size is None:
        return None
    both = (size, size) if isinstance(size, int) else tuple(size)
    if len(both) != 2 or not all(isinstance(side, int) and 1 <= side <= 4096 for side in both):
        raise InputError(f"size is {size!r}: give 1 to 4096 pixels, or height and width")
    return both


def resize(classifier: Classifier, size: tuple[int, int]) -> None:
    """Sets the size of image that the classifier is given. Raises InputError for a network that takes its own alone."""
    before, classifier.input_size = classifier.input_size, size
    try:
        with frozen(classifier), torch.no_grad():
            classifier(torch.zeros(1, classifier.channels, *size, device=classifier.device))
    except Exception as error:  # a stranger's network may raise anything
        classifier.input_size = before
        own, asked = (f"{height} × {width}" for height, width in (before, size))
        raise InputError(
            f"{classifier.source or 'the network'} takes images of {own} and not of {asked}: leave the size out"
            f" ({type(error).__name__}: {error})"
        ) from error


def _with_weights(wanted: Wanted, path: Path) -> Classifier:
    """The network with a local checkpoint, whose head may be for the classes wanted or for the source's own."""
    checkpoint = read_checkpoint(path)
    known = configuration_beside(path)
    if known is not None:  # the file lies in a folder that `save_classifier` wrote
        classes, size = wanted.classes or known.classes, wanted.size or known.size
        wanted = replace(wanted, classes=classes, size=size, channels=known.channels)
    try:
        classifier = find_builder(wanted.name)(wanted)
        remarks = load_checkpoint(classifier.network, checkpoint)
    except HeadMismatch as mismatch:
        classifier, remarks = _with_other_head(wanted, checkpoint, mismatch)
    if known is not None and len(known.mean) == classifier.channels:
        classifier.normalise(known.mean, known.std, known.origin)
    classifier.remarks += remarks
    return classifier


def _with_other_head(
    wanted: Wanted, checkpoint: Checkpoint, mismatch: HeadMismatch
) -> tuple[Classifier, tuple[str, ...]]:
    """The network with weights for the source's own classes, under a fresh head for those wanted.

    Raises InputError, naming both numbers, where the weights are for neither.
    """
    said = f"{checkpoint.path} has a last layer of {mismatch.outputs} outputs"
    how = "name the classes of its outputs, in their order, with --classes (from Python classes=)"
    if wanted.classes is None:
        raise UnnamedOutputs(f"{said}, and {wanted.name} names other classes: {how}", mismatch.outputs) from mismatch
    count = len(wanted.classes)
    both = f"{said}, and {count} classes are named ({', '.join(wanted.classes[:3])}{', ...' if count > 3 else ''})"
    if wanted.name in zoo_builder.NETWORKS or not knows_classes(wanted.name, weighted=True):
        raise HeadMismatch(f"{both}: {how}", mismatch.outputs) from mismatch
    classifier = find_builder(wanted.name)(replace(wanted, classes=None))
    try:
        remarks = load_checkpoint(classifier.network, checkpoint)
    except HeadMismatch as error:
        raise HeadMismatch(f"{both}: {how}", mismatch.outputs) from error
    fresh = f"the last layer is fresh, for {count} classes: the weights of {checkpoint.path} are for the source's own"
    return zoo_builder.with_new_head(classifier, wanted.classes), (*remarks, fresh)


def find_builder(name: str) -> Callable[[Wanted], Classifier]:
    """What builds the named model. Raises InputError for a name of no known form; nothing is built or fetched yet."""
    if name in zoo_builder.NETWORKS:
        return zoo_builder.build
    if name.startswith("timm/"):
        return hub.build_timm
    if name.startswith("torchvision/"):
        return hub.build_torchvision
    if name.startswith("transformers/"):
        return hugging_face.build_saved
    if name.startswith("hf-hub:"):
        return _from_hub
    if name.startswith("local-dir:") or (Path(name) / "config.json").is_file():
        return _from_folder
    if is_exported(name):
        return build_exported
    if Path(name).is_dir():
        raise InputError(f"{name} holds no config.json, so it is not a run or model folder")
    if ".py:" in name or name.endswith(".py"):
        return python_file.build_from_file
    raise InputError(f"unknown model {name!r}{did_you_mean(name, _names(name))}: give {FORMS}")


def _names(name: str) -> list[str]:
    """Whatever could have been meant by a name without a prefix: our networks, torchvision's and timm's."""
    import timm
    from torchvision import models

    if not name or len(name) > 60:
        return []
    theirs = [f"torchvision/{one}" for one in models.list_models(module=models)]
    return [*zoo_builder.NETWORKS, *theirs, *(f"timm/{one}" for one in timm.list_models())]


def _from_hub(wanted: Wanted) -> Classifier:
    """`hf-hub:ID`: a model of timm's or transformers' on the hub, fetched with its weights."""
    folder = hub.fetch(wanted.name, ("config.json",))
    config = read_json(folder / "config.json")
    if not hugging_face.is_transformers(config):
        check_fetched(config, folder / "config.json")
        return hub.build_hf_hub(wanted)
    needed = ("config.json", "preprocessor_config.json", "*.safetensors", "*.safetensors.index.json")
    folder = hub.fetch(wanted.name, needed)
    if not any(folder.glob("*.safetensors")):
        folder = hub.fetch(wanted.name, (*needed, "pytorch_model*.bin", "pytorch_model.bin.index.json"))
    return hugging_face.build_folder(wanted, folder, config)


def _from_folder(wanted: Wanted) -> Classifier:
    """A folder that `save_classifier`, timm or transformers wrote."""
    folder = Path(wanted.name.removeprefix("local-dir:"))
    if hugging_face.is_transformers(config := read_json(folder / "config.json")):
        return hugging_face.build_folder(wanted, folder, config)
    known = read_configuration(folder)
    files = [folder / file for file in ("model.safetensors", "pytorch_model.bin") if (folder / file).is_file()]
    if not files:
        raise InputError(f"{folder} holds no model.safetensors: its training has not finished its first epoch")
    if not known.source or is_code(known.source):
        built = known.source or "a module of your own"
        raise InputError(
            f"{folder} holds the weights of {built}, and a folder may not choose code to run: name file.py:function"
            f" yourself, with --weights {files[0]}"
        )
    if known.source not in zoo_builder.NETWORKS and not known.source.startswith(hub.SOURCES):
        raise InputError(
            f"{folder / 'config.json'} names the model {known.source!r}, which a folder may not choose: only a network"
            " of ours or of timm's, torchvision's or transformers'"
        )
    checkpoint = read_checkpoint(files[0])
    count = len(known.classes)
    rows = {tensor.shape[0] for state in checkpoint.states.values() for tensor in state.values() if tensor.ndim}
    if count > 2 and count not in rows:  # before a network of that many outputs is built
        raise InputError(f"{folder / 'config.json'} names {count:,} classes, and no tensor of {files[0]} has as many")
    fresh = replace(
        wanted,
        name=known.source,
        classes=known.classes,
        size=known.size,
        channels=known.channels,
        pretrained=False,
        weighted=True,
        options=known.options | wanted.options,
    )
    try:
        classifier = find_builder(known.source)(fresh)
    except InputError as error:
        raise InputError(f"{folder / 'config.json'}: {error}") from error
    remarks = load_checkpoint(classifier.network, checkpoint)
    classifier = zoo_builder.wrap(
        classifier.network, fresh, mean=known.mean, std=known.std, classes=known.classes, size=known.size
    )
    classifier.normalisation, classifier.remarks = known.origin, remarks
    if wanted.classes is not None and wanted.classes != classifier.classes:
        return zoo_builder.with_new_head(classifier, wanted.classes)
    return classifier
