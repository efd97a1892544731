"""A section of the page: what it shows of a run, and where."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from matplotlib.figure import Figure

from ironglass.report.kit.headline import Headline
from ironglass.report.kit.samples import Samples
from ironglass.results.sections import Results
from ironglass.run import Run

Facts = dict[str, Any]
"""What templates read, by the names that they use."""


@dataclass(frozen=True, kw_only=True)
class Source:
    """A run folder, read: the source of a page.

    run: the folder.
    results: `results.json`.
    recipe: `recipe.json`; {} where there is none, and so of the next two.
    data: `data.json`.
    environment: `environment.json`.
    history: a line an epoch.
    classes: names of the classes for people, in the order of the outputs.
    samples: the sampled images; None where there are none.
    """

    run: Run
    results: Results
    recipe: dict[str, Any]
    data: dict[str, Any]
    environment: dict[str, Any]
    history: list[dict[str, Any]]
    classes: list[str]
    samples: Samples | None

    def name_of(self, class_index: int | str) -> str:
        """The name of the class at a position; of what is no position, its own text."""
        return class_name(self.classes, class_index)


def class_name(classes: Sequence[str], class_index: int | str) -> str:
    """The name of the class at a position; of what is no position, its own text."""
    return classes[class_index] if isinstance(class_index, int) and class_index < len(classes) else str(class_index)


@dataclass(frozen=True)
class Chart:
    """One chart.

    draw: the figure; takes `narrow`, whether it is for phones.
    label: what is read aloud for it.
    """

    draw: Callable[..., Figure]
    label: str


def _no_facts(source: Source) -> Facts:
    return {}


def _no_charts(source: Source, facts: Facts) -> dict[str, Chart]:
    return {}


def _no_headlines(results: Results) -> list[Headline]:
    return []


def _no_words(results: Results, classes: Sequence[str]) -> list[str]:
    return []


def _no_lines(results: Results) -> list[str]:
    return []


def _no_sentence(results: Results) -> str:
    return ""


@dataclass(frozen=True, kw_only=True)
class Section:
    """One section of the page, and what the first screen, the terminal and the model card show of it.

    key: its anchor on the page.
    title: its heading.
    template: below report/, without ".html.jinja".
    results: the entries of `results.json` that it shows.
    applies: whether the page has it, by the facts of all sections; None for where any of its `results` is there.
    file: the safetensors file that `pictures` reads, without its ending.
    pictures: facts from that file.
    facts: further facts.
    charts: its charts, by the names that its template and `figures/` give them.
    measured: what it has measured, a few words for the page's subtitle; "" for what is no measurement.
    headlines: its numbers.
    words: what they say, a paragraph each.
    cautions: what has to be said before anything else, a sentence each.
    terminal: what the terminal says after its tables, a line each.
    support: how far the number of images supports it, a sentence; "" for nothing to say.
    explains: whether it explains answers, which a network that answers without regard to the image does not allow.
    filters: functions that its template uses as filters.
    """

    key: str
    title: str
    template: str
    results: tuple[str, ...] = ()
    applies: Callable[[Source, Facts], bool] | None = None
    file: str = ""
    pictures: Callable[[Source], Facts] = _no_facts
    facts: Callable[[Source], Facts] = _no_facts
    charts: Callable[[Source, Facts], dict[str, Chart]] = _no_charts
    measured: Callable[[Results], str] = _no_sentence
    headlines: Callable[[Results], list[Headline]] = _no_headlines
    words: Callable[[Results, Sequence[str]], list[str]] = _no_words
    cautions: Callable[[Results], list[str]] = _no_lines
    terminal: Callable[[Results], list[str]] = _no_lines
    support: Callable[[Results], str] = _no_sentence
    explains: bool = False
    filters: tuple[Callable[..., Any], ...] = ()

    def on_page(self, source: Source, facts: Facts) -> bool:
        """True if the page has the section."""
        if self.applies is None:
            return any(getattr(source.results, name) is not None for name in self.results)
        return self.applies(source, facts)
