"""Work in several threads, each with its share of torch's."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator

import pytest
import torch
from torch import nn

from ironglass.engine.threads import MOST, in_threads, is_safe_in_threads


@pytest.fixture(params=[1, 2, 5])
def threads(request: pytest.FixtureRequest) -> Iterator[int]:
    before = torch.get_num_threads()
    torch.set_num_threads(request.param)
    yield request.param
    torch.set_num_threads(before)


@pytest.mark.parametrize("at_once", [True, False])
def test_results_come_in_order_and_threads_are_shared_and_given_back(threads: int, at_once: bool) -> None:
    def work(piece: int, go_on: object) -> tuple[int, int, int, bool]:
        time.sleep(0.02 / (piece + 1))
        return piece, threading.get_ident(), torch.get_num_threads(), torch.is_grad_enabled()

    with torch.no_grad(), in_threads(work, range(6), at_once=at_once) as results:
        pieces, identities, shares, gradients = zip(*results, strict=True)
    assert pieces == tuple(range(6))
    assert not any(gradients)
    alone = not at_once or threads == 1
    assert (threading.get_ident() in identities) == alone
    assert set(shares) == {threads if alone else threads // min(threads, MOST)}
    assert torch.get_num_threads() == threads
    fresh: list[int] = []
    later = threading.Thread(target=lambda: fresh.append(torch.get_num_threads()))
    later.start()
    later.join()
    assert fresh == [threads]


def test_leaving_stops_what_is_not_finished_and_errors_reach_the_caller() -> None:
    before, begun = torch.get_num_threads(), []
    torch.set_num_threads(2)

    def work(piece: int, go_on: object) -> int:
        begun.append(piece)
        if piece == 1:
            raise KeyError("one")
        while piece > 1 and go_on():  # type: ignore[operator]
            time.sleep(0.001)
        return piece

    try:
        with pytest.raises(KeyError, match="one"), in_threads(work, range(50), at_once=True) as results:
            assert list(results)
        assert len(begun) < 6
        assert torch.get_num_threads() == 2
    finally:
        torch.set_num_threads(before)


def test_strangers_modules_and_hooked_ones_are_not_safe() -> None:
    class Mine(nn.Module):
        pass

    hooked = nn.ReLU()
    hooked.register_forward_hook(lambda *_: None)
    assert is_safe_in_threads(nn.Sequential(nn.Conv2d(1, 1, 1), nn.ReLU()))
    assert not is_safe_in_threads(nn.Sequential(nn.ReLU(), Mine()))
    assert not is_safe_in_threads(nn.Sequential(hooked))
