"""Worker processes, a core each: a bounded number of parts is on its way, and results come in the order of the parts."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, wait
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, BinaryIO, ClassVar, Final
from uuid import uuid4

from detectors import Detector
from experiments.common.worker_pool import CONTEXT, worker_pool
from fedsecure.offline.judging import JudgedPath, Judging, Minutes, PathPart, judge

LOOK_EVERY_S: Final = 0.5


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
    counter = CONTEXT.Value("q", 0)
    waiting: deque[Future[_Written]] = deque()
    look = partial(_look, counter, minutes)
    with worker_pool(jobs, _begin, judging, folder, counter) as pool:
        for group in groups:
            waiting.append(pool.submit(_judge, group))
            if len(waiting) > 2 * jobs:
                yield _awaited(waiting.popleft(), look)
        while waiting:
            yield _awaited(waiting.popleft(), look)


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
