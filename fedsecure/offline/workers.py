"""Worker processes, a core each: a bounded number of parts is on its way, and results come in the order of the parts."""

from __future__ import annotations

import multiprocessing
import os
import signal
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor, wait
from dataclasses import dataclass
from functools import partial
from multiprocessing.context import SpawnContext, SpawnProcess
from pathlib import Path
from typing import Any, BinaryIO, ClassVar, Final
from uuid import uuid4

from detectors import Detector
from fedsecure.offline.judging import JudgedPath, Judging, Minutes, PathPart, judge

LOOK_EVERY_S: Final = 0.5
THREADS: Final = ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS", "VECLIB_MAXIMUM_THREADS")
"""What the usual libraries of matrix products read when they are loaded."""


class _Worker(SpawnProcess):
    """A process with one thread for matrix products, which leaves Ctrl-C to its parent from its first import on."""

    def start(self) -> None:
        before = signal.pthread_sigmask(
            signal.SIG_BLOCK, {signal.SIGINT}
        )  # a child inherits it; here Ctrl-C only waits
        threads = {name: os.environ.get(name) for name in THREADS}
        os.environ.update(dict.fromkeys(THREADS, "1"))
        try:
            super().start()
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, before)
            for name, value in threads.items():
                os.environ.pop(name) if value is None else os.environ.update({name: value})


class _Context(SpawnContext):
    Process = _Worker


class _Begun:
    """What a worker process was given at its start."""

    judging: ClassVar[Judging]
    detector: ClassVar[Detector]
    folder: ClassVar[Path]
    minutes: ClassVar[Any]


_Written = tuple[list[JudgedPath], Path]


@dataclass(frozen=True, slots=True)
class Judged:
    """What became of some parts, and the open file with their rows, for the reader to close."""

    paths: list[JudgedPath]
    rows: BinaryIO


def judged_in_order(
    judging: Judging, groups: Iterable[Sequence[PathPart]], jobs: int, folder: Path, minutes: Minutes
) -> Iterator[Judged]:
    """Yield what becomes of each group, in their order, judged by so many processes. To be used in the main thread.

    Groups are taken when a process will soon need one. Files lie in the folder. Raises what a group raised, and
    BrokenProcessPool when a process was ended from outside; no process is left in any case.
    """
    context = _Context()
    counter = context.Value("q", 0)
    waiting: deque[Future[_Written]] = deque()
    executor = ProcessPoolExecutor(jobs, mp_context=context, initializer=_begin, initargs=(judging, folder, counter))
    look = partial(_look, counter, minutes)
    try:
        for group in groups:
            waiting.append(executor.submit(_judge, group))
            if len(waiting) > 2 * jobs:
                yield _awaited(waiting.popleft(), look)
        while waiting:
            yield _awaited(waiting.popleft(), look)
    except BaseException:
        for process in multiprocessing.active_children():
            if isinstance(process, _Worker):
                process.terminate()
        raise
    finally:
        executor.shutdown(cancel_futures=True)


def _awaited(future: Future[_Written], look: Callable[[], None]) -> Judged:
    while not wait((future,), LOOK_EVERY_S).done:
        look()
    look()
    paths, name = future.result()
    rows = name.open("rb")
    name.unlink()
    return Judged(paths, rows)


def _look(counter: Any, minutes: Minutes) -> None:
    with counter.get_lock():
        counted, counter.value = counter.value, 0
    minutes(counted)


def _begin(judging: Judging, folder: Path, counter: Any) -> None:
    _Begun.judging, _Begun.folder, _Begun.minutes = judging, folder, counter
    _Begun.detector = judging.detector()


def _judge(group: Sequence[PathPart]) -> _Written:
    rows = _Begun.folder / f"scores-{uuid4().hex}"
    with rows.open("wb") as sink:
        return judge(_Begun.detector, _Begun.judging, group, sink, _Begun.folder, _count), rows


def _count(minutes: int) -> None:
    with _Begun.minutes.get_lock():
        _Begun.minutes.value += minutes
