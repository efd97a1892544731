"""The shapes of a run folder's JSON, as far as a page would show nonsense for another; most keys may be absent."""

from __future__ import annotations

from typing import Annotated, Any, Required

from pydantic import AfterValidator, Field, TypeAdapter
from typing_extensions import TypedDict

EDGE = 1e-6  # intervals are rounded

Count = Annotated[int, Field(ge=0, le=10**15)]
Share = Annotated[float, Field(ge=-EDGE, le=1 + EDGE)]
Amount = Annotated[float, Field(ge=0, le=1e15)]
Names = list[str]


class Interval(TypedDict, total=False):
    """A mean, or None where there was nothing to average."""

    value: Required[float]
    low: Required[float]
    high: Required[float]
    n: Required[Count]


class Rate(TypedDict, total=False):
    """A share of n images."""

    value: Required[Share]
    low: Required[Share]
    high: Required[Share]
    n: Required[Count]


def _ordered(found: Any) -> Any:
    if not found["low"] - EDGE <= found["value"] <= found["high"] + EDGE:
        raise ValueError("the value does not lie within its interval")
    return found


ARate = Annotated[Rate, AfterValidator(_ordered)]
AMean = Annotated[Interval, AfterValidator(_ordered)] | None


class Verdict(TypedDict, total=False):
    """Whether a number can be trusted."""

    word: Required[str]
    reasons: Required[Names]


class Point(TypedDict, total=False):
    """A number at one eps."""

    eps: Required[Amount]
    accuracy: Required[ARate]
    png_accuracy: ARate | None
    fooled: ARate | None
    verdict: Verdict | None
    folder: str


class Attack(TypedDict, total=False):
    """One attack's row."""

    name: Required[str]
    label: Required[str]
    settings: dict[str, Any]
    points: Required[list[Point]]


class Attacks(TypedDict, total=False):
    """`attacks` of results.json."""

    norm: Required[str]
    n: Count
    split: str
    clean: Required[ARate]
    eps: Required[list[Amount]]
    attacks: Required[Annotated[list[Attack], Field(min_length=1)]]
    worst: Required[list[Point]]
    probes: list[dict[str, Any]]


class Evaluation(TypedDict, total=False):
    """`evaluation`."""

    split: str
    accuracy: Required[ARate]
    loss: float | None
    confusion: list[list[Count]]
    per_class: list[dict[str, Any]]
    macro_f1: Share | None
    report: str


class Fgsm(TypedDict, total=False):
    """`fgsm`."""

    norm: str
    n: Count
    points: Required[list[Point]]
    verdict: Verdict | None


class Training(TypedDict, total=False):
    """`training`."""

    seconds: Amount
    epochs: Count
    best_epoch: Count | None
    stages: list[dict[str, Any]]
    skipped: Count
    rollbacks: list[dict[str, Any]]
    micro_batch: Count | None
    alarms: list[dict[str, Any]]


class Model(TypedDict, total=False):
    """`model`."""

    name: str
    parameters: Count
    trainable: Count
    multiply_adds: Annotated[float, Field(ge=0)] | None
    input_size: list[Count]
    channels: Count


class Mask(TypedDict, total=False):
    """A fill of the patch."""

    name: Required[str]
    mean: Required[AMean]
    worst: Required[ARate]


class Occlusion(TypedDict, total=False):
    """`occlusion`."""

    patch: Count
    stride: Count
    n: Count
    clean: ARate
    masks: Required[list[Mask]]


class Layer(TypedDict, total=False):
    """One layer's row."""

    name: Required[str]
    shape: list[Count]
    concentration: AMean
    positive: ARate | None
    agreement: AMean
    probe: ARate | None
    without_layout: ARate | None
    without_layer: ARate | None
    note: str


class Layers(TypedDict, total=False):
    """`layers`."""

    clean: ARate
    chance: Share
    layers: Required[list[Layer]]


class Corruption(TypedDict, total=False):
    """One corruption's row."""

    name: Required[str]
    label: str
    points: list[dict[str, Any]]
    mean: AMean


class Corruptions(TypedDict, total=False):
    """`corruptions`."""

    clean: ARate
    severities: list[Count]
    corruptions: Required[list[Corruption]]
    mean: AMean


class Results(TypedDict, total=False):
    """results.json; entries of studies are objects, and drawn with care."""

    model: Model
    training: Training
    evaluation: Evaluation
    layers: Layers
    occlusion: Occlusion
    exhaustive: dict[str, Any]
    corruptions: Corruptions
    fgsm: Fgsm
    attacks: Attacks
    linear: dict[str, Any]
    explanations: dict[str, Any]
    hardening: dict[str, Any]
    comparison: dict[str, Any]
    transferred: dict[str, Any]
    transfer: dict[str, Any]
    sweep: dict[str, Any]
    quality: dict[str, Any]
    shortcuts: dict[str, Any]
    evidence: dict[str, Any]


class SplitFacts(TypedDict, total=False):
    """One split."""

    images: Count
    per_class: list[Count]


class Data(TypedDict, total=False):
    """data.json."""

    name: str
    fingerprint: str
    size: list[Count]
    channels: Count
    classes: Names
    words: dict[str, str]
    splits: dict[str, SplitFacts]
    quarantined: list[dict[str, Any]]
    notes: Names


class Recipe(TypedDict, total=False):
    """recipe.json."""

    name: str
    description: str
    dataset: str
    model: str
    explained: dict[str, Any]
    stages: list[dict[str, Any]]


class Environment(TypedDict, total=False):
    """environment.json."""

    versions: dict[str, str]
    device: str
    machine: str
    threads: Count
    commit: str | None
    command: str | Names
    fingerprint: str
    resumed: list[dict[str, Any]]


class Epoch(TypedDict, total=False):
    """A line of history.jsonl."""

    stage: Required[Count]
    epoch: Required[Count]
    lr: float
    train_loss: Required[float]
    train_accuracy: Required[Share]
    validation_loss: Required[float | None]
    validation_accuracy: Required[Share | None]
    seconds: Amount
    best: bool


SHAPES: dict[str, TypeAdapter[Any]] = {
    "results.json": TypeAdapter(Results),
    "data.json": TypeAdapter(Data),
    "recipe.json": TypeAdapter(Recipe),
    "environment.json": TypeAdapter(Environment),
    "history.jsonl": TypeAdapter(list[Epoch]),
}

ENTRIES = tuple(Results.__annotations__)
"""Of results.json, each of which may be absent."""
