"""Real recordings: how much of their clean time is excluded, by the engine itself, and how soon attacks on them are found."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from contracts.errors import Misconfigured
from contracts.verdicts import DeviceState
from detectors.knowledge import Knowledge
from detectors.training.trace_jobs import ATTACK_MIN, AttackTrace
from experiments.grid_cohorts import without_pulse
from experiments.grid_engine import STATES, Course, EngineTask, courses
from experiments.grid_inject import inject_both
from experiments.grid_judges import MindJudge
from experiments.grid_protocol import Case
from experiments.grid_rulings import NEVER, NOT_AT_RISK, delay_of
from experiments.grid_traces import AttackedSet, AttackPlan, Workbench, attacked_each
from replay.attacks import AttackSpec, find_attack, inject_all
from replay.recording import Recording

REAL: Final = "real records"
OWN: Final = "own recordings"
ENROLMENTS_MIN: Final = (600, 360)  # a recording of a day has none to spare for an enrolment of a day
ONSET_SHARES: Final = (0.1, 0.4, 0.7)  # of the time between the earliest onset and the last that leaves four hours
LEAST_ATTACK_MIN: Final = 240


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


def clean_real(bench: Workbench, stage: str, recordings: Sequence[Recording], knowledge: Knowledge) -> list[RealClean]:
    """Judge recordings as they are, PULSE included, after each enrolment of ENROLMENTS_MIN."""
    tasks = [EngineTask(one, minutes, knowledge) for one in recordings for minutes in ENROLMENTS_MIN]
    return [
        RealClean(
            task.recording.device_id,
            task.enrolment_min,
            task.recording.pulse_bpm is not None,
            int(course.judged.sum()),
            int((course.judged & course.excluded).sum()),
            course.exclusions,
            int((course.judged & (course.state != STATES.index(DeviceState.BENIGN))).sum()),
        )
        for task, course in zip(tasks, courses(bench, stage, f"{stage}-clean", tasks), strict=True)
    ]


def attacked_real(
    bench: Workbench, stage: str, recordings: Sequence[Recording], cases: tuple[Case, ...], judge: MindJudge, seed: int
) -> list[RealAttack]:
    """Attack every recording at three onsets, with PULSE withheld and, where there is one, given."""
    pairs = [
        (version, _plan(version, cases, onset_min, (seed, 8, place, at)))
        for place, recording in enumerate(recordings)
        for version in ([recording] if recording.pulse_bpm is None else [without_pulse(recording), recording])
        for at, onset_min in enumerate(_onsets(recording))
    ]
    names = attacked_each(bench, stage, stage, pairs, cases)
    traces = AttackedSet(names, cases, tenths=True).traces(bench.work)
    planned = [pair for pair in pairs for _ in pair[1].cases]
    return [_ruled(judge, *pair, one) for pair, one in zip(planned, traces, strict=True)]


def _plan(recording: Recording, cases: tuple[Case, ...], onset_min: int, seed: tuple[int, ...]) -> AttackPlan:
    fitting = tuple(case for case in cases if find_attack(case[0]).smallest_onset_min(case[1]) <= onset_min)
    lasted_min = min(ATTACK_MIN, recording.minutes - onset_min)
    return AttackPlan(fitting, ENROLMENTS_MIN[0], inject_both, seed, lasted_min, onset_min)


def planned_attacks(
    bench: Workbench, stage: str, recordings: Sequence[Recording], specs: Sequence[AttackSpec], knowledge: Knowledge
) -> list[RealAttack]:
    """Inject a plan and judge each attacked recording with the engine; all attacks on a device act together."""
    _, injections = inject_all(recordings, specs)
    attacked = {device_id: of_device[-1].recording for device_id, of_device in injections.items()}
    tasks = [EngineTask(one, ENROLMENTS_MIN[0], knowledge) for one in attacked.values()]
    by_device = dict(zip(attacked, courses(bench, stage, f"{stage}-planned", tasks), strict=True))
    return [
        RealAttack(
            device_id,
            one.spec.name,
            one.spec.level,
            one.spec.onset_min,
            one.end_min - one.spec.onset_min,
            attacked[device_id].pulse_bpm is not None,
            _first_after(by_device[device_id], one.spec.onset_min, one.end_min),
        )
        for device_id, of_device in injections.items()
        for one in of_device
    ]


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


def _ruled(judge: MindJudge, recording: Recording, plan: AttackPlan, one: AttackTrace) -> RealAttack:
    delay_min, _ = delay_of(judge.judged(one.trace), one.onset_event_minute, judge.threshold, judge.kinds)
    onset_min = one.onset_event_minute - recording.first_event_minute
    pulse = recording.pulse_bpm is not None
    return RealAttack(recording.device_id, *one.case, onset_min, plan.minutes, pulse, delay_min)


def _first_after(course: Course, onset_min: int, end_min: int) -> float:
    before = course.excluded[course.minute < onset_min]
    if len(before) and before[-1]:
        return NOT_AT_RISK
    at = np.flatnonzero(course.excluded & (course.minute >= onset_min) & (course.minute < end_min))
    return float(course.minute[at[0]] - onset_min) if len(at) else NEVER


def usable(recordings: Sequence[Recording]) -> list[Recording]:
    """Return those long enough to be enrolled, judged and attacked for a while."""
    return [one for one in recordings if one.minutes > ENROLMENTS_MIN[0] + LEAST_ATTACK_MIN]
