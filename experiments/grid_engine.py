"""Whole recordings through the engine, as `fedsecure score` judges them: the state of the device at every minute."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from contracts.verdicts import DeviceState
from detectors.detector import Detector
from detectors.knowledge import Knowledge
from detectors.model import Model
from detectors.scoring.runtime import Reconstructor
from detectors.training.workfolder import Arrays
from experiments.grid_traces import Workbench, in_chunks, unfinished
from replay.recording import Recording

STATES: Final = tuple(DeviceState)
EXCLUDED: Final = tuple(STATES.index(one) for one in (DeviceState.QUARANTINED, DeviceState.PROBATION))
CHUNK: Final = 8


@dataclass(frozen=True, slots=True)
class EngineTask:
    """A recording, judged after an enrolment of so many minutes, PULSE included where it has one."""

    recording: Recording
    enrolment_min: int
    knowledge: Knowledge


@dataclass(frozen=True, slots=True)
class Course:
    """A judged recording: `minute` int64[n] since its start, `state` int64[n] (places in STATES)."""

    minute: NDArray[np.int64]
    state: NDArray[np.int64]

    @property
    def judged(self) -> NDArray[np.bool_]:
        """Minutes after the enrolment, bool[n]."""
        done: NDArray[np.bool_] = self.state != STATES.index(DeviceState.ENROLLING)
        return done

    @property
    def excluded(self) -> NDArray[np.bool_]:
        """Minutes that the device sat out, quarantined or on probation, bool[n]."""
        return np.isin(self.state, EXCLUDED)

    @property
    def exclusions(self) -> int:
        """How often the device was excluded."""
        return int((np.diff(self.excluded.astype(np.int8), prepend=0) > 0).sum())


def course_of(reconstructor: Reconstructor, task: EngineTask) -> Course:
    """Judge a recording with the engine; seconds."""
    one = task.recording
    verdicts = Detector(Model(reconstructor, task.knowledge)).score(
        one.device_id, one.first_event_minute, one.heart_rate_bpm, one.resp_rate_bpm,
        pulse_bpm=one.pulse_bpm, enrolment_min=task.enrolment_min,
    )  # fmt: skip
    state = np.array([STATES.index(each) for each in verdicts.state], np.int64)
    return Course(verdicts.event_minute - one.first_event_minute, state)


def courses(bench: Workbench, stage: str, name: str, tasks: Sequence[EngineTask]) -> list[Course]:
    """Judge every task's recording in worker processes; finished ones are read from disk."""
    found = []
    for chunk in in_chunks(bench, stage, name, tasks, CHUNK, course_of, _packed):
        arrays = bench.work.stage(chunk, unfinished)
        ends = np.cumsum(arrays["length"])[:-1]
        parts = zip(np.split(arrays["minute"], ends), np.split(arrays["state"], ends), strict=True)
        found += [Course(minute, state) for minute, state in parts]
    return found


def _packed(found: list[Course]) -> Arrays:
    return {
        "minute": np.concatenate([one.minute for one in found]),
        "state": np.concatenate([one.state for one in found]),
        "length": np.array([len(one.state) for one in found]),
    }
