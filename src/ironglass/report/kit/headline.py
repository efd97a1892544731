"""A number with its name: what the first screen, the terminal and the model card show alike."""

from __future__ import annotations

from dataclasses import dataclass

from ironglass.results.numbers import Mean, Verdict


@dataclass(frozen=True)
class Headline:
    """One number of a section.

    label: what was measured, a few words.
    detail: on what, or beside what; "" for nothing more.
    rate: the number with its interval.
    first: whether the first screen shows it; the terminal and the model card show all.
    under_attack: whether it is a number under attack, with which a verdict, or that there is none, is shown.
    verdict: of a number under attack; None where it was not judged.
    row: what tables call it; "" for label and detail.
    """

    label: str
    detail: str
    rate: Mean
    first: bool = True
    under_attack: bool = False
    verdict: Verdict | None = None
    row: str = ""

    @property
    def line(self) -> str:
        """Its name in the terminal's table and in the model card's."""
        return self.row or (f"{self.label}, {self.detail}" if self.detail else self.label)
