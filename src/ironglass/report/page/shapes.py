"""The shapes of a run folder's JSON but results.json, as far as a page needs them; most keys may be absent."""

from __future__ import annotations

from typing import Any, Required

from pydantic import TypeAdapter
from typing_extensions import TypedDict

from ironglass.results.numbers import Amount, Count, Share

Names = list[str]


class SplitFacts(TypedDict, total=False):
    """One split."""

    images: Count
    per_class: list[Count]
    pixels: str


class Data(TypedDict, total=False):
    """data.json."""

    name: str
    fingerprint: str
    contents: str
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
    explanation: dict[str, Any] | None
    stages: list[dict[str, Any]]


class Environment(TypedDict, total=False):
    """environment.json."""

    versions: dict[str, str]
    device: str
    machine: str
    threads: Count
    commit: str | None
    date: str
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
    "data.json": TypeAdapter(Data),
    "recipe.json": TypeAdapter(Recipe),
    "environment.json": TypeAdapter(Environment),
    "history.jsonl": TypeAdapter(list[Epoch]),
}
