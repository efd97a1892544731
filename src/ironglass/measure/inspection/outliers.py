"""Images unlike the others: blank, dark, bright, blurred, of an odd shape, small."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ironglass.data.survey.survey import Survey

BLANK = 2
"""Levels of 255 by which the values of a blank image differ, at most."""
DARK, BRIGHT = 32, 223
SMOOTH = -3.6
"""Detail of a blurred image, at most: about that of a photograph of 256 pixels behind a Gaussian blur of 3 pixels."""
SHAPE, SMALL = 2.0, 16.0
DEVIATIONS = 3.0
"""Robust standard deviations from the median, beyond which an image is unlike the others."""
SIGMA = 1.4826
"""Standard deviation of a normal distribution in units of the median absolute deviation (MAD)."""


@dataclass(frozen=True)
class Fault:
    """The images of one fault.

    fault: its name.
    rule: when an image is called so.
    positions: (m,), in the survey, the worst first.
    values: (m,), that the rule judges.
    """

    fault: str
    rule: str
    positions: np.ndarray
    values: np.ndarray


def outliers(survey: Survey) -> list[Fault]:
    """Finds the images of each fault; an image that is blank is not counted again."""
    blank = survey.contrast <= BLANK
    area = np.log(survey.width * survey.height.astype(np.float64))
    shape = np.log(survey.width / survey.height)
    limit = np.exp(np.median(area)) / SMALL
    far = f"and more than {DEVIATIONS:g} robust standard deviations (1.4826 MAD) from the median of this data set"
    middle = np.exp(np.median(shape))
    unlike_shape = np.abs(shape - np.median(shape)) > np.log(SHAPE)
    return [
        _fault("blank", f"no channel's values differ by more than {BLANK} of 255", survey.contrast, blank),
        _fault(
            "dark",
            f"99 % of the pixels are darker than {DARK} of 255, {far}",
            survey.lightest,
            ~blank & (survey.lightest < DARK) & _far(survey.lightest, below=True),
        ),
        _fault(
            "bright",
            f"99 % of the pixels are brighter than {BRIGHT} of 255, {far}",
            -survey.darkest,
            ~blank & (survey.darkest > BRIGHT) & _far(-survey.darkest, below=True),
        ),
        _fault(
            "blurred",
            f"at 256 pixels, neighbours differ so little beside pixels four apart that the logarithm (base 2) of the "
            f"ratio of their energies is below {SMOOTH:g} (a smooth image has -4, noise 0), {far}",
            survey.detail,
            ~blank & (survey.detail < SMOOTH) & _far(survey.detail, below=True),
        ),
        _fault(
            "odd shape",
            f"width over height is more than {SHAPE:g} times above or below the median, {middle:.3g}, {far}",
            -np.abs(shape - np.median(shape)),
            unlike_shape & (_far(shape, below=True) | _far(shape, below=False)),
            values=np.exp(shape),
        ),
        _fault(
            "small",
            f"fewer than {limit:,.0f} pixels, a {SMALL:g}th of the median, {far}",
            area,
            (area < np.log(limit)) & _far(area, below=True),
            values=np.exp(area),
        ),
    ]


def _far(values: np.ndarray, *, below: bool) -> np.ndarray:
    """Which values lie beyond DEVIATIONS robust standard deviations on one side of the median; NaN does not."""
    finite = values[np.isfinite(values)]
    if not len(finite):
        return np.zeros(len(values), dtype=bool)
    centre = np.median(finite)
    spread = DEVIATIONS * SIGMA * np.median(np.abs(finite - centre))
    return values < centre - spread if below else values > centre + spread


def _fault(fault: str, rule: str, order: np.ndarray, marked: np.ndarray, *, values: np.ndarray | None = None) -> Fault:
    """order: the worst lowest. values: that the rule judges; None for the size of `order`."""
    positions = np.flatnonzero(marked)
    positions = positions[np.argsort(order[positions], kind="stable")]
    judged_values = np.abs(order) if values is None and fault == "bright" else order if values is None else values
    return Fault(fault, rule, positions, judged_values[positions].astype(np.float64))
