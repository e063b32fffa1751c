"""Traces of the evaluation's devices: made once by worker processes, kept in chunks, read again by whoever judges them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, Final, TypeVar

import numpy as np
from numpy.typing import NDArray

from detectors.training.cohort import Injector, Recording
from detectors.training.pool import Pool
from detectors.training.trace_jobs import (
    ATTACK_MIN,
    AttackTrace,
    AttackTraceTask,
    CleanTraceTask,
    Means,
    attacked_traces,
    clean_traces,
    packed,
    unpacked,
)
from detectors.training.traces import Trace
from detectors.training.workfolder import Arrays, WorkFolder
from experiments.grid_progress import Progress
from experiments.grid_protocol import Case

Task = TypeVar("Task")

UNFINISHED: Final = 0.99  # many groups make a stage; who asks for them says when it is finished
CLEAN_CHUNK: Final = 24
ATTACKED_CHUNK: Final = 8


@dataclass(frozen=True, slots=True)
class Workbench:
    """Where work is done and kept: finished stages, worker processes, who hears of it, and what a tracer needs."""

    work: WorkFolder
    workers: Pool
    means: Means
    progress: Progress

    def kept(self, name: str) -> bool:
        """Return whether a stage is finished."""
        try:
            self.work.stage(name, unfinished)
        except LookupError:
            return False
        return True


@dataclass(frozen=True, slots=True)
class Fleet:
    """Traces of clean devices on disk; `traces` reads them, one a device in the order of the recordings."""

    names: tuple[str, ...]
    tenths: bool

    def traces(self, work: WorkFolder) -> list[Trace]:
        """Return the traces; the stages must be finished."""
        return [trace for name in self.names for trace in unpacked(work.stage(name, unfinished))]


@dataclass(frozen=True, slots=True)
class AttackedSet:
    """Traces of attacked devices of one resolution on disk; each stands for one of `cases`."""

    names: tuple[str, ...]
    cases: tuple[Case, ...]
    tenths: bool

    def traces(self, work: WorkFolder) -> list[AttackTrace]:
        """Return the traces; the stages must be finished."""
        found = []
        for name in self.names:
            arrays = work.stage(name, unfinished)
            rows = zip(arrays["case"], arrays["onset"], unpacked(arrays), arrays["seed"], strict=True)
            found += [AttackTrace(self.cases[case], int(onset), trace, int(seed)) for case, onset, trace, seed in rows]
        return found


@dataclass(frozen=True, slots=True)
class AttackPlan:
    """What to do to devices: cases one at a time, after an enrolment, by an injector, seeded."""

    cases: tuple[Case, ...]
    enrolment_min: int
    inject: Injector
    seed: tuple[int, ...]
    minutes: int = ATTACK_MIN
    onset_min: int | None = None


def clean_fleet(
    bench: Workbench, stage: str, name: str, recordings: Sequence[Recording], situation: str, *, tenths: bool
) -> Fleet:
    """Trace clean recordings in a situation (a name of `knowledge.SITUATIONS`)."""
    tasks = [CleanTraceTask(recording, (situation,), bench.means) for recording in recordings]

    def pack(found: list[dict[str, Trace]]) -> Arrays:
        return packed([one[situation] for one in found])

    return Fleet(in_chunks(bench, stage, f"{name}-{situation}", tasks, CLEAN_CHUNK, clean_traces, pack), tenths)


def attacked_set(
    bench: Workbench, stage: str, name: str, recordings: Sequence[Recording], plan: AttackPlan, *, tenths: bool
) -> AttackedSet:
    """Trace every recording under every case of the plan; the recording's place goes into the seed."""
    pairs = [(one, replace(plan, seed=(*plan.seed, index))) for index, one in enumerate(recordings)]
    return AttackedSet(attacked_each(bench, stage, name, pairs, plan.cases), plan.cases, tenths)


def attacked_each(
    bench: Workbench, stage: str, name: str, pairs: Sequence[tuple[Recording, AttackPlan]], cases: tuple[Case, ...]
) -> tuple[str, ...]:
    """Trace every recording under its own plan, whose cases are among `cases`; return the names of the stages."""
    tasks = [
        AttackTraceTask(
            recording, plan.cases, plan.enrolment_min, plan.inject, bench.means, plan.seed, plan.minutes, plan.onset_min
        )
        for recording, plan in pairs
    ]
    return in_chunks(bench, stage, name, tasks, ATTACKED_CHUNK, attacked_traces, partial(_packed_attacks, cases))


def in_chunks(
    bench: Workbench, stage: str, name: str, tasks: Sequence[Task], size: int, job: Callable[..., Any],
    pack: Callable[[list[Any]], Arrays],
) -> tuple[str, ...]:  # fmt: skip
    """Run a job on every task, `size` tasks a stage, which `pack` turns into arrays; return the names of the stages."""
    names = []
    for start in range(0, len(tasks), size):
        names.append(f"{name}-{start // size}")
        chunk = tasks[start : start + size]

        def make(chunk: Sequence[Task] = chunk, start: int = start) -> Arrays:
            found = []
            for done, one in enumerate(bench.workers.map(job, chunk), start + 1):
                found.append(one)
                bench.progress(stage, min(done / len(tasks), UNFINISHED), f"{name}: {done} of {len(tasks)} patients")
            return pack(found)

        bench.work.stage(names[-1], make)
    return tuple(names)


def _packed_attacks(cases: Sequence[Case], found: Sequence[Sequence[AttackTrace]]) -> dict[str, NDArray[Any]]:
    attacked = [one for device in found for one in device]
    return {
        **packed([one.trace for one in attacked]),
        "case": np.array([cases.index(one.case) for one in attacked]),
        "onset": np.array([one.onset_event_minute for one in attacked]),
        "seed": np.array([one.seed for one in attacked]),
    }


def unfinished() -> Arrays:
    """Stand for the making of a stage that has to be there already: raises LookupError."""
    raise LookupError("a stage that should be finished is not")
