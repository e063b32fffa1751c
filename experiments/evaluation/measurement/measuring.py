"""Measures all patients of one seed: clean, attacked, distorted, under attacks that grow over days, and simulated ones."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from detectors.training.calibration import dealt
from detectors.training.cohort import Population, UnmarkedStay
from detectors.training.patients import LONG_ENROLMENT_MIN, Patient, generator_of, patient_of, patients_of
from detectors.training.scores.table import Stream, table_of
from detectors.training.scores.table_build import Attacks, PatientJob, streams_of
from experiments.common.injection import DonorInjector, core_cases, is_possible
from experiments.common.workers.processes import CarryOut
from experiments.evaluation.measurement.cohort import Cohort
from experiments.evaluation.measurement.families import drawn_distortions
from experiments.evaluation.measurement.material import JUDGED, SIMULATED, SLOW, Material
from experiments.evaluation.measurement.rule_values import attacked_span, pulse_values, replay_values
from experiments.evaluation.plan import DAY_MIN, EvaluationPlan
from replay.attacks import AttackSpec, inject
from replay.recording import Recording

ONSET_MIN: Final = 3600
"""Two and a half days: the baseline then knows more than the enrolment."""
HELD_MIN: Final = DAY_MIN
RAMPS_DAYS: Final = (1, 2, 5)
KINDS: Final = {
    "noise of 10 bpm, 5 /min": "data-poisoning-1",
    "scaling by 2": "data-poisoning-2",
    "level + 30 bpm, + 10 /min": "backdoor-1",
}
"""Strong attacks that fade in over the ramp; the last one has a ramp of two hours of its own within it."""


class SlowAttack(NamedTuple):
    """A patient under attack: `kind` a place in `KINDS`, the ramp in days, and the valid minute at which it begins."""

    patient: Patient
    kind: int
    days: int
    onset: int


def slow_attacks(patient: Patient, seed: int) -> Iterator[SlowAttack]:
    """Yield what a patient's stay is long enough for: two and a half days, the ramp, and a day at full strength."""
    if patient.profile.enrolment_min < LONG_ENROLMENT_MIN or not isinstance(patient.recording, Recording):
        return
    minutes = patient.minutes.event_minute - patient.recording.first_event_minute
    for days in RAMPS_DAYS:
        last = ONSET_MIN + days * DAY_MIN + HELD_MIN - 1
        if last >= len(minutes):
            continue
        for kind, name in enumerate(KINDS.values()):
            attacked = _attacked(patient.recording, name, int(minutes[ONSET_MIN]), int(minutes[last]) + 1, days, seed)
            stay = UnmarkedStay(replace(attacked, device_id=f"{patient.name}-slow-{kind}-{days}"))
            attacked_patient = patient_of(stay, patient.population, patient.profile.enrolment_min)
            if attacked_patient is not None:
                yield SlowAttack(attacked_patient, kind, days, ONSET_MIN)


def _attacked(recording: Recording, name: str, begin: int, end: int, days: int, seed: int) -> Recording:
    """Return the recording up to the attack's end."""
    cut = replace(
        recording,
        heart_rate_bpm=recording.heart_rate_bpm[:end],
        resp_rate_bpm=recording.resp_rate_bpm[:end],
        pulse_bpm=None if recording.pulse_bpm is None else recording.pulse_bpm[:end],
    )
    spec = AttackSpec(name, recording.device_id, begin, end - begin, "strong", seed, ramp_min=days * DAY_MIN)
    return inject(cut, spec).recording


def phase_of(minute: np.ndarray, onset: int, days: int) -> np.ndarray:
    """Return int[R]: 0 before the attack, 1 while it grows, 2 while it is held at full strength. Minutes are valid ones."""
    return np.where(minute < onset, 0, np.where(minute < onset + days * DAY_MIN, 1, 2))


Weights = Mapping[str, NDArray[np.float32]]
Report = Callable[[float, str], None]


class Measured(NamedTuple):
    """One patient's streams, what the replay and the pulse rule say on each, and their distortions as bits."""

    streams: list[Stream]
    replay: list[NDArray[np.float32]]
    pulse: list[NDArray[np.float32]]
    distortions: list[int]


class _Job(NamedTuple):
    job: PatientJob
    fold: int
    role: int
    slow: tuple[int, int, int] = (-1, -1, -1)


