"""Builds the table of decisions, patient by patient, in one process or several. The result does not depend on how many."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Final

import numpy as np

from detectors.array_types import Floats, Weights
from detectors.network.runtime import DensityNetwork
from detectors.training.attacked import Trace, span_of, trace_of
from detectors.training.cohort import AttackCase, Injector, Vitals, vitals_of
from detectors.training.network.distorted import distorted
from detectors.training.patients import LEAST_ATTACK_MIN, Patient, generator_of, onsets_of
from detectors.training.scores.decisions import clean_blocks, clean_decisions, traced_decisions
from detectors.training.scores.table import CLEAN, DISTORTED, TEACHING, DecisionTable, Stream, table_of

Report = Callable[[float, str], None]

DISTORTIONS_EACH: Final = 16
DISTORTED_MIN: Final = 420


@dataclass(frozen=True, slots=True)
class Attacks:
    """What is done to each patient.

    `cases` (name, level) at up to two onsets, the first `taught` of them (None: all) at `more_onsets` others as well, which only
    teach; and so many random `distortions`.
    """

    cases: tuple[tuple[str, str], ...]
    inject: Injector
    distortions: int = DISTORTIONS_EACH
    more_onsets: int = 0
    taught: int | None = None


@dataclass(frozen=True, slots=True)
class PatientJob:
    """One patient to be measured. `other` float64[p, 2] is whose course distortions may mix in."""

    patient: Patient
    other: Floats
    attacks: Attacks
    seed: int
    network: Weights = field(default_factory=dict)


def built(
    jobs: Sequence[PatientJob],
    carry_out: Callable[[Callable[[PatientJob], list[Stream]], Sequence[PatientJob]], Iterable[list[Stream]]] = map,
    report: Report = lambda _, __: None,
) -> DecisionTable:
    """Return the table of all patients. `carry_out` maps the work over the jobs in order (`map`, or several processes)."""
    streams = list(_reported(carry_out(streams_of, jobs), len(jobs), report))
    patients = [(job.patient.name, job.patient.population, job.patient.profile.enrolment_min, job.patient.enrolled)
             for job in jobs]  # fmt: skip
    return table_of(patients, streams)


def streams_of(job: PatientJob) -> list[Stream]:
    """Return a patient's clean stream and its traces."""
    patient = job.patient
    network = DensityNetwork(job.network) if job.network else None
    clean = clean_blocks(patient, network)
    streams = [Stream(clean_decisions(patient, clean), CLEAN, -1, -1)]
    rng = generator_of(job.seed, patient.name)
    judged, others, duration = onsets_of(patient, rng, job.attacks.more_onsets)
    numbered = [*enumerate(judged), *enumerate(others, TEACHING)]
    wanted = list(_attacked(job, numbered, duration))
    if judged:
        wanted += _distorted(job, duration)
    decisions = traced_decisions(patient, clean, [trace for trace, _, _ in wanted], network)
    for traced, (trace, case, which) in zip(decisions, wanted, strict=True):
        streams.append(Stream(traced, case, trace.onset, which))
    return streams


def _attacked(job: PatientJob, onsets: Sequence[tuple[int, int]], duration: int) -> Iterator[tuple[Trace, int, int]]:
    patient = job.patient
    for which, onset in onsets:
        begin, end = span_of(patient, onset, duration)
        for place in range(len(job.attacks.cases[: job.attacks.taught if which >= TEACHING else None])):
            trace = trace_of(patient, attacked_vitals(job, place, onset, (begin, end)), onset, end)
            if trace is not None:
                yield trace, place, which


def attacked_vitals(job: PatientJob, place: int, onset: int, span: tuple[int, int]) -> Vitals:
    """Return the patient's vitals float64[m, 2] under the attack at `place`, on the minutes [begin, end) of `span` (`span_of`)."""
    (name, level), (begin, end) = job.attacks.cases[place], span
    seed = int(generator_of(job.seed, job.patient.name, name, level, onset).integers(1 << 31))
    case = AttackCase(name, level, begin, end - begin, seed)
    return np.stack(job.attacks.inject(job.patient.recording, case), axis=-1)


def _distorted(job: PatientJob, duration: int) -> list[tuple[Trace, int, int]]:
    """Return the traces of the distortions that change enough to be seen."""
    patient, traces = job.patient, []
    length = min(DISTORTED_MIN, duration)
    vitals = vitals_of(patient.recording)
    low, high = patient.profile.enrolment_min + 60, len(patient.minutes) - max(length, LEAST_ATTACK_MIN)
    for which in range(job.attacks.distortions if high > low and len(job.other) > DISTORTED_MIN * 3 else 0):
        rng = generator_of(job.seed, patient.name, "distortion", which)
        onset = int(rng.integers(low, high))
        begin, end = span_of(patient, onset, length)
        if end - begin >= len(job.other):
            continue
        changed = distorted(vitals, job.other, (begin, end), patient.profile.scale, patient.profile.grid_bpm, rng)
        trace = None if changed is None else trace_of(patient, changed, onset, end)
        if trace is not None:
            traces.append((trace, DISTORTED, which))
    return traces


def _reported(results: Iterable[list[Stream]], count: int, report: Report) -> Iterator[list[Stream]]:
    for done, streams in enumerate(results, 1):
        yield streams
        report(done / count, f"{done} of {count} patients")
