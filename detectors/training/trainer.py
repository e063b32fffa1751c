"""The whole training, stage by stage: autoencoders, features, networks, calibration, metrics and canary, into one bundle."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any, Final, Protocol

import numpy as np
from safetensors.numpy import save

from detectors.bundle import Bundle, Weights
from detectors.knowledge import ENROLMENTS_MIN, SITUATIONS, Knowledge, Situation
from detectors.measure import Measure
from detectors.standardise import Expectations
from detectors.training.autoencoder_fit import fit_autoencoder
from detectors.training.calibration import calibrate, summary
from detectors.training.canary import canary_windows
from detectors.training.card import test_metrics
from detectors.training.clean_features import CleanTask, clean_features
from detectors.training.cohort import Cohorts, Injector
from detectors.training.judging import raw_scores
from detectors.training.labelled_rows import AttackTask, LabelledRows, attacked_rows
from detectors.training.lessons import Lessons, fit_tables, learn
from detectors.training.pool import Pool, pool
from detectors.training.reference import clean_rows, expectations_of, population_measure, population_scale
from detectors.training.trace_jobs import CleanTraceTask, Means, clean_traces, packed, unpacked
from detectors.training.traces import Trace
from detectors.training.workfolder import Arrays, WorkFolder
from detectors.weight_layout import AUTOENCODERS

STAGES: Final = ("bottleneck", "blind_spot", "clean hours", "attacked hours", "networks", "calibration", "test")

Case = tuple[str, str]


@dataclass(frozen=True, slots=True)
class Effort:
    """How much work to put in; the defaults are the shipped bundle's."""

    autoencoder_patients: int = 48
    autoencoder_epochs: int = 10
    attacked_patients: int = 400
    distortions_per_patient: int = 12
    network_epochs: int = 4
    clean_stride: int = 3
    canary_windows: int = 256
    processes: int = 2


class Progress(Protocol):
    """Hears how far a stage (one of STAGES) is: share 0..1 and a few words."""

    def __call__(self, stage: str, share: float, text: str) -> None: ...


@dataclass(frozen=True, slots=True)
class Learner:
    """What every stage needs: who, with which attacks, how thoroughly, and where finished stages are kept.

    A given `bottleneck` (a global model) takes the place of the one that would be fitted; everything after it is learnt anew.
    """

    cohorts: Cohorts
    cases: tuple[Case, ...]
    inject: Injector
    seed: int
    effort: Effort
    progress: Progress
    work: WorkFolder
    bottleneck: Weights | None = None

    def autoencoders(self) -> tuple[Weights, Weights]:
        """Return both autoencoders, fitted on the first reference patients unless given."""
        first = self.cohorts.reference[: self.effort.autoencoder_patients]
        scale = population_scale(first)
        found = []
        for name in AUTOENCODERS:
            report = self.stage(name)
            given = self.bottleneck if name == "bottleneck" else None

            def fit(name: str = name, report: Any = report) -> Weights:
                return fit_autoencoder(name, first, scale, self.effort.autoencoder_epochs, self.seed, report).weights

            found.append(self.work.stage(name, fit) if given is None else given)
            report(1.0, "done" if given is None else "given")
        return found[0], found[1]

    @property
    def after_bottleneck(self) -> WorkFolder:
        """Where stages are kept that depend on the bottleneck: those of a given one under a key that names it."""
        if self.bottleneck is None:
            return self.work
        sha256 = hashlib.sha256(save(dict(sorted(self.bottleneck.items())))).hexdigest()
        return replace(self.work, key=f"{self.work.key} {sha256}")

    def features(self, workers: Pool) -> tuple[Measure, dict[str, Expectations], LabelledRows]:
        """Return the population's measure, what to expect of a device, and the clean rows."""
        reference = self.cohorts.reference
        measure = population_measure(reference)
        report = self.stage("clean hours")
        tasks = [CleanTask(stay, measure, self.effort.clean_stride) for stay in reference]
        found = list(_told(workers.map(clean_features, tasks), len(tasks), report))
        rms = np.median([one[ENROLMENTS_MIN[-1]].measure.residual_rms for one in found], axis=0)
        expected = expectations_of(found)
        return measure._replace(residual_rms=rms.astype(np.float32)), expected, clean_rows(found, expected)

    def attacked(self, workers: Pool, means: Means, *others: Means) -> list[LabelledRows]:
        """Return the rows of attacked and distorted reference patients, once for each of the means (which share a population)."""
        reference, effort = self.cohorts.reference, self.effort
        by_length = {length: [one.expectations[str(length)] for one in (means, *others)] for length in ENROLMENTS_MIN}
        tasks = [
            AttackTask(
                stay, reference[(index + 7) % len(reference)], self.cases, effort.distortions_per_patient, by_length,
                means.population, self.inject, (self.seed, 1, index),
            )
            for index, stay in enumerate(reference[: effort.attacked_patients])
        ]  # fmt: skip

        def make() -> Arrays:
            report = self.stage("attacked hours")
            patients = _told(workers.map(attacked_rows, tasks), len(tasks), report)
            first, *rest = map(LabelledRows.joined, zip(*patients, strict=True))
            return first.arrays() | {f"r_{place}": one.r for place, one in enumerate(rest)}

        arrays = self.after_bottleneck.stage("attacked", make)
        first = LabelledRows.from_arrays(arrays)
        self.stage("attacked hours")(1.0, f"{len(first)} rows")
        return [first, *(replace(first, r=arrays[f"r_{place}"]) for place in range(len(others)))]

    def calibration_traces(self, workers: Pool, means: Means) -> dict[str, list[Trace]]:
        """Return the calibration devices' traces in every situation."""
        fleet = self.cohorts.calibration
        tasks = [CleanTraceTask(stay.recording, SITUATIONS, means) for stay in fleet]
        report = self.stage("calibration")

        def make() -> Arrays:
            found = list(_told(workers.map(clean_traces, tasks), len(tasks), report))
            return packed([one[situation] for situation in SITUATIONS for one in found])

        traces = unpacked(self.after_bottleneck.stage("calibration", make))
        return {name: traces[place * len(fleet) : (place + 1) * len(fleet)] for place, name in enumerate(SITUATIONS)}

    def stage(self, name: str) -> Any:
        """Return what a stage reports to."""
        return lambda share, text: self.progress(name, share, text)


