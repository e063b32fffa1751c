"""Work on many patients in several processes, each with the autoencoders loaded once; the results do not depend on how many."""

from __future__ import annotations

import multiprocessing
import signal
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing.context import SpawnContext, SpawnProcess
from typing import Final, Generic, TypeVar

from detectors.bundle import Weights
from detectors.scoring.runtime import Reconstructor
from detectors.scoring.tensorflow_runtime import limit_threads

Result = TypeVar("Result")
Task = TypeVar("Task")

BUCKETS: Final = (32, 256)
_loaded: list[Reconstructor] = []  # one a worker process, put there when it starts


@dataclass(frozen=True, slots=True)
class _Call(Generic[Task, Result]):
    job: Callable[[Reconstructor, Task], Result]

    def __call__(self, task: Task) -> Result:
        return self.job(_loaded[0], task)


class Pool:
    """Runs jobs on tasks; `map` yields results in the order of the tasks."""

    def __init__(self, executor: ProcessPoolExecutor) -> None:
        self._executor = executor

    def map(self, job: Callable[[Reconstructor, Task], Result], tasks: Iterable[Task]) -> Iterator[Result]:
        """Yield each task's result, in order; raises what a job raised."""
        yield from self._executor.map(_Call(job), tasks)


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


@contextmanager
def pool(bottleneck: Weights, blind_spot: Weights, processes: int) -> Iterator[Pool]:
    """Start worker processes with these autoencoders, and end them afterwards, at once when something went wrong.

    To be used in the main thread, the only one that may say who hears of Ctrl-C.
    """
    executor = ProcessPoolExecutor(
        processes, mp_context=_Context(), initializer=_load, initargs=(bottleneck, blind_spot)
    )
    try:
        yield Pool(executor)
    except BaseException:
        for process in multiprocessing.active_children():
            if isinstance(process, _Worker):
                process.terminate()
        raise
    finally:
        executor.shutdown(cancel_futures=True)


def _load(bottleneck: Weights, blind_spot: Weights) -> None:
    limit_threads()
    _loaded.append(Reconstructor(bottleneck, blind_spot, BUCKETS))
