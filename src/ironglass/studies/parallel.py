"""Trials side by side, each in a process of its own that ends with ours."""

from __future__ import annotations

import os
import signal
import threading
import traceback
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing import get_context, parent_process, resource_tracker
from multiprocessing.connection import Connection, wait
from pathlib import Path
from typing import Any

import torch

from ironglass.errors import InputError
from ironglass.studies.attack import Tell
from ironglass.studies.trial import Trial, run_trial
from ironglass.train.interrupt import Interruption

ASKED_SECONDS = 0.2  # how often we look whether to stop


@dataclass(frozen=True)
class _Place:
    """Where a trial runs. slot: 0 to jobs - 1, for the progress."""

    trial: Trial
    process: Any
    slot: int


def run_parallel(
    trials: Sequence[Trial], folder: Path, *, jobs: int, device: str, download: bool, tell: Tell
) -> dict[str, str]:
    """Runs the trials, `jobs` at once, in `folder/NAME`; gives what was said of those that failed, by name.

    The threads are shared out evenly. A process that is killed, for want of memory say, is a trial that failed. On
    Ctrl-C every trial saves where it stands and ends; where we are killed, they end, too. Raises KeyboardInterrupt, and
    RuntimeError for what is no fault of the input.
    """
    context = get_context("spawn")  # a fork of a process with OpenMP's threads hangs
    threads = max(1, torch.get_num_threads() // jobs)
    queue, running, failed = list(trials), dict[Connection, _Place](), dict[str, str]()
    told = False
    with Interruption() as interruption:
        try:
            while running or (queue and not interruption.asked):
                while queue and len(running) < jobs and not interruption.asked:
                    trial = queue.pop(0)
                    slot = min(set(range(jobs)) - {place.slot for place in running.values()})
                    ours, theirs = context.Pipe(duplex=False)
                    asked = (theirs, trial, folder / trial.name, device, download, threads)
                    process = context.Process(target=_work, args=asked, name=trial.name)
                    with _held_signals():
                        process.start()
                    theirs.close()  # else its end would never be seen
                    running[ours] = _Place(trial, process, slot)
                if interruption.asked and not told:
                    told = True
                    for place in running.values():
                        os.kill(place.process.pid, signal.SIGINT)
                for end in wait(list(running), timeout=ASKED_SECONDS):
                    assert isinstance(end, Connection)
                    if (line := _heard(end, running[end], tell)) is None:
                        continue
                    place = running.pop(end)
                    place.process.join()
                    if line:
                        failed[place.trial.name] = line
        finally:
            for place in running.values():
                place.process.kill()
                place.process.join()
    if interruption.asked:
        raise KeyboardInterrupt
    return failed


def _heard(end: Connection, place: _Place, tell: Tell) -> str | None:
    """None while the trial goes on; "" when it is over, or why it failed."""
    try:
        kind, *said = end.recv()
    except EOFError:
        place.process.join()
        code = place.process.exitcode
        return f"its process ended with {f'signal {-code}' if code < 0 else f'status {code}'}: was there memory enough?"
    if kind == "tell":
        what, done, of, detail = said
        tell(f"{what} ({place.slot + 1})", done, of, f"{place.trial.name} {detail}")
        return None
    if kind == "broken":
        raise RuntimeError(f"trial {place.trial.name}: {said[0]}")
    return said[0]


def _work(
    end: Connection, trial: Trial, folder: Path, device: str, download: bool, threads: int
) -> None:  # in a process of its own
    threading.Thread(target=_end_with_parent, daemon=True).start()
    if hasattr(os, "setsid"):
        os.setsid()  # Ctrl-C in the terminal is for our parent, who passes it on, once
    if hasattr(signal, "pthread_sigmask"):
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})
    torch.set_num_threads(threads)
    try:
        run_trial(trial.plan, folder, device=device, download=download, tell=lambda *said: end.send(("tell", *said)))
        end.send(("done", ""))
    except InputError as error:
        end.send(("failed", str(error)))
    except KeyboardInterrupt:
        end.send(("interrupted", ""))
    except Exception:
        end.send(("broken", traceback.format_exc()))


def _end_with_parent() -> None:
    """Ends this process when its parent is gone, so that nobody else writes into the folders of a resumed sweep."""
    parent = parent_process()
    if parent is not None:
        wait([parent.sentinel])
        os._exit(1)


@contextmanager
def _held_signals() -> Iterator[None]:
    """Inside, SIGINT waits, and in a process that is started it waits until that process takes it."""
    if not hasattr(signal, "pthread_sigmask"):
        yield
        return
    resource_tracker.ensure_running()  # where it has to be started, it lets signals through
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
