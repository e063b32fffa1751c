"""Traces of many devices in worker processes: clean ones in every situation, attacked ones from two hours before the onset."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from detectors.knowledge import ENROLLING
from detectors.measure import Measure
from detectors.scoring.runtime import Rebuilding, Reconstructor
from detectors.standardise import Expectations
from detectors.training.cohort import AttackCase, Injector, Recording
from detectors.training.traces import Trace, Tracer

LEAD_MIN: Final = 120
ATTACK_MIN: Final = 720
GUARD_HORIZON_MIN: Final = 1560
REPLAY_LAG_MIN: Final = 1440


@dataclass(frozen=True, slots=True)
class Means:
    """What a tracer needs beside the autoencoders."""

    expectations: Mapping[str, Expectations]
    population: Measure

    def tracer(self, reconstructor: Rebuilding) -> Tracer:
        """Return a tracer for this process."""
        return Tracer(reconstructor, dict(self.expectations), self.population)


@dataclass(frozen=True, slots=True)
class CleanTraceTask:
    """A clean recording and the situations to judge it in (names of `knowledge.SITUATIONS`)."""

    recording: Recording
    situations: tuple[str, ...]
    means: Means


def clean_traces(reconstructor: Reconstructor, task: CleanTraceTask) -> dict[str, Trace]:
    """Return the whole recording's trace in each situation."""
    tracer = task.means.tracer(reconstructor)
    end = task.recording.first_event_minute + len(task.recording.heart_rate_bpm)
    found = {}
    for situation in task.situations:
        if situation == ENROLLING:
            found[situation] = tracer.enrolling(task.recording)
            continue
        enrolled = tracer.enrol(task.recording, int(situation))
        found[situation] = tracer.after(task.recording, enrolled, enrolled.first_event_minute, end)
    return found


@dataclass(frozen=True, slots=True)
class AttackTraceTask:
    """A clean recording, the (attack, level) pairs to inject one at a time, the enrolment, and the seed of onsets.

    Onsets are random, at least an hour after the enrolment and a day into the recording for replays; the attack lasts
    `minutes`.
    """

    recording: Recording
    cases: tuple[tuple[str, str], ...]
    enrolment_min: int
    inject: Injector
    means: Means
    seed: tuple[int, ...]
    minutes: int = ATTACK_MIN
    onset_min: int | None = None


@dataclass(frozen=True, slots=True)
class AttackTrace:
    """One attacked device: its trace from two hours before the onset to the end of the attack; `seed` is the attack's."""

    case: tuple[str, str]
    onset_event_minute: int
    trace: Trace
    seed: int = 0


def attacked_traces(reconstructor: Reconstructor, task: AttackTraceTask) -> list[AttackTrace]:
    """Return one trace a case."""
    tracer = task.means.tracer(reconstructor)
    enrolled = tracer.enrol(task.recording, task.enrolment_min)
    start = task.recording.first_event_minute
    rng = np.random.default_rng(task.seed)
    found = []
    for name, level in task.cases:
        earliest = enrolled.first_event_minute - start + 60
        if "replay" in name:
            earliest = max(earliest, REPLAY_LAG_MIN + 1)
        latest = len(task.recording.heart_rate_bpm) - task.minutes
        drawn = int(rng.integers(earliest, max(latest, earliest + 1)))
        onset = drawn if task.onset_min is None else task.onset_min
        case = AttackCase(name, level, onset, task.minutes, int(rng.integers(1 << 31)))
        heart, breath = task.inject(task.recording, case)
        attacked = replace(task.recording, heart_rate_bpm=heart, resp_rate_bpm=breath)  # type: ignore[type-var]
        first = start + onset - LEAD_MIN
        trace = tracer.after(attacked, enrolled, first, start + onset + task.minutes)
        found.append(AttackTrace((name, level), start + onset, trace, case.seed))
    return found


def packed(traces: Sequence[Trace]) -> dict[str, NDArray[Any]]:
    """Return traces as arrays, to be kept on disk; `unpacked` gives them back."""
    names = ("block", "r", "replayed", "copied", "pulse")
    arrays = {name: np.concatenate([getattr(trace, name) for trace in traces]) for name in names}
    return {**arrays, "length": np.array([len(trace) for trace in traces])}


def unpacked(arrays: Mapping[str, NDArray[Any]]) -> list[Trace]:
    """Return the traces that `packed` made into arrays."""
    ends = np.cumsum(arrays["length"])
    parts = [slice(int(end - length), int(end)) for end, length in zip(ends, arrays["length"], strict=True)]
    return [Trace(*(arrays[name][part] for name in ("block", "r", "replayed", "copied", "pulse"))) for part in parts]
