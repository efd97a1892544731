"""Two settings are told apart by what neither other images nor other seeds would have made."""

import numpy as np
import pytest
from scipy import stats

from ironglass.measure.contrast import compared_settings
from ironglass.measure.statistics import mcnemar
from ironglass.studies.sweep.settings import settings_of


def test_a_seed_is_no_setting() -> None:
    rows = [{"name": f"{rate}-{seed}", "values": [rate, seed]} for rate in (0.1, 0.01) for seed in (0, 1)]
    assert settings_of(rows, ["stages.0.peak_lr", "seed"]) == [["0.1-0", "0.1-1"], ["0.01-0", "0.01-1"]]
    assert settings_of(rows, ["stages.0.peak_lr", "stages.1.peak_lr"]) == [[row["name"]] for row in rows]
    objectives = [{"name": str(eps), "values": [{"kind": "NFGSM", "eps": eps}, 0]} for eps in (0.1, 0.2)]
    assert settings_of(objectives, ["stages.0.objective", "seed"]) == [["0.1"], ["0.2"]]


def test_of_one_training_each_it_is_mcnemar() -> None:
    first, second = np.arange(50) < 40, np.arange(50) < 30
    assert compared_settings([first], [second]) == mcnemar(first, second)


@pytest.mark.parametrize("sizes", [(2, 2), (5, 3), (3, 3)])
def test_of_several_it_is_the_t_tests(sizes: tuple[int, int]) -> None:
    drawn = np.random.default_rng(sum(sizes))
    first, second = ([drawn.random(80) < drawn.uniform(0.4, 0.9) for _ in range(n)] for n in sizes)
    found = compared_settings(first, second)
    means = [np.mean(part, axis=0) for part in (first, second)]
    assert found["p_images"] == pytest.approx(stats.ttest_rel(*means).pvalue)
    welch = stats.ttest_ind([x.mean() for x in first], [x.mean() for x in second], equal_var=False)
    assert found["p_seeds"] == pytest.approx(welch.pvalue, rel=0.2 if sizes[0] != sizes[1] else 1e-6)
    assert found["p"] == max(found["p_images"], found["p_seeds"])


def test_seeds_of_one_kind_of_network_are_seldom_told_apart() -> None:
    drawn, apart = np.random.default_rng(1), 0
    for _ in range(400):  # accuracies that scatter by seed far more than images explain
        parts = [[drawn.random(300) < np.clip(drawn.normal(0.7, 0.1), 0, 1) for _ in range(3)] for _ in range(2)]
        apart += compared_settings(*parts)["p"] < 0.05
    assert apart / 400 < 0.07


def test_equal_networks_are_alike_and_one_seed_beside_several_is_no_crash() -> None:
    same = np.arange(40) < 20
    assert compared_settings([same, same], [same, same])["p"] == 1
    assert 0 <= compared_settings([same], [~same, same])["p"] <= 1
    assert compared_settings([same, same], [np.ones(40, bool)] * 2)["p"] < 0.001
