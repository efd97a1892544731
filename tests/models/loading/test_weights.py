"""Checkpoints as training scripts write them, and what misfits."""

import argparse
import collections
import datetime
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import save_file
from torch import nn

from ironglass.errors import InputError
from ironglass.models import Classifier, load_classifier, save_classifier
from ironglass.models.loading.checkpoints.checkpoint import read_checkpoint
from ironglass.models.loading.class_errors import HeadMismatch, UnnamedOutputs
from ironglass.models.loading.weights import load_checkpoint
from ironglass.run import Run

CLASSES = tuple("abcdefghij")
IMAGES = torch.rand(3, 1, 16, 16, generator=torch.Generator().manual_seed(0))
FILE = """
import torch.nn as nn, torch.nn.functional as F
class Net(nn.Module):
    def __init__(self, classes):
        super().__init__()
        self.a, self.bn, self.c = nn.Conv2d(1, 8, 3, padding=1), nn.BatchNorm2d(8), nn.Linear(8, classes)
    def forward(self, x):
        return self.c(F.relu(self.bn(self.a(x))).mean((2, 3)))
class Wrapped(nn.Module):
    def __init__(self, classes, name):
        super().__init__()
        self.name = name
        self.add_module(name, Net(classes))
    def forward(self, x):
        return getattr(self, self.name)(x)
def net(classes): return Net(classes)
"""
State = dict[str, torch.Tensor]


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("code") / "mine.py"
    path.write_text(FILE)
    return path


@pytest.fixture(scope="module")
def before(file: Path) -> Classifier:
    classifier = load_classifier(f"{file}:net", classes=CLASSES, size=16, channels=1, seed=7)
    nn.init.uniform_(classifier.network.bn.running_var)
    return classifier


def load(file: Path, weights: Path, what: str = "net", **options: Any) -> Classifier:
    return load_classifier(f"{file}:{what}", classes=CLASSES, size=16, channels=1, seed=1, weights=weights, **options)


def with_prefix(prefix: str) -> Callable[[State], State]:
    return lambda state: {prefix + name: tensor for name, tensor in state.items()}


def in_middle(state: State) -> State:
    """As of a network of which one part alone was compiled."""
    return {name.replace("a.", "a._orig_mod."): tensor for name, tensor in state.items()}


def lightning(state: State) -> dict[str, Any]:
    loss = {"criterion.weight": torch.ones(10), "train_accuracy.tp": torch.zeros(10)}
    return {"epoch": 3, "state_dict": with_prefix("net._orig_mod.")(state) | loss, "hparams_name": "kwargs",
            "hyper_parameters": argparse.Namespace(lr=0.1), "optimizer_states": [{"state": {0: state}}]}  # fmt: skip


def zeros(state: State) -> State:
    return {name: torch.zeros_like(tensor) for name, tensor in state.items()}


