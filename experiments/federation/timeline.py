"""What a device may train on at the time of every round, and whether the detector lets it take part: the live engine's verdicts."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from contracts.messages.verdicts import DeviceProfile, DeviceState
from detectors.engine.chunks import MinuteChunk, Verdicts
from detectors.engine.engine import DetectionEngine
from detectors.engine.model import Model
from experiments.federation.plan import Plan
from fl_device.host.detector import judged_minutes
from fl_device.tasks.task import Examples, Task
from fl_device.training.own_windows import HELD_OUT_WINDOWS, JudgedMinutes, OwnWindows, TrainingWindows, own_hours
from replay.recording import Recording

Floats = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Moment:
    """A device at the time of a round.

    `benign` is the detector's word. Four sets of windows: `all` there are, those released `at_once` (unflagged, benign at
    their end), those `delayed` by the vote's horizon, and of these the ones that a device trains on which holds its newest out to
    measure models on (`but_held_out`; those are `held_out`).
    """

    benign: bool
    windows: dict[str, TrainingWindows]
    held_out: TrainingWindows


@dataclass(frozen=True, slots=True)
class Timeline:
    """A device over all rounds: `moments` in their order, its frozen profile.

    `margin` float32[decisions] is every decision's score above its threshold from the plan's onset on (flagged: above 0),
    `error` float32[decisions] the mean square of the network's normal scores.
    """

    device_id: str
    moments: tuple[Moment, ...]
    profile: DeviceProfile
    margin: Floats = field(default_factory=lambda: np.zeros(0, np.float32))
    error: Floats = field(default_factory=lambda: np.zeros(0, np.float32))

    def examples(self, task: Task, windows: TrainingWindows) -> Examples:
        """Return what is trained on: the windows in the device's own units."""
        return task.examples(own_hours(windows, self.profile))


def timeline(model: Model, recording: Recording, plan: Plan, horizon_min: int) -> Timeline:
    """Judge a recording up to each round in turn and note what could be trained on. Blocks for seconds."""
    engine = DetectionEngine(model, enrolment_min=plan.enrolment_min)
    engine.open(recording.device_id, None)
    kept = {
        "all": OwnWindows(max_windows=plan.max_windows, horizon_min=0),
        "at_once": OwnWindows(max_windows=plan.max_windows, horizon_min=0),
        "delayed": OwnWindows(max_windows=plan.max_windows, horizon_min=horizon_min),
        "but_held_out": OwnWindows(max_windows=plan.max_windows, horizon_min=horizon_min, held_out=HELD_OUT_WINDOWS),
    }
    moments, scored, start = [], [], 0
    for number in range(plan.rounds):
        end = plan.first_round_min + number * plan.between_rounds_min
        chunk = _chunk(recording, start, end)
        (verdicts,) = engine.apply([chunk])
        judged = judged_minutes(chunk, verdicts)
        for name, windows in kept.items():
            windows.observe(_unjudged(judged) if name == "all" else judged)
        moments.append(
            Moment(
                verdicts.state[-1] is DeviceState.BENIGN,
                {name: windows.released() for name, windows in kept.items()},
                kept["but_held_out"].held_out(),
            )
        )
        scored.append(_scored(verdicts, recording.first_event_minute + plan.onset_min))
        start = end
    profile = engine.snapshot(recording.device_id).profile
    assert profile is not None  # the first round takes place after the enrolment
    margin, error = np.concatenate(scored, axis=1)
    return Timeline(recording.device_id, tuple(moments), profile, margin, error)


def _scored(verdicts: Verdicts, from_event_minute: int) -> Floats:
    """Return float32[2, decisions]: margins and errors of the decisions that fell from that minute on."""
    both = np.stack([verdicts.score - verdicts.threshold, verdicts.reconstruction_error])
    return both[:, np.isfinite(both).all(axis=0) & (verdicts.event_minute >= from_event_minute)]


def poisoned_minutes(windows: TrainingWindows, first_event_minute: int, poisoned: NDArray[np.bool_]) -> int:
    """Return how many different minutes of these windows an attack changed. `poisoned` bool[minutes] is its ground truth."""
    return int(poisoned[np.unique(windows.event_minute) - first_event_minute].sum())


def _chunk(recording: Recording, start: int, end: int) -> MinuteChunk:
    pulse = None if recording.pulse_bpm is None else recording.pulse_bpm[start:end]
    return MinuteChunk(
        recording.device_id,
        1,
        recording.first_event_minute + start,
        recording.heart_rate_bpm[start:end],
        recording.resp_rate_bpm[start:end],
        pulse,
    )


def _unjudged(judged: JudgedMinutes) -> JudgedMinutes:
    """Every minute counts, whatever the detector says of it."""
    everything: NDArray[np.bool_] = np.ones(len(judged.event_minute), np.bool_)
    return JudgedMinutes(judged.event_minute, judged.vitals, everything, everything)
