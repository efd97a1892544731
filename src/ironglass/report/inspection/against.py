"""The section on images of other kinds: whether the network's scores tell them from the measured ones."""

from __future__ import annotations

from collections.abc import Sequence

from ironglass.report.inspection.words import score_words, turned_words
from ironglass.report.kit import pictures
from ironglass.report.kit.section import Facts, Section, Source
from ironglass.report.kit.tensors import read_tensors
from ironglass.report.kit.words import count, decimal, listed
from ironglass.results.inspection.against import AgainstOthers, OutOfDistribution
from ironglass.results.sections import Results

FILE = "out_of_distribution"


def kind_words(row: OutOfDistribution) -> str:
    """Words for the origin of the others."""
    if row.kind == "noise":
        return "Gaussian noise, every value drawn by itself with the mean and deviation of its channel, cut to [0, 1]"
    if row.kind == "tiles":
        return "the images themselves, each cut into 4 × 4 tiles that are put together in a drawn order"
    split = "" if row.other_split == "images" else f"{row.other_split} "
    return f"{count(row.other_images)} {split}images of {row.other}"


def compared_words(against: AgainstOthers) -> list[str]:
    """The comparison and its reach, in sentences."""
    named = [row for row in against.rows if row.kind == "data"]
    generated = [row for row in against.rows if row.kind != "data"]
    sentences = [f"{count(row.images)} {row.split} images against {kind_words(row)}." for row in named]
    if generated:
        kinds = "; and ".join(kind_words(row) for row in generated)
        images = f"{count(generated[0].images)} {generated[0].split} images"
        sentences.append(f"{images} against as many of each kind that were made of them: {kinds}.")
    if generated and not named:
        sentences.append(
            "No other data were named, so none were read or fetched. These two are the least that a network should "
            "notice: a high area says nothing of images of other things, a low one that it notices hardly anything."
        )
    if against.left_out:
        sentences.append(f"Left out: {against.left_out}.")
    return sentences


def against_plain(results: Results) -> list[str]:
    """For the first screen: the kinds that the network is surely surer of than of its own images; [] for none."""
    rows = results.out_of_distribution.rows if results.out_of_distribution else ()
    surer = [row for row in rows for score in row.scores
             if score.name == "maximum probability" and score.auc.high < 0.5]  # fmt: skip
    if not surer:
        return []
    names = listed([row.other for row in surer])
    return [
        f"It is surer of {names} than of the {surer[0].split} images: "
        "that it is sure does not mean that it sees what it knows."
    ]


def against_lines(results: Results) -> list[str]:
    """A line for the terminal where other data were named."""
    rows = results.out_of_distribution.rows if results.out_of_distribution else ()
    return [f"against {row.other}: AUC {score_words(row)}." for row in rows if row.kind == "data" and row.scores]


def _pictures(source: Source) -> Facts:
    path = source.run.path / f"{FILE}.safetensors"
    if not path.is_file():
        return {}
    arrays = read_tensors(path, "run again with --resume")
    return {"other_pictures": {name: [pictures.picture(one) for one in array] for name, array in arrays.items()}}


def _words(results: Results, classes: Sequence[str]) -> list[str]:
    return against_plain(results)


SECTION = Section(
    key="out-of-distribution",
    title="Out of distribution",
    template="inspection/against",
    results=("out_of_distribution",),
    measured=lambda results: "whether it notices images of other kinds" if results.out_of_distribution else "",
    file=FILE,
    pictures=_pictures,
    words=_words,
    terminal=against_lines,
    filters=(compared_words, decimal, turned_words),
)