SHAPES: dict[str, Callable[[State], Any]] = {
    "plain": lambda state: state,
    "OrderedDict": collections.OrderedDict,
    **{prefix: with_prefix(prefix) for prefix in (
        "module.", "_orig_mod.", "model.", "network.", "backbone.", "net.", "net._orig_mod.", "_orig_mod.module.",
        "module._orig_mod.", "model.backbone.", "model.net.module._orig_mod.")},
    "compiled in the middle": in_middle,
    **{key: lambda state, key=key: {key: state, "epoch": 3} for key in (
        "state_dict", "model_state_dict", "model", "net", "state_dict_ema", "weights", "network_state")},
    "nested": lambda state: {"model": {"state_dict": with_prefix("module.")(state)}},
    "PyTorch's tutorial": lambda state: {
        "epoch": 1, "model_state_dict": state, "optimizer_state_dict": {"state": {}, "param_groups": []}, "loss": 0.3},
    "an optimiser's tensors": lambda state: {
        "optimizer": {"state": {0: {"exp_avg": torch.zeros(3), "step": torch.tensor(1.0)}}}, "model": state},
    "timm, averaged": lambda state: {
        "state_dict": zeros(state), "state_dict_ema": state, "args": argparse.Namespace(lr=0.1), "metric": 0.5,
        "arch": "resnet18", "version": 2},
    "Lightning": lightning,
    "SWA": lambda state: with_prefix("module.")(state) | {"n_averaged": torch.tensor(5)},
    "SWA, wrapped": lambda state: {"model": with_prefix("module.")(state) | {"n_averaged": torch.tensor(5)}},
    "no num_batches_tracked": lambda state: {name: one for name, one in state.items() if "num_batches" not in name},
    "half": lambda state: {name: one.half() if one.is_floating_point() else one for name, one in state.items()},
    "bfloat16": lambda state: {
        name: one.bfloat16() if one.is_floating_point() else one for name, one in state.items()},
    "double": lambda state: {name: one.double() if one.is_floating_point() else one for name, one in state.items()},
    "parameters": lambda state: {
        name: nn.Parameter(one) if one.is_floating_point() else one for name, one in state.items()},
    "plain values beside": lambda state: {
        "model": state, "best": np.float64(0.9), "history": np.arange(3), "when": datetime.datetime(2026, 1, 1),
        "from": Path("/data/x"), "by_class": collections.defaultdict(int), "tags": {"x"}, "span": range(3)},
    "a history": lambda state: {
        "model": state, "log": collections.defaultdict(list, {"loss": [1.0]}), "last": collections.deque([1, 2], 3)},
    "numbers among the tensors": lambda state: {**state, "epoch": 4},
}  # fmt: skip


@pytest.mark.parametrize("shape", SHAPES)
def test_reads_what_training_scripts_write(shape: str, file: Path, before: Classifier, tmp_path: Path) -> None:
    torch.save(SHAPES[shape](before.network.state_dict()), tmp_path / "w.pt")
    after = load(file, tmp_path / "w.pt")
    rough = 2e-2 if shape in ("half", "bfloat16") else 0
    torch.testing.assert_close(after(IMAGES), before(IMAGES), atol=rough, rtol=0)
    told = {"timm, averaged": "'state_dict_ema' are taken", "Lightning": "2 of its tensors lie outside"}
    assert told.get(shape, "") in " ".join(after.remarks)
    assert bool(after.remarks) == (shape in {*told, "state_dict_ema"})


@pytest.mark.parametrize("name", ["module", "_orig_mod", "model", "network", "backbone", "net"])
@pytest.mark.parametrize("outer", ["", "module.", "_orig_mod.", "net."])
def test_a_network_s_own_part_of_that_name_is_kept(name: str, outer: str, tmp_path: Path) -> None:
    (tmp_path / "one.py").write_text(f"{FILE}\ndef own(classes): return Wrapped(classes, {name!r})\n")
    network = load_classifier(f"{tmp_path / 'one.py'}:own", classes=CLASSES, size=16, channels=1, seed=7).network
    torch.save(with_prefix(outer)(network.state_dict()), tmp_path / "w.pt")
    after = load(tmp_path / "one.py", tmp_path / "w.pt", "own")
    for key, tensor in network.state_dict().items():
        assert torch.equal(after.network.state_dict()[key], tensor)


def test_safetensors_need_no_suffix(file: Path, before: Classifier, tmp_path: Path) -> None:
    save_file(before.network.state_dict(), tmp_path / "weights")
    assert torch.equal(load(file, tmp_path / "weights")(IMAGES), before(IMAGES))


def changed(**changes: Any) -> Callable[[State], State]:
    return lambda state: {name: one for name, one in (state | changes).items() if one is not None}