def measured_material(
    plan: EvaluationPlan,
    cohort: Cohort,
    network: Weights,
    seed: int,
    carry_out: CarryOut,
    report: Report,
    enrolment_min: int | None = None,
) -> Material:
    """Return a seed's material. Blocks for a minute or more. `enrolment_min` for everybody leaves only the core attacks.

    `enrolment_min` None: a day where two days are valid, else ten hours, and then slow attacks and simulated patients too.
    """
    judged = Population("judged", cohort.judged, cohort.is_real)
    cases = plan.cases if enrolment_min is None else core_cases()
    jobs = _jobs_of(judged, plan, network, seed, cases, JUDGED, enrolment_min)
    if enrolment_min is None:
        jobs += _slow_jobs(jobs, seed)
        if cohort.simulated and seed == plan.seed:
            simulated = Population("simulated", cohort.simulated, is_real=False)
            jobs += _jobs_of(simulated, plan, network, seed, core_cases(), SIMULATED, None)
    results: list[Measured] = []
    for of_patient in carry_out(measured, [job.job for job in jobs]):
        results.append(of_patient)
        report(len(results) / len(jobs), f"{len(results)} of {len(jobs)} streams")
    return _joined(jobs, results)


def measured(job: PatientJob) -> Measured:
    """Return a patient's streams, without those of attacks that could not begin so early."""
    streams = [stream for stream in streams_of(job) if stream.case < 0 or _is_possible(job, stream)]
    bits = [drawn_distortions(job, stream) for stream in streams]
    return Measured(streams, replay_values(job, streams), pulse_values(job, streams), bits)


def _is_possible(job: PatientJob, stream: Stream) -> bool:
    name, level = job.attacks.cases[stream.case]
    return is_possible(name, level, attacked_span(job, stream)[0])


def _jobs_of(
    population: Population,
    plan: EvaluationPlan,
    network: Weights,
    seed: int,
    cases: tuple[tuple[str, str], ...],
    role: int,
    enrolment_min: int | None,
) -> list[_Job]:
    patients, _ = patients_of([population], enrolment_min)
    lengths = np.array([len(patient.minutes) for patient in patients], np.int64)
    fold = dealt(lengths, plan.folds, np.random.default_rng(seed))
    jobs = []
    for place, patient in enumerate(patients):
        other = _other(patients, fold, place, seed)
        effort, injector = plan.effort, DonorInjector(_donor(other))
        attacks = Attacks(cases, injector, effort.distortions, effort.more_onsets, taught=len(plan.learnt))
        course = np.empty((0, 2)) if other is None else other.minutes.values
        jobs.append(_Job(PatientJob(patient, course, attacks, seed, network), int(fold[place]), role))
    return jobs


def _other(patients: Sequence[Patient], fold: NDArray[np.int64], place: int, seed: int) -> Patient | None:
    """Return another patient of the same fold, so that no judged patient teaches by the way."""
    same = [other for other in np.flatnonzero(fold == fold[place]).tolist() if other != place]
    if not same:
        return None
    return patients[same[int(generator_of(seed, patients[place].name, "other").integers(len(same)))]]


def _donor(other: Patient | None) -> Recording | None:
    return other.recording if other is not None and isinstance(other.recording, Recording) else None


def _slow_jobs(jobs: Sequence[_Job], seed: int) -> list[_Job]:
    slow_jobs = []
    for judged in jobs:
        for slow in slow_attacks(judged.job.patient, seed):
            attacks = Attacks((), judged.job.attacks.inject, distortions=0)
            job = PatientJob(slow.patient, np.empty((0, 2)), attacks, seed, judged.job.network)
            slow_jobs.append(_Job(job, judged.fold, SLOW, (slow.kind, slow.days, slow.onset)))
    return slow_jobs


def _joined(jobs: Sequence[_Job], results: Sequence[Measured]) -> Material:
    patients = [job.job.patient for job in jobs]
    roles = np.array([job.role for job in jobs], np.int64)
    known = [
        (patient.name, int(role == SIMULATED), patient.profile.enrolment_min, patient.enrolled)
        for patient, role in zip(patients, roles, strict=True)
    ]
    return Material(
        table_of(known, [result.streams for result in results]),
        np.concatenate([values for result in results for values in result.replay]),
        np.concatenate([values for result in results for values in result.pulse]),
        np.array([bits for result in results for bits in result.distortions], np.int64),
        np.array([job.fold for job in jobs], np.int64),
        roles,
        np.array([patient.profile.grid_bpm.max() for patient in patients]),
        np.array([job.slow for job in jobs], np.int64),
    )
