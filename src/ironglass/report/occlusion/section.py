"""The section on patches laid over images."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from ironglass.report.kit.headline import Headline
from ironglass.report.kit.map_scale import NOISE
from ironglass.report.kit.section import Chart, Facts, Section, Source
from ironglass.report.kit.support import support_words
from ironglass.report.occlusion.chart import occlusion
from ironglass.report.occlusion.exhaustive_chart import exhaustive
from ironglass.report.occlusion.words import exhaustive_words, harshest_mask, occlusion_words
from ironglass.results.sections import Results


def _pictures(source: Source) -> Facts:
    samples = source.samples
    return {
        "occluded": samples.occlusion() if samples else [],
        "occlusion_scale": samples.occlusion_scale() if samples else 0.0,
        "occlusion_is_noise": samples.occlusion_is_noise() if samples else False,
        "noise": samples.occlusion_floor if samples else NOISE,
    }


def _is_measured(source: Source, facts: Facts) -> bool:
    results = source.results
    return results.occlusion is not None or results.exhaustive is not None or bool(facts["occluded"])


def _charts(source: Source, facts: Facts) -> dict[str, Chart]:
    results, charts = source.results, dict[str, Chart]()
    if results.occlusion and results.occlusion.masks:
        label = "Accuracy under a patch for every mask, averaged over positions and at the worst one"
        charts["occlusion"] = Chart(partial(occlusion, results.occlusion), label)
    if results.exhaustive:
        label = "Share of images classified correctly wherever a patch lies, against the patch's size"
        charts["exhaustive"] = Chart(partial(exhaustive, results.exhaustive), label)
    return charts


def _headlines(results: Results) -> list[Headline]:
    measured = results.occlusion
    if measured is None or not measured.masks:
        return []
    harshest, headlines = harshest_mask(measured), list[Headline]()
    size = f"{measured.patch} × {measured.patch}"
    for mask in measured.masks:
        detail, row = f"{mask.name}, {size} pixels", f"{size} px {mask.name} patch"
        worst, mean = f"{row}, worst position", f"{row}, mean over positions"
        headlines.append(Headline("Worst patch position", detail, mask.worst, mask is harshest, row=worst))
        headlines.append(Headline("Patch, mean over positions", detail, mask.mean, first=False, row=mean))
    return headlines


def _words(results: Results, classes: Sequence[str]) -> list[str]:
    measured, search = results.occlusion, results.exhaustive
    sentences = [occlusion_words(measured)] if measured and measured.masks else []
    return [*sentences, exhaustive_words(search)] if search else sentences


def _support(results: Results) -> str:
    measured = results.occlusion or results.exhaustive
    return support_words(measured.clean if measured else None)


def _measured(results: Results) -> str:
    if results.occlusion is None and results.exhaustive is None:
        return ""
    return "accuracy under a covering patch"


SECTION = Section(
    key="occlusion",
    title="Occlusion",
    template="occlusion/section",
    results=("occlusion", "exhaustive"),
    measured=_measured,
    applies=_is_measured,
    file="samples",
    pictures=_pictures,
    charts=_charts,
    headlines=_headlines,
    words=_words,
    support=_support,
    explains=True,
    filters=(exhaustive_words,),
)