MISFITS: dict[str, tuple[Callable[[State], Any], list[str]]] = {
    "another network": (with_prefix("layer."), [
        "lacks the tensors 'a.weight', 'a.bias', 'bn.weight' and 5 more (of 9)", "has the tensors 'layer.a.weight'",
        "begin with 'layer'"]),
    "one missing": (changed(**{"c.bias": None}), ["lacks the tensor 'c.bias'"]),
    "one too many": (changed(extra=torch.zeros(1)), ["has the tensor 'extra', which the network lacks"]),
    "a shape": (
        changed(**{"a.weight": torch.zeros(8, 3, 3, 3)}), ["'a.weight' has shape (8, 3, 3, 3)", "(8, 1, 3, 3)"]),
    "all three": (
        changed(**{"c.bias": None, "extra": torch.zeros(1), "a.bias": torch.zeros(9)}),
        ["lacks the tensor 'c.bias'", "has the tensor 'extra'", "'a.bias' has shape (9,)"]),
    "another head": (
        changed(**{"c.weight": torch.zeros(7, 8), "c.bias": torch.zeros(7)}), ["7 outputs", "10 classes are named"]),
    "nan": (changed(**{"a.bias": torch.full((8,), torch.nan)}), ["'a.bias' holds NaN or infinity"]),
    "too large for float32": (
        changed(**{"a.bias": torch.full((8,), 1e300, dtype=torch.float64)}), ["'a.bias'", "infinite"]),
    "sparse": (lambda state: changed(**{"c.weight": state["c.weight"].to_sparse()})(state), ["'c.weight'", "sparse"]),
    "sparse rows": (lambda state: changed(**{"c.weight": state["c.weight"].to_sparse_csr()})(state), ["sparse"]),
    "meta": (lambda state: {name: one.to("meta") for name, one in state.items()}, ["'meta'"]),
    "int8": (lambda state: {name: one.to(torch.int8) for name, one in state.items()}, ["int8", "float network"]),
    "bool": (changed(**{"a.bias": torch.ones(8, dtype=torch.bool)}), ["'a.bias' is bool"]),
    "complex": (changed(**{"a.bias": torch.ones(8, dtype=torch.complex64)}), ["complex"]),
    "integer keys": (lambda state: dict(enumerate(state.values())), ["no state dict"]),
    "a list": (lambda state: list(state.values()), ["no state dict"]),
    "nothing": (lambda state: {}, ["no state dict"]),
    "only an optimiser": (lambda state: {"optimizer": {"state": {0: {"exp_avg": state["c.bias"]}}}}, ["no state dict"]),
}  # fmt: skip


@pytest.mark.filterwarnings("ignore:.*CSR.*")
@pytest.mark.parametrize("case", MISFITS)
def test_what_misfits_is_named(case: str, file: Path, before: Classifier, tmp_path: Path) -> None:
    made, says = MISFITS[case]
    torch.save(made(before.network.state_dict()), tmp_path / "w.pt")
    with pytest.raises(InputError) as raised:
        load(file, tmp_path / "w.pt")
    assert all(words in str(raised.value) for words in says), raised.value
    assert "give classes" not in str(raised.value)
    assert "\n" not in str(raised.value)


@pytest.mark.filterwarnings("ignore")
def test_quantised_tensors_are_refused(file: Path, before: Classifier, tmp_path: Path) -> None:
    state = dict(before.network.state_dict())
    state["c.weight"] = torch.quantize_per_tensor(state["c.weight"], 0.1, 0, torch.qint8)
    torch.save(state, tmp_path / "w.pt")
    with pytest.raises(InputError, match="quantised"):
        load(file, tmp_path / "w.pt")


def script(path: Path) -> None:
    torch.jit.trace(nn.Flatten(), torch.zeros(1, 3)).save(str(path))


def export(path: Path) -> None:
    torch.export.save(torch.export.export(nn.Flatten(), (torch.zeros(1, 3),)), path)


def zip_of(path: Path, name: str) -> None:
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr(name, "")


OTHERS: dict[str, tuple[Callable[[Path], Any], str]] = {
    "a module": (lambda path: torch.save(nn.Linear(2, 2), path), "pickled torch.nn.modules.linear.Linear"),
    "TorchScript": (script, "TorchScript archive.*name it as the model"),
    "torch.export": (export, "torch.export.*name it as the model"),
    "NumPy's archive": (lambda path: zip_of(path, "a.npy"), "zip archive without"),
    "text": (lambda path: path.write_text("hello"), "not a readable checkpoint|refused"),
    "empty": (lambda path: path.write_bytes(b""), "not a readable checkpoint"),
    "Keras": (lambda path: path.write_bytes(b"\x89HDF\r\n\x1a\n" + bytes(100)), "HDF5"),
    "a folder": (lambda path: path.mkdir(), "no file"),
    "half a file": (
        lambda path: [torch.save({"a": torch.zeros(999)}, path), path.write_bytes(path.read_bytes()[:2000])],
        "not a readable"),
}  # fmt: skip


