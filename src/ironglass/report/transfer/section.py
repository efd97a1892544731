"""The section on a transfer study."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from ironglass.report.kit.constant import constant_words
from ironglass.report.kit.headline import Headline
from ironglass.report.kit.section import Chart, Facts, Section, Source
from ironglass.report.transfer.chart import accuracy_by_blocks, natural_and_adversarial
from ironglass.report.transfer.example_image import read_transfer_image
from ironglass.report.transfer.matrix_chart import transfer_matrix
from ironglass.report.transfer.rows import first_seed
from ironglass.report.transfer.tables import transfer_facts
from ironglass.report.transfer.words import (
    claim_words,
    plain_name,
    png_words,
    points,
    span,
    transfer_headlines,
    transfer_words,
)
from ironglass.results.sections import Results


def _pictures(source: Source) -> Facts:
    return {"transfer_image": read_transfer_image(source.run, source.name_of, source.data.get("words", {}))}


def _charts(source: Source, facts: Facts) -> dict[str, Chart]:
    moved = source.results.transfer
    if moved is None:
        return {}
    blocks = "Accuracy of every arm less base B’s against the number of blocks copied, unchanged and on A’s images"
    arms = "Accuracy unchanged, on images made on base A and under attacks made on itself, for every arm"
    pairs = "Accuracy on adversarial images by the network they were made on and the one they were shown to"
    return {
        "transfer_blocks": Chart(partial(accuracy_by_blocks, moved), blocks),
        "transfer_seeming": Chart(partial(natural_and_adversarial, moved), arms),
        "transfer_matrix": Chart(partial(transfer_matrix, moved), pairs),
    }


def _headlines(results: Results) -> list[Headline]:
    return transfer_headlines(results.transfer) if results.transfer else []


def _words(results: Results, classes: Sequence[str]) -> list[str]:
    return [transfer_words(results.transfer)] if results.transfer else []


def _cautions(results: Results) -> list[str]:
    """On the networks of the first screen that answer without regard to the image."""
    if results.transfer is None:
        return []
    networks = (first_seed(results.transfer, arm) for arm in ("base", "AnB+"))
    return [
        constant_words(one.clean, one.naming, f"The network {plain_name(one.name)}")
        for one in networks
        if one and one.naming
    ]


def _terminal(results: Results) -> list[str]:
    claims = results.transfer.claims if results.transfer else ()
    return [f"{one.answer}: {one.statement} ({claim_words(one)})" for one in claims]


def _measured(results: Results) -> str:
    measured = results.transfer
    return f"{measured.cost.networks} networks with and without copied blocks, under attack" if measured else ""


SECTION = Section(
    key="transfer",
    title="Transfer learning as a defence",
    template="transfer/section",
    results=("transfer",),
    measured=_measured,
    file="transfer",
    pictures=_pictures,
    facts=lambda source: transfer_facts(source.results.transfer),
    charts=_charts,
    headlines=_headlines,
    words=_words,
    cautions=_cautions,
    terminal=_terminal,
    filters=(claim_words, png_words, points, span),
)
