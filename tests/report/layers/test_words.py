"""Sentences on the layers, against the numbers that they must follow from."""

import pytest

from ironglass.report.layers.words import layers_words
from ironglass.results.audit import Layer, Layers
from ironglass.results.numbers import Mean, Rate

RATE = Rate(value=0.5, low=0.4, high=0.6, n=100)


def layers(*last: float, agreement: float | None = None) -> Layers:
    """Layers of these concentrations, the last with an agreement."""

    def mean(value: float) -> Mean:
        return Mean(value=value, low=value - 0.02, high=value + 0.02, n=100)

    rows = tuple(
        Layer(name="l", shape=(4, 3, 3), concentration=mean(value), positive=RATE,
              agreement=None if agreement is None else mean(agreement), probe=RATE, without_layout=RATE,
              without_layer=RATE, note="")
        for value in last
    )  # fmt: skip
    return Layers(samples=100, probe_train=1, probe_test=1, chance=0.5, clean=RATE, layers=rows)


@pytest.mark.parametrize(
    ("share", "said"), [(0.12, "nearly everywhere"), (0.3, "some parts more"), (0.7, "at small parts")]
)
def test_where_it_looks_follows_from_the_concentration(share: float, said: str) -> None:
    text = layers_words(layers(0.9, share))
    assert said in text
    assert "rank correlation" not in text


@pytest.mark.parametrize(("rho", "said"), [(0.8, "agrees well"), (0.3, "agrees in part"), (-0.1, "hardly agrees")])
def test_agreement_is_said_as_measured(rho: float, said: str) -> None:
    assert said in layers_words(layers(0.3, agreement=rho))


def test_a_network_without_convolutions_has_no_sentence() -> None:
    assert layers_words(layers()) == ""
