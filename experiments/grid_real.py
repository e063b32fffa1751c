"""Real recordings: how much of their clean time is excluded, by the engine itself, and how soon attacks on them are found."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from contracts.errors import Misconfigured
from contracts.verdicts import DeviceState
from detectors.detector import Detector
from detectors.training.trace_jobs import AttackTrace
from experiments.grid_cohorts import without_pulse
from experiments.grid_inject import inject_both
from experiments.grid_judges import MindJudge
from experiments.grid_protocol import Case
from experiments.grid_rulings import delay_of
from experiments.grid_traces import AttackedSet, AttackPlan, Workbench, attacked_set
from replay.attacks import AttackSpec, find_attack, inject_all
from replay.recording import Recording

STAGE: Final = "real records"
ENROLMENTS_MIN: Final = (600, 360)  # a recording of a day has none to spare for an enrolment of a day
ONSET_SHARES: Final = (0.1, 0.4, 0.7)  # of the time between the earliest onset and the last that leaves four hours
LEAST_ATTACK_MIN: Final = 240
EXCLUDED: Final = (DeviceState.QUARANTINED, DeviceState.PROBATION)


@dataclass(frozen=True, slots=True)
class RealClean:
    """A recording as it is, judged by the engine after an enrolment: minutes judged, and those that the device sat out."""

    device_id: str
    enrolment_min: int
    pulse: bool
    minutes: int
    excluded_minutes: int
    exclusions: int
    not_benign_minutes: int

    @property
    def excluded_share(self) -> float:
        """Share of the judged minutes on which the device was excluded, NaN if none was judged."""
        return self.excluded_minutes / self.minutes if self.minutes else float("nan")


@dataclass(frozen=True, slots=True)
class RealAttack:
    """One attack on a recording: minutes from the onset to the exclusion (infinity: not within `lasted_min`; NaN: excluded before)."""

    device_id: str
    attack: str
    level: str
    onset_min: int
    lasted_min: int
    pulse: bool
    delay_min: float


def clean_verdicts(detector: Detector, recording: Recording, enrolment_min: int) -> RealClean:
    """Judge a recording with the engine, PULSE included where it has one; seconds."""
    verdicts = detector.score(
        recording.device_id, recording.first_event_minute, recording.heart_rate_bpm, recording.resp_rate_bpm,
        pulse_bpm=recording.pulse_bpm, enrolment_min=enrolment_min,
    )  # fmt: skip
    states = np.array(verdicts.state, dtype=object)
    judged = states != DeviceState.ENROLLING
    excluded = np.isin(states, EXCLUDED)
    entered = [change for change in verdicts.transitions if change.after is DeviceState.QUARANTINED]
    return RealClean(
        recording.device_id,
        enrolment_min,
        recording.pulse_bpm is not None,
        int(judged.sum()),
        int((judged & excluded).sum()),
        len([change for change in entered if change.before is not DeviceState.PROBATION]),
        int((judged & (states != DeviceState.BENIGN)).sum()),
    )


def attacked_real(
    bench: Workbench, recordings: Sequence[Recording], cases: tuple[Case, ...], judge: MindJudge, seed: int
) -> list[RealAttack]:
    """Attack every recording at three onsets, with PULSE withheld and, where there is one, given."""
    found = []
    for place, recording in enumerate(recordings):
        versions = [without_pulse(recording)] + ([] if recording.pulse_bpm is None else [recording])
        for version in versions:
            for at, onset_min in enumerate(_onsets(recording)):
                fitting = tuple(case for case in cases if find_attack(case[0]).smallest_onset_min(case[1]) <= onset_min)
                lasted = min(720, recording.minutes - onset_min)
                plan = AttackPlan(fitting, ENROLMENTS_MIN[0], inject_both, (seed, 8, place, at), lasted, onset_min)
                name = f"real-{recording.device_id}-{'pulse' if version.pulse_bpm is not None else 'withheld'}-{at}"
                made = attacked_set(bench, STAGE, name, [version], plan, tenths=recording.resolution_bpm < 1)
                found += _judged(bench, judge, version, made, onset_min, lasted)
    return found


def planned_attacks(
    detector: Detector, recordings: Sequence[Recording], specs: Sequence[AttackSpec]
) -> list[RealAttack]:
    """Inject an attack plan into recordings and judge each attacked one with the engine; all attacks on a device act together."""
    _, injections = inject_all(recordings, specs)
    found = []
    for device_id, of_device in injections.items():
        last = of_device[-1].recording
        verdicts = detector.score(
            device_id, last.first_event_minute, last.heart_rate_bpm, last.resp_rate_bpm, pulse_bpm=last.pulse_bpm,
            enrolment_min=ENROLMENTS_MIN[0],
        )  # fmt: skip
        excluded = np.isin(np.array(verdicts.state, dtype=object), EXCLUDED)
        minute = verdicts.event_minute - last.first_event_minute
        found += [
            RealAttack(
                device_id, one.spec.name, one.spec.level, one.spec.onset_min, one.end_min - one.spec.onset_min,
                last.pulse_bpm is not None, _first_after(minute, excluded, one.spec.onset_min, one.end_min),
            )
            for one in of_device
        ]  # fmt: skip
    return found


def check_plan(recordings: Sequence[Recording], specs: Sequence[AttackSpec]) -> None:
    """Raise Misconfigured for a plan that names a device that is not there, before any work is done."""
    present = {recording.device_id for recording in recordings}
    for spec in specs:
        if spec.device not in present:
            raise Misconfigured(
                f"the attack plan names {spec.device}; the recordings hold {', '.join(sorted(present))}"
            )


def _onsets(recording: Recording) -> list[int]:
    earliest, latest = ENROLMENTS_MIN[0] + 90, recording.minutes - LEAST_ATTACK_MIN
    return [int(earliest + share * (latest - earliest)) for share in ONSET_SHARES] if latest > earliest else []


def _judged(
    bench: Workbench, judge: MindJudge, recording: Recording, made: AttackedSet, onset_min: int, lasted: int
) -> list[RealAttack]:
    return [_ruled(judge, recording, one, onset_min, lasted) for one in made.traces(bench.work)]


def _ruled(judge: MindJudge, recording: Recording, one: AttackTrace, onset_min: int, lasted: int) -> RealAttack:
    delay_min, _ = delay_of(judge.judged(one.trace), one.onset_event_minute, judge.threshold, judge.kinds)
    pulse = recording.pulse_bpm is not None
    return RealAttack(recording.device_id, *one.case, onset_min, lasted, pulse, delay_min)


def _first_after(minute: NDArray[np.int64], excluded: NDArray[np.bool_], onset_min: int, end_min: int) -> float:
    before = excluded[minute < onset_min]
    if len(before) and before[-1]:
        return float("nan")
    at = np.flatnonzero(excluded & (minute >= onset_min) & (minute < end_min))
    return float(minute[at[0]] - onset_min) if len(at) else float("inf")


def usable(recordings: Sequence[Recording]) -> list[Recording]:
    """Return those long enough to be enrolled, judged and attacked for a while."""
    return [one for one in recordings if one.minutes > ENROLMENTS_MIN[0] + LEAST_ATTACK_MIN]
