"""The patients of a run, the attacks on two of them, and what the detector says of them on a quiet day."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache

import numpy as np
from on_record import Line

from contracts.event_time import from_event_minute
from contracts.messages.vitals import VitalsBatch
from detectors.bundle.bundle import DEFAULT_BUNDLE, load_bundle
from detectors.detector import Detector
from detectors.engine.chunks import MinuteChunk
from detectors.engine.engine import DetectionEngine
from fl_device.host.detector import judged_minutes
from fl_device.training.own_windows import OwnWindows
from replay.attacks import parse_attack
from replay.cohort import Patient, assemble
from replay.sources.synthetic import synthetic_cohort

SESSION_ID = 1
ENROLMENT_MIN = 240
HORIZON_MIN = 120
DEVICES = 6
MINUTES = 840
MAX_WINDOWS = 256
ATTACKED_FROM, ATTACKED_MIN = 480, 240
Change = tuple[int, str]


@dataclass(frozen=True)
class Ward:
    """Synthetic patients of one seed. Minutes up to `before_min` are there when the disasters begin, the rest is streamed."""

    number: int
    before_min: int
    attacks: tuple[str, str]
    devices: int = DEVICES
    minutes: int = MINUTES

    @property
    def attack_specs(self) -> list[str]:
        attacked = self.device_ids[self.devices - len(self.attacks) :]
        when = f"onset={ATTACKED_FROM},duration={ATTACKED_MIN},level=strong,seed={self.number}"
        return [f"{name}:device={device},{when}" for name, device in zip(self.attacks, attacked, strict=True)]

    @property
    def device_ids(self) -> list[str]:
        return [recording.device_id for recording in synthetic_cohort(self.number, self.devices, 1)]

    def patients(self) -> list[Patient]:
        return _patients(self)

    def messages_before(self, pack_min: int = 20) -> list[VitalsBatch]:
        """Return what the devices had sent when the disasters begin, message by message in turns."""
        return [
            message_of(patient, start, min(start + pack_min, self.before_min))
            for start in range(0, self.before_min, pack_min)
            for patient in self.patients()
        ]

    @property
    def replay_arguments(self) -> list[str]:
        attacks = [word for spec in self.attack_specs for word in ("--attack", spec)]
        cohort = ["--synthetic", str(self.devices), "--seed", str(self.number)]
        return ["replay", *cohort, "--synthetic-minutes", str(self.minutes), "--offline", *attacks]


@cache
def _patients(ward: Ward) -> list[Patient]:
    recordings = synthetic_cohort(ward.number, ward.devices, ward.minutes)
    return assemble(recordings, [parse_attack(text) for text in ward.attack_specs])


# An attacked device is under attack long before the detector knows it: the horizon keeps those minutes out of its training.
WARDS = (
    Ward(0, 440, ("amplitude", "motif")),
    Ward(1, 200, ("replay", "data-poisoning-2")),  # disasters begin while the devices still enrol
    Ward(2, 440, ("motif", "amplitude")),  # a clean device is quarantined too: a false alarm must be the same one
)


def message_of(patient: Patient, start: int, stop: int, session_id: int = SESSION_ID) -> VitalsBatch:
    """Return minutes [start, stop) of a patient as the replay would send them."""
    recording = patient.recording
    channels = recording.heart_rate_bpm, recording.resp_rate_bpm, recording.pulse_bpm
    heart, resp, pulse = (_optional(channel, start, stop) for channel in channels)
    return VitalsBatch(
        device_id=recording.device_id, session_id=session_id,
        observed_at=from_event_minute(recording.first_event_minute + start), heart_rate_bpm=heart or [],
        resp_rate_bpm=resp or [], pulse_bpm=pulse, batch_interval_s=1.0, sent_at=0.0, label=recording.label,
    )  # fmt: skip


def _optional(channel: np.ndarray | None, start: int, stop: int) -> list[float | None] | None:
    if channel is None:
        return None
    return [None if np.isnan(value) else float(value) for value in channel[start:stop]]


@dataclass
class Expected:
    """What a quiet day leaves: each minute's verdict, each change of state, each device's end, each window for training.

    `windows` holds of every device, in the order of their release, whether a window has a minute that an attack changed.
    """

    lines: dict[tuple[str, int, int], Line] = field(default_factory=dict)
    changes: dict[str, list[Change]] = field(default_factory=dict)
    ends: dict[str, Mapping[str, object]] = field(default_factory=dict)
    windows: dict[str, list[bool]] = field(default_factory=dict)
    last_minute: dict[str, int] = field(default_factory=dict)


@cache
def expected_of(ward: Ward) -> Expected:
    """Judge a ward in one process, one chunk a device, that nothing interrupts. Blocks for a second or two."""
    model, expected = Detector.of(load_bundle(DEFAULT_BUNDLE)).model, Expected()
    for patient in ward.patients():
        recording, device_id = patient.recording, patient.device_id
        engine = DetectionEngine(model, enrolment_min=ENROLMENT_MIN)
        engine.open(device_id, None)
        whole = message_of(patient, 0, recording.minutes)
        chunk = MinuteChunk(
            device_id, SESSION_ID, recording.first_event_minute, whole.heart_rate_bpm, whole.resp_rate_bpm,
            whole.pulse_bpm, end_of_recording=True,
        )  # fmt: skip
        (verdicts,) = engine.apply([chunk])
        for at, minute in enumerate(verdicts.event_minute.tolist()):
            score = float(verdicts.score[at])
            line = (None if np.isnan(score) else score, bool(verdicts.flagged[at]), str(verdicts.state[at]))
            expected.lines[device_id, SESSION_ID, minute] = line
        snapshot = engine.snapshot(device_id)
        expected.changes[device_id] = [(each.event_minute, str(each.after)) for each in verdicts.transitions]
        expected.ends[device_id] = {
            "state": str(snapshot.state), "state_since": snapshot.state_since, "finished": snapshot.finished,
            "applied_through": snapshot.applied_through, "minutes": len(verdicts.event_minute),
        }  # fmt: skip
        expected.last_minute[device_id] = snapshot.applied_through
        expected.windows[device_id] = _poisoned_windows(patient, chunk, verdicts)
    return expected


def _poisoned_windows(patient: Patient, chunk: MinuteChunk, verdicts: object) -> list[bool]:
    """Return, for each window that the device may ever train on, whether it holds a minute that the attack changed."""
    windows = OwnWindows(max_windows=MAX_WINDOWS, horizon_min=HORIZON_MIN)
    windows.observe(judged_minutes(chunk, verdicts))  # type: ignore[arg-type]
    poisoned = np.zeros(patient.recording.minutes, np.bool_)
    for injection in patient.injections:
        poisoned |= injection.poisoned
    minutes: Sequence[np.ndarray] = list(windows.released().event_minute)
    return [bool(poisoned[each - patient.recording.first_event_minute].any()) for each in minutes]
