"""Worker processes of this machine, which end with Ctrl-C at once."""

from __future__ import annotations

import multiprocessing
import signal
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from multiprocessing.context import SpawnContext, SpawnProcess
from typing import Protocol, TypeVar

from detectors.training.tensorflow import limit_threads

Given = TypeVar("Given")
Made = TypeVar("Made")


class CarryOut(Protocol):
    """Yields each job's result in the order of the jobs, wherever it is made. Raises what a job raised."""

    def __call__(self, work: Callable[[Given], Made], jobs: Sequence[Given], /) -> Iterator[Made]: ...


class _Worker(SpawnProcess):
    """A process that leaves Ctrl-C to its parent, from its first import on."""

    def start(self) -> None:
        before = signal.signal(signal.SIGINT, signal.SIG_IGN)  # a child inherits what is ignored
        try:
            super().start()
        finally:
            signal.signal(signal.SIGINT, before)


class _Context(SpawnContext):
    Process = _Worker


def carried_out(work: Callable[[Given], Made], jobs: Sequence[Given], processes: int) -> Iterator[Made]:
    """Yield each job's result in order. Raises what a job raised. To be used in the main thread."""
    if not jobs:
        return
    executor = ProcessPoolExecutor(min(processes, len(jobs)), mp_context=_Context(), initializer=limit_threads)
    try:
        yield from executor.map(work, jobs)
    except BaseException:
        for process in multiprocessing.active_children():
            if isinstance(process, _Worker):
                process.terminate()
        raise
    finally:
        executor.shutdown(cancel_futures=True)


def mapped_over(processes: int) -> CarryOut:
    """Return `map` for one process, this one, else `carried_out` over so many."""
    return map if processes == 1 else partial(carried_out, processes=processes)
