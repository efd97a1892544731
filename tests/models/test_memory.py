"""Memory that runs out halves the passes and changes no result, or ends in one line that says how much it was."""

import multiprocessing
import resource
import sys
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

import ironglass as ig
from ironglass.attacks import find_attack
from ironglass.attacks.parts.threat import Linf
from ironglass.data.dataset import Split
from ironglass.errors import InputError
from ironglass.explain import EXPLAINERS, explain
from ironglass.measure.corruption import corruption_accuracy
from ironglass.measure.robustness.attack import fgsm_curve
from ironglass.models.classifier import Classifier
from ironglass.models.memory import in_parts, in_room, is_out_of_memory, requested_memory
from ironglass.models.predict import logits_of

ERRORS = {
    "cuda": lambda: torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 20.00 GiB. GPU 0 has a total"),
    "cpu": lambda: RuntimeError(
        "[enforce fail at alloc_cpu.cpp:118] err == 0. DefaultCPUAllocator: can't allocate memory: you tried to "
        "allocate 3221225472 bytes. Error code 12 (Cannot allocate memory)"
    ),
    "windows": lambda: RuntimeError("DefaultCPUAllocator: not enough memory: you tried to allocate 2048 bytes."),
    "numpy": lambda: np._core._exceptions._ArrayMemoryError((1024, 1024, 1024), np.dtype("f8")),  # type: ignore[attr-defined]
    "python": MemoryError,
}


class Greedy(nn.Module):
    """A small network that has room for `room` images a pass, forwards or, with `backward`, backwards only."""

    def __init__(self, room: int | None, error: str = "cuda", *, backward: bool = False) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.body = nn.Sequential(
            nn.Conv2d(3, 6, 3, padding=1), nn.ReLU(), nn.AvgPool2d(2), nn.Flatten(), nn.Linear(96, 4)
        )
        head = self.body[4]
        assert isinstance(head, nn.Linear)
        nn.init.normal_(head.weight, std=0.5)
        self.room, self.error, self.late, self.largest = room, error, backward, 0

    def forward(self, x: Tensor) -> Tensor:
        if self.late and x.requires_grad:
            x.register_hook(lambda _: self._ask(len(x)))
        else:
            self._ask(len(x))
        return self.body(x)

    def _ask(self, n: int) -> None:
        if self.room is not None and n > self.room:
            raise ERRORS[self.error]()
        self.largest = max(self.largest, n)


def wrapped(network: nn.Module) -> Classifier:
    return Classifier(network.eval(), mean=(0.5,) * 3, std=(0.25,) * 3, classes=list("abcd"), input_size=8)


random = np.random.default_rng(0)
PIXELS = random.integers(0, 256, (37, 8, 8, 3), np.uint8)
with torch.no_grad():
    LABELS = wrapped(Greedy(None))(torch.from_numpy(PIXELS).permute(0, 3, 1, 2).float() / 255).argmax(1).numpy()
SPLIT = Split(PIXELS, LABELS)
IMAGES, TARGETS = SPLIT[:20]
NAMES = [
    "fgsm",
    "noise",
    "pgd-5",
    "mi-fgsm",
    "apgd-ce",
    "apgd-t",
    "fab",
    "square",
    "deepfool",
    "carlini-wagner",
    "ensemble",
]


def short(name: str):
    """The attack, brief."""
    from dataclasses import fields, replace

    found = find_attack(name)
    brief = {"steps": 4, "queries": 30, "restarts": 2, "search_steps": 2}
    own = {field.name for field in fields(found)}
    return replace(found, threat=Linf(0.05), **{key: value for key, value in brief.items() if key in own})


@pytest.mark.parametrize("error", ERRORS)
def test_each_error_is_known_and_says_how_much(error):
    found = ERRORS[error]()
    assert is_out_of_memory(found)
    said = {"cuda": "20.00 GiB", "cpu": "3 GiB", "windows": "2 KiB", "numpy": "8.00 GiB", "python": ""}[error]
    assert requested_memory(found) == (f" ({said} were asked for)" if said else "")


