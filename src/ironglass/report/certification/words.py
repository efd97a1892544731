"""Sentences on certified accuracy."""

from __future__ import annotations

from ironglass.report.kit.words import count, decimal, eps_text, percent
from ironglass.results.certification import Certification


def certified_network(measured: Certification) -> str:
    """The network that is certified, for sentences."""
    return (
        "the network" if measured.sigma is None else f"the network under noise of deviation {decimal(measured.sigma)}"
    )


def bracket_words(measured: Certification) -> str:
    """The bracket at the largest eps, and how much is unknown."""
    point = measured.points[-1]
    size = eps_text(point.eps, measured.norm)
    if not point.certified.value:
        text = f"Within {size}, 0\u202f% certified: nothing is proved of {certified_network(measured)}"
    else:
        sure = "are proved to be right" if measured.alpha is None else "are certified, of the network under noise"
        text = f"Within {size}, {percent(point.certified.value)} of {count(measured.n)} images {sure}"
    if point.attacked is None:
        return f"{text}; no attack was made, so {percent(measured.clean.value)} is the most that it can be."
    images = f"{count(point.unknown)} image{'s' * (point.unknown != 1)}"
    attacked = f"{measured.attack} leaves {percent(point.attacked.value)}"
    return f"{text}; {attacked}. The truth lies between the two; it is unknown for {images}."


def certificate_words(measured: Certification) -> str:
    """The worth of the certificates: proofs, or true with a probability."""
    if measured.alpha is None:
        return (
            "Certificates are proofs by bounds on the logits of the network as float32 computes it, rounding included; "
            "an image without one may be robust all the same."
        )
    sigma, draws = decimal(measured.sigma or 0), count(measured.draws or 0)
    return (
        "Certificates are of another classifier than the network itself: the class that it names most often under "
        f"Gaussian noise of deviation {sigma} in units of [0, 1], with {draws} draws an image (Cohen et al., arXiv "
        f"1902.02918). Each is wrong with a probability of at most {measured.alpha:g}; of {count(measured.abstained)} "
        "images it abstains."
    )
