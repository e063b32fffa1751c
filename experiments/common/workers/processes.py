"""The worker processes of this machine that carry out the jobs of a study."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import Protocol, TypeVar

from detectors.training.tensorflow import limit_threads
from experiments.common.worker_pool import worker_pool

Given = TypeVar("Given")
Made = TypeVar("Made")


class CarryOut(Protocol):
    """Yields each job's result in the order of the jobs, wherever it is made. Raises what a job raised."""

    def __call__(self, work: Callable[[Given], Made], jobs: Sequence[Given], /) -> Iterator[Made]: ...


def carried_out(work: Callable[[Given], Made], jobs: Sequence[Given], processes: int) -> Iterator[Made]:
    """Yield each job's result in order. Raises what a job raised. To be used in the main thread."""
    if not jobs:
        return
    with worker_pool(min(processes, len(jobs)), limit_threads) as pool:
        yield from pool.map(work, jobs)


def mapped_over(processes: int) -> CarryOut:
    """Return `map` for one process, this one, else `carried_out` over so many."""
    return map if processes == 1 else partial(carried_out, processes=processes)
