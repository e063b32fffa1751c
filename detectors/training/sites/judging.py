"""Clean recordings of a site as the engine judges them: each decision's score, and what spoke."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from contracts.messages.verdicts import DeviceState
from detectors.array_types import Bools, Floats, Ints
from detectors.decisions.votes import RULES
from detectors.engine.chunks import MinuteChunk, Verdicts
from detectors.engine.engine import DetectionEngine
from detectors.engine.model import Model
from detectors.minutes.windows import STEP_MIN
from detectors.scoring.components import SCORED
from detectors.training.cohort import Recording
from detectors.training.patients import enrolment_of

Report = Callable[[float, str], None]

AT_ONCE: Final = 16
"""Devices judged together: enough for arrays to pay, few enough for the progress to be seen."""


@dataclass(frozen=True, slots=True, eq=False)
class JudgedDevice:
    """A device's judged time in k quarters of an hour, as the clock has them.

    `judged` bool[k]: a decision fell; `score` float64[k] on the common scale, the rules left out; `kinds` float64[k, 3] the g of
    what was averaged for it (`SCORED`); `rules` bool[k, 4] who of `RULES` spoke; `event_minute` int64[k]. All are 0 where
    nothing was judged.
    """

    device_id: str
    judged: Bools
    score: Floats
    kinds: Floats
    rules: Bools
    event_minute: Ints


def judged_devices(
    model: Model, recordings: Sequence[Recording], enrolment_min: int | None = None, report: Report = lambda _, __: None
) -> tuple[list[JudgedDevice], list[str]]:
    """Judge recordings from their start. Return the devices, and the ids of those too short to be judged for four hours.

    `enrolment_min` None: a day where two days are valid, else ten hours, as in training. Blocks for about a second for each
    ten device-days.
    """
    enrolments = [enrolment_of(recording, enrolment_min) for recording in recordings]
    devices: dict[str, JudgedDevice] = {}
    groups = [
        (length, [recording for recording, own in zip(recordings, enrolments, strict=True) if own == length])
        for length in sorted({own for own in enrolments if own is not None})
    ]
    total = sum(len(group) for _, group in groups)
    for length, group in groups:
        for start in range(0, len(group), AT_ONCE):
            for device in _judged(model, group[start : start + AT_ONCE], length):
                devices[device.device_id] = device
            report(len(devices) / total, f"{len(devices)} of {total} devices")
    order = [recording.device_id for recording in recordings]
    return [devices[name] for name in order if name in devices], [name for name in order if name not in devices]


def _judged(model: Model, recordings: Sequence[Recording], enrolment_min: int) -> list[JudgedDevice]:
    engine = DetectionEngine(model, enrolment_min=enrolment_min)
    for recording in recordings:
        engine.open(recording.device_id, None)
    chunks = [
        MinuteChunk(
            recording.device_id,
            0,
            recording.first_event_minute,
            recording.heart_rate_bpm,
            recording.resp_rate_bpm,
            recording.pulse_bpm,
        )
        for recording in recordings
    ]
    return [_device(model, verdicts) for verdicts in engine.apply(chunks)]


def _device(model: Model, verdicts: Verdicts) -> JudgedDevice:
    minute, scored = verdicts.event_minute, np.isfinite(verdicts.score)
    void = np.isin(minute, _void_enrolments(verdicts)) & ~scored
    rows = np.flatnonzero(scored | void)
    at = _places(minute[rows])
    shape = int(at[-1]) + 1 if len(rows) else 0
    device = JudgedDevice(
        verdicts.device_id, np.zeros(shape, np.bool_), np.zeros(shape), np.zeros((shape, len(SCORED))),
        np.zeros((shape, len(RULES)), np.bool_), np.zeros(shape, np.int64),
    )  # fmt: skip
    kinds = np.stack([verdicts.scores[kind][rows] for kind in SCORED], axis=1).astype(np.float64)
    over = np.stack([verdicts.scores[rule][rows] >= verdicts.threshold[rows] for rule in RULES], axis=1)
    over[void[rows], RULES.index("copy")] = True
    device.judged[at] = True
    device.kinds[at] = np.nan_to_num(kinds)
    device.score[at] = model.parameters.scales["combined"].of(device.kinds[at].mean(axis=1))
    device.rules[at], device.event_minute[at] = over, minute[rows]
    return device


def _places(event_minute: Ints) -> Ints:
    """Return a place of its own for each decision: after a gap is filled, two may fall less than 15 minutes apart."""
    order = np.arange(len(event_minute))
    quarter = (event_minute - event_minute[:1]) // STEP_MIN
    return np.asarray(np.maximum.accumulate(quarter - order) + order) if len(order) else order


def _void_enrolments(verdicts: Verdicts) -> list[int]:
    """Return the event minutes at which an enrolment was refused because it repeats itself: no score falls there."""
    return [
        change.event_minute for change in verdicts.transitions
        if change.before is DeviceState.ENROLLING and change.after is DeviceState.QUARANTINED
    ]  # fmt: skip
