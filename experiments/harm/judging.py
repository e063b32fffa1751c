"""What a device sends, clean or attacked, and what the live detector says of each minute: once for all seeds and tasks."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

import msgspec
import numpy as np
from numpy.typing import NDArray

from contracts.messages.verdicts import DeviceProfile
from detectors.bundle.bundle import load_bundle
from detectors.detector import Detector
from detectors.engine.chunks import MinuteChunk, Verdicts
from detectors.engine.engine import DetectionEngine
from experiments.harm.plan import Clock
from fl_device.host.detector import judged_minutes
from fl_device.training.own_windows import JudgedMinutes, OwnWindows, TrainingWindows
from replay.attacks import AttackSpec, inject
from replay.recording import Recording

Bools = NDArray[np.bool_]

SIDE_BY_SIDE: Final = 32


@dataclass(frozen=True, slots=True, eq=False)
class Judged:
    """A device's minutes: `vitals` float64[n, 2] as it sends them, `poisoned`, `benign` and `clean` bool[n] (`JudgedMinutes`).

    `event_minute` int64[n]. `profile` is its enrolment's as JSON, uint8; empty: it never enrolled.
    """

    event_minute: NDArray[np.int64]
    vitals: NDArray[np.float64]
    poisoned: Bools
    benign: Bools
    clean: Bools
    profile: NDArray[np.uint8]

    @property
    def frozen_profile(self) -> DeviceProfile | None:
        """What the enrolment taught, None when there is none."""
        return msgspec.json.decode(self.profile.tobytes(), type=DeviceProfile) if len(self.profile) else None


@dataclass(frozen=True, slots=True, eq=False)
class Sent:
    """One recording under one attack by name and level (None: as it is), and the folder of the detector that judges it."""

    recording: Recording
    clock: Clock
    case: tuple[str, str] | None
    bundle: Path

    @property
    def stage(self) -> str:
        """What its result is called on disk."""
        when = f"{self.clock.minutes}-{self.clock.onset_min}"
        return f"judged-{self.recording.device_id}-{when}-{'-'.join(self.case or ('clean',))}"


@dataclass(frozen=True, slots=True, eq=False)
class JudgeJob:
    """Recordings that one detector judges side by side, which takes little longer than one."""

    parts: tuple[Sent, ...]

    @property
    def stages(self) -> dict[str, type[Judged]]:
        """A stage each."""
        return {part.stage: Judged for part in self.parts}

    @property
    def label(self) -> str:
        """What is said of it when it is done."""
        return f"judged {len(self.parts)} recordings up to {self.parts[-1].recording.device_id}"


def jobs_of(parts: Iterable[Sent]) -> list[JudgeJob]:
    """Return the jobs that judge each of some parts once."""
    by_detector: dict[tuple[Path, Clock], list[Sent]] = {}
    for part in {part.stage: part for part in parts}.values():
        by_detector.setdefault((part.bundle, part.clock), []).append(part)
    return [
        JudgeJob(tuple(own[start : start + SIDE_BY_SIDE]))
        for own in by_detector.values()
        for start in range(0, len(own), SIDE_BY_SIDE)
    ]


def judge(job: JudgeJob) -> list[Judged]:
    """Inject and judge in a worker process. Blocks for some seconds."""
    first = job.parts[0]
    model = Detector.of(load_bundle(first.bundle)).model
    engine = DetectionEngine(model, enrolment_min=first.clock.enrolment_min)
    sent = [attacked(part.recording, part.clock, part.case) for part in job.parts]
    names = [f"d{at}" for at in range(len(sent))]  # one patient may be there under several attacks
    chunks = [
        MinuteChunk(name, 1, of.first_event_minute, of.heart_rate_bpm, of.resp_rate_bpm, None)
        for name, (of, _) in zip(names, sent, strict=True)
    ]
    for name in names:
        engine.open(name, None)
    return [
        _judged(chunk, verdicts, poisoned, engine.snapshot(chunk.device_id).profile)
        for chunk, verdicts, (_, poisoned) in zip(chunks, engine.apply(chunks), sent, strict=True)
    ]


def _judged(chunk: MinuteChunk, verdicts: Verdicts, poisoned: Bools, profile: DeviceProfile | None) -> Judged:
    judged = judged_minutes(chunk, verdicts)
    encoded = b"" if profile is None else msgspec.json.encode(profile)
    truth = poisoned[judged.event_minute - chunk.first_event_minute]
    kept = np.frombuffer(encoded, np.uint8)
    return Judged(judged.event_minute, judged.vitals, truth, judged.benign, judged.clean, kept)


def attacked(recording: Recording, clock: Clock, case: tuple[str, str] | None) -> tuple[Recording, Bools]:
    """Return what the device sends, and which of its minutes an attack changed. The same case always alters the same."""
    if case is None:
        return recording, np.zeros(recording.minutes, np.bool_)
    name, level = case
    injection = inject(recording, AttackSpec(name, recording.device_id, clock.onset_min, None, level))
    return injection.recording, injection.poisoned


@dataclass(frozen=True, slots=True, eq=False)
class Available:
    """What a device could train on at each round: `every` window, those that the live gate `released`, and whether it was `benign`."""

    every: tuple[TrainingWindows, ...]
    released: tuple[TrainingWindows, ...]
    benign: tuple[bool, ...]


def available(judged: Judged, clock: Clock, max_windows: int, stride_min: int, horizon_min: int) -> Available:
    """Return the windows of every round."""
    kept = {
        is_gated: OwnWindows(max_windows=max_windows, horizon_min=horizon_min if is_gated else 0, stride_min=stride_min)
        for is_gated in (False, True)
    }
    found: dict[bool, list[TrainingWindows]] = {False: [], True: []}
    benign, first, start = [], int(judged.event_minute[0]), 0
    for number in range(clock.rounds):
        end = int(np.searchsorted(judged.event_minute, first + clock.round_min(number)))
        inside = slice(start, end)
        part = JudgedMinutes(
            judged.event_minute[inside], judged.vitals[inside], judged.benign[inside], judged.clean[inside]
        )
        everything: Bools = np.ones(end - start, np.bool_)
        kept[True].observe(part)
        kept[False].observe(replace(part, benign=everything, clean=everything))
        for is_gated, windows in kept.items():
            found[is_gated].append(windows.released())
        benign.append(bool(judged.benign[end - 1]))
        start = end
    return Available(tuple(found[False]), tuple(found[True]), tuple(benign))
