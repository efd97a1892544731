"""Sentences on the layers."""

from __future__ import annotations

from ironglass.report.kit.words import decimal, percent
from ironglass.results.audit import Layers


def layers_words(measured: Layers) -> str:
    """The extent of the last Grad-CAM: below 25 % in the top tenth is nearly everywhere, from 50 % a small part."""
    if not measured.layers:
        return ""
    last = measured.layers[-1]
    share = last.concentration.value
    where = (
        "nearly everywhere" if share < 0.25 else "at some parts more than others" if share < 0.5 else "at small parts"
    )
    text = (
        f"In the last convolutional layer Grad-CAM lies {where}: the tenth of an image where Grad-CAM is highest holds "
        f"{percent(share, 0)} of the evidence (10\u202f% if it were spread evenly)."
    )
    if last.agreement is not None:
        rho = last.agreement.value
        agreement = "agrees well" if rho >= 0.5 else "agrees in part" if rho >= 0.2 else "hardly agrees"
        text += f" That {agreement} with the effect of covering those regions (rank correlation {decimal(rho)})."
    return text