@pytest.mark.parametrize("error", ERRORS)
@pytest.mark.parametrize("room", [1, 5, 16])
def test_evaluation_is_the_same_in_smaller_passes(error, room):
    network = Greedy(room, error)
    classifier = wrapped(network)
    numbers, logits = ig.evaluate(classifier, SPLIT)
    wanted, exact = ig.evaluate(wrapped(Greedy(None)), SPLIT)
    torch.testing.assert_close(logits, exact, atol=1e-5, rtol=1e-5)
    assert numbers["accuracy"] == wanted["accuracy"]
    assert 0 < network.largest <= room
    torch.testing.assert_close(logits_of(classifier, SPLIT, batch_size=10), exact, atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("late", [False, True], ids=["forward", "backward"])
@pytest.mark.parametrize("name", NAMES)
def test_attacks_draw_the_same(name, late):
    attack = short(name)
    drawn = torch.Generator().manual_seed(3)
    wanted = attack(wrapped(Greedy(None)), IMAGES, TARGETS, generator=drawn)
    for room in (3, 7):
        network, generator = Greedy(room, "cpu", backward=late), torch.Generator().manual_seed(3)
        found = attack(wrapped(network), IMAGES, TARGETS, generator=generator)
        apart = (found - wanted).abs().amax((1, 2, 3))
        assert (apart < 1e-4).double().mean() >= 0.9  # float noise turns a sign here and there
        assert torch.equal(generator.get_state(), drawn.get_state())
        assert (found - IMAGES).abs().max() <= 0.05 + 1e-6


@pytest.mark.parametrize("late", [False, True], ids=["forward", "backward"])
@pytest.mark.parametrize("name", sorted(name for name in EXPLAINERS if "attention" not in name))
def test_explanations_are_the_same(name, late):
    fields = {
        "smooth-grad": {"samples": 3},
        "integrated-gradients": {"steps": 4},
        "occlusion": {"patch": 4, "stride": 2},
        "expected-gradients": {"samples": 4},
        "rise": {"budget": 20},
        "kernel-shap": {"budget": 20, "segments": 4},
    }
    options: Any = fields.get(name, {})
    expected: Any = explain(wrapped(Greedy(None)), IMAGES, TARGETS, name, **options)
    maps: Any = explain(wrapped(Greedy(4, backward=late)), IMAGES, TARGETS, name, **options)
    pairs = [(maps[key], expected[key]) for key in expected] if isinstance(expected, dict) else [(maps, expected)]
    for chunked, exact in pairs:
        assert chunked.shape == exact.shape
        torch.testing.assert_close(chunked, exact, atol=1e-4, rtol=1e-3)


def test_measures_are_the_same():
    for measure in (
        lambda one: fgsm_curve(one, SPLIT, (0.02,)).numbers["points"],
        lambda one: corruption_accuracy(one, SPLIT, ("contrast",))["mean"],
        lambda one: ig.attack(one, IMAGES, TARGETS, "pgd-3").fooled.tolist(),
    ):
        assert measure(wrapped(Greedy(6))) == measure(wrapped(Greedy(None)))


def test_no_room_for_one_image_is_one_line():
    for run in (
        lambda one: ig.evaluate(one, SPLIT),
        lambda one: short("pgd-5")(one, IMAGES, TARGETS),
        lambda one: explain(one, IMAGES, TARGETS, "saliency"),
        lambda one: explain(one, IMAGES, TARGETS, "grad-cam"),
    ):
        with pytest.raises((InputError, torch.OutOfMemoryError)) as error:
            run(wrapped(Greedy(0)))
        assert "20.00 GiB" in str(error.value)
        if isinstance(error.value, InputError):
            assert "single image (20.00 GiB were asked for)" in str(error.value)


def test_other_errors_pass_through():
    def broken(_: slice) -> int:
        raise RuntimeError("a fault of our own")

    with pytest.raises(RuntimeError, match="our own"):
        list(in_parts(broken, 5))
    with pytest.raises(RuntimeError, match="our own"):
        in_room(nn.Identity(), 5, lambda: broken(slice(0)))


def test_parts_cover_all_in_order():
    calls: list[tuple[int, int]] = []

    def compute(part: slice) -> list[int]:
        if part.stop - part.start > 3:
            raise MemoryError
        calls.append((part.start, part.stop))
        return list(range(part.start, part.stop))

    found = [row for part in in_parts(compute, 10) for row in part]
    assert found == list(range(10))
    assert all(stop - start <= 3 for start, stop in calls)
    assert list(in_parts(compute, 0)) == []


def _limited(spare: int, side: int, answer) -> None:
    """In a forked child: evaluation with so many bytes of address space beyond what is there."""
    torch.set_num_threads(1)
    classifier = wrapped(nn.Sequential(nn.Conv2d(3, 512, 3, padding=1), nn.AdaptiveAvgPool2d(1), nn.Flatten(),
                                       nn.Linear(512, 4)))  # fmt: skip
    n = 256 if side < 100 else 2
    split = Split(np.zeros((n, side, side, 3), np.uint8), np.zeros(n, np.int64))
    with open("/proc/self/statm") as file:  # noqa: PTH123
        used = int(file.read().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (used + spare, used + spare))
    try:
        _, logits = ig.evaluate(classifier, split)
        answer.put(("done", tuple(logits.shape)))
    except InputError as error:
        answer.put(("refused", str(error)))
    except BaseException as error:
        answer.put((type(error).__name__, str(error)))


@pytest.mark.skipif(sys.platform != "linux", reason="a limit of address space, as Linux keeps it")
@pytest.mark.parametrize(
    ("spare", "side", "ends"), [(2**28, 32, "done"), (2**28, 1024, "refused")], ids=["some", "one"]
)
def test_a_real_limit(spare, side, ends):
    context = multiprocessing.get_context("fork")
    answer = context.SimpleQueue()
    child = context.Process(target=_limited, args=(spare, side, answer))
    child.start()
    child.join(120)
    assert child.exitcode == 0
    kind, said = answer.get()
    assert kind == ends, said
    assert kind == "done" or "were asked for" in said