def train_bundle(learner: Learner, data: Mapping[str, Any]) -> Bundle:
    """Train; `data` goes into the model card to say what was used.

    Blocks for many minutes. The same arguments on the same machine give the same bundle, however many processes work.
    Raises Misconfigured when a patient is in two cohorts.
    """
    learner.cohorts.check_disjoint()
    bottleneck, blind_spot = learner.autoencoders()
    with pool(bottleneck, blind_spot, learner.effort.processes) as workers:
        measure, expected, clean = learner.features(workers)
        means = Means(expected, measure)
        rows = LabelledRows.joined([clean, *learner.attacked(workers, means)])
        lessons = learn(
            rows, learner.cases, fit_tables(rows), epochs=learner.effort.network_epochs, seed=learner.seed,
            report=learner.stage("networks"),
        )  # fmt: skip
        situations, metrics = _calibrated(lessons, learner.calibration_traces(workers, means))
        knowledge = Knowledge(lessons.networks, lessons.tables, expected, situations, measure)
        tested = test_metrics(
            knowledge,
            means,
            workers,
            learner.cohorts.test,
            learner.cases,
            learner.inject,
            learner.seed,
            learner.stage("test"),
        )
    card = {
        "seed": learner.seed, "effort": asdict(learner.effort), "data": dict(data), "rows": dict(lessons.counts),
        "calibration": metrics, "test": tested, "limits": LIMITS,
    }  # fmt: skip
    strong = [case for case in learner.cases if case[1] == "strong"] or list(learner.cases)
    canary = canary_windows(learner.cohorts.test, strong, learner.inject, learner.effort.canary_windows, learner.seed)
    return Bundle(bottleneck, blind_spot, knowledge, card, canary)


LIMITS: Final = (
    "learnt and measured on synthetic patients; two real records are all that real data said",
    "a coherent ramp or offset inside the clinical range looks like deterioration",
    "jittered replay and another patient's aligned data pass",
    "lattice features rest on the monitor's rounding, which an attacker who dithers avoids",
    "a poisoned enrolment defeats what a device learns of itself",
)


def _calibrated(
    lessons: Lessons, traces: Mapping[str, Sequence[Trace]]
) -> tuple[dict[str, Situation], dict[str, Mapping[str, Any]]]:
    situations: dict[str, Situation] = {}
    metrics: dict[str, Mapping[str, Any]] = {}
    for name, fleet in traces.items():
        usable = [trace for trace in fleet if len(trace)]
        found = calibrate(usable, [raw_scores(lessons.tables, lessons.networks, trace) for trace in usable])
        situations[name] = found.situation
        metrics[name] = {"threshold": found.situation.threshold, **summary(found.fleet, found.situation.threshold)}
    return situations, metrics


def _told(results: Any, count: int, report: Any) -> Any:
    for done, result in enumerate(results, 1):
        report(done / count, f"{done} of {count} patients")
        yield result
