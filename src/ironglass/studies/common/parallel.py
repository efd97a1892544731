"""Jobs side by side, each in a process of its own that ends with ours."""

from __future__ import annotations

import os
import pickle
import signal
import threading
import traceback
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing import get_context, parent_process, resource_tracker
from multiprocessing.connection import Connection, wait
from typing import Any

import torch

from ironglass.errors import InputError
from ironglass.studies.common.progress import Tell
from ironglass.train.interrupt import Interruption

POLL_SECONDS = 0.2  # how often we look whether to stop


@dataclass(frozen=True)
class Job:
    """work: a function of a module, called in another process as work(*given, tell=tell). name: for the progress."""

    name: str
    work: Callable[..., None]
    given: tuple[Any, ...]


@dataclass(frozen=True)
class _Worker:
    """The process that runs a job. slot: 0 to the number of processes - 1, for the progress."""

    job: Job
    process: Any
    slot: int


def check_jobs(plan: object, jobs: int) -> None:
    """Raises InputError for a number of jobs that is none, and for a plan that cannot be sent to another process."""
    if jobs < 1:
        raise InputError(f"jobs is {jobs}: give the number at once, 1 or more")
    if jobs == 1:
        return
    try:
        pickle.dumps(plan)
    except (pickle.PicklingError, AttributeError, TypeError, ImportError) as error:
        raise InputError(f"the plan cannot be sent to other processes ({error}): leave out --jobs") from error


def run_parallel(queue: Sequence[Job], *, jobs: int, tell: Tell) -> dict[str, str]:
    """Does what is queued, `jobs` at once; gives what was said of those that failed, by name.

    The threads are shared out evenly. A process that is killed, for want of memory say, is a job that failed. On Ctrl-C
    every job saves where it stands and ends; where we are killed, they end, too. Raises KeyboardInterrupt, and
    RuntimeError for what is no fault of the input.
    """
    context = get_context("spawn")  # a fork of a process with OpenMP's threads hangs
    threads = max(1, torch.get_num_threads() // jobs)
    waiting, running, failed = list(queue), dict[Connection, _Worker](), dict[str, str]()
    signalled, begun = False, set[Connection]()
    with Interruption() as interruption:
        try:
            while running or (waiting and not interruption.requested):
                while waiting and len(running) < jobs and not interruption.requested:
                    job = waiting.pop(0)
                    slot = min(set(range(jobs)) - {worker.slot for worker in running.values()})
                    receiver, sender = context.Pipe(duplex=False)
                    process = context.Process(target=_work, args=(sender, job, threads), name=job.name)
                    with _held_signals():
                        process.start()
                    sender.close()  # else its end would never be seen
                    running[receiver] = _Worker(job, process, slot)
                if interruption.requested and not signalled:
                    signalled = True
                    for end, worker in running.items():
                        if end in begun:
                            os.kill(worker.process.pid, signal.SIGINT)
                        else:
                            worker.process.kill()  # it still imports, for seconds, and has nothing to save
                for end in wait(list(running), timeout=POLL_SECONDS):
                    assert isinstance(end, Connection)
                    begun.add(end)
                    if (line := _receive(end, running[end], tell, interrupted=interruption.requested)) is None:
                        continue
                    worker = running.pop(end)
                    worker.process.join()
                    if line:
                        failed[worker.job.name] = line
        finally:
            for worker in running.values():
                worker.process.kill()
                worker.process.join()
    if interruption.requested:
        raise KeyboardInterrupt
    return failed


def _receive(end: Connection, worker: _Worker, progress: Tell, *, interrupted: bool) -> str | None:
    """None while the job goes on; "" when it is over, or why it failed. interrupted: whether it was asked to end."""
    try:
        kind, *message = end.recv()
    except EOFError:
        worker.process.join()
        code = worker.process.exitcode
        return f"its process ended with {f'signal {-code}' if code < 0 else f'status {code}'}: was there memory enough?"
    if kind == "begun":
        return None
    if kind == "tell":
        activity, done, of, detail = message
        progress(f"{activity} ({worker.slot + 1})", done, of, f"{worker.job.name} {detail}")
        return None
    if kind == "broken" and not interrupted:  # else it is what a library made of being interrupted
        raise RuntimeError(f"{worker.job.name}: {message[0]}")
    return message[0]


def _work(end: Connection, job: Job, threads: int) -> None:  # in a process of its own
    threading.Thread(target=_end_with_parent, daemon=True).start()
    if hasattr(os, "setsid"):
        os.setsid()  # Ctrl-C in the terminal is for our parent, who passes it on, once
    try:
        if hasattr(signal, "pthread_sigmask"):
            signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})  # one that has waited arrives here
        torch.set_num_threads(threads)
        end.send(("begun",))
        job.work(*job.given, tell=lambda *message: end.send(("tell", *message)))
        message = ("done", "")
    except InputError as error:
        message = ("failed", str(error))
    except KeyboardInterrupt:
        message = ("interrupted", "")
    except Exception:
        message = ("broken", traceback.format_exc())
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # nothing is left that it could interrupt
    end.send(message)


def _end_with_parent() -> None:
    """Ends this process when its parent is gone, so that nobody else writes into the folders of a resumed run."""
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