@pytest.mark.filterwarnings("ignore::FutureWarning", "ignore::DeprecationWarning")
@pytest.mark.parametrize("case", OTHERS)
def test_files_that_are_no_checkpoint_are_called_what_they_are(case: str, tmp_path: Path) -> None:
    write, says = OTHERS[case]
    write(tmp_path / "w.pt")
    with pytest.raises(InputError, match=says) as raised:
        read_checkpoint(tmp_path / "w.pt")
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize("name", ["timm/resnet10t", "torchvision/squeezenet1_1", "torchvision/shufflenet_v2_x0_5"])
def test_a_fine_tuned_head_is_for_as_many_classes_as_are_named(name: str, tmp_path: Path) -> None:
    tuned = load_classifier(name, classes=CLASSES[:5], size=32, seed=3)
    torch.save(with_prefix("module.")(tuned.network.state_dict()), tmp_path / "w.pt")
    images = torch.rand(2, 3, 32, 32)
    same = load_classifier(name, classes=CLASSES[:5], size=32, weights=tmp_path / "w.pt")
    torch.testing.assert_close(same(images), tuned(images))
    with pytest.raises(HeadMismatch, match=r"5 outputs, and 4 classes are named \(a, b, c, \.\.\.\)"):
        load_classifier(name, classes=CLASSES[:4], size=32, weights=tmp_path / "w.pt")
    with pytest.raises(UnnamedOutputs, match="--classes") as raised:
        load_classifier(name, size=32, weights=tmp_path / "w.pt")
    assert raised.value.outputs == 5


def test_weights_of_a_run_folder_bring_what_stands_beside_them(file: Path, before: Classifier, tmp_path: Path) -> None:
    turned = load_classifier(f"{file}:net", classes=CLASSES[::-1], size=12, channels=1, mean=0.25, std=0.5, seed=3)
    save_classifier(turned, tmp_path)
    after = load_classifier(f"{file}:net", weights=tmp_path / "model.safetensors")
    assert (after.classes, after.input_size, after.normalisation) == (CLASSES[::-1], (12, 12), "model's configuration")
    assert torch.equal(after(IMAGES), turned(IMAGES))
    with pytest.raises(InputError, match="may not choose code to run"):
        load_classifier(str(tmp_path))


@pytest.mark.parametrize("byte", [-1, -400])
def test_weights_of_a_run_that_were_changed_are_refused(tmp_path: Path, byte: int) -> None:
    run = Run.create(tmp_path / "run", {"name": "run"})
    save_classifier(load_classifier("logistic", classes=CLASSES, size=12, channels=1), run.path)
    load_classifier(str(run.path))
    whole = bytearray((run.path / "model.safetensors").read_bytes())
    whole[byte] ^= 1
    (run.path / "model.safetensors").write_bytes(whole)
    for given in ((str(run.path), None), ("logistic", run.path / "model.safetensors")):
        with pytest.raises(InputError, match=r"model\.safetensors is not as it was written"):
            load_classifier(given[0], weights=given[1], classes=CLASSES, size=12, channels=1)
    run.checksums.path.unlink()
    load_classifier(str(run.path))


@pytest.mark.parametrize("names", [("teacher", "student"), ("best", "last"), ("generator", "classifier")])
def test_sets_of_weights_that_fit_alike_are_not_chosen_from(tmp_path, names):
    network = torch.nn.Linear(3, 2)
    states = [{name: tensor + place for name, tensor in network.state_dict().items()} for place in range(2)]
    before = network.weight.clone()
    torch.save(dict(zip(names, states, strict=True)), tmp_path / "both.pt")
    with pytest.raises(InputError, match=f"several sets of weights that fit, '{names[0]}', '{names[1]}'"):
        load_checkpoint(network, read_checkpoint(tmp_path / "both.pt"))
    assert torch.equal(network.weight, before)
    torch.save(dict.fromkeys(names, states[1]), tmp_path / "same.pt")
    load_checkpoint(network, read_checkpoint(tmp_path / "same.pt"))
    assert torch.equal(network.weight, states[1]["weight"])
