"""From patients and attacks to a detector: network, table of decisions, out-of-sample calibration, last fit, card, canary."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from contracts.errors import Misconfigured
from detectors.array_types import Bools, Floats, Floats32, Ints
from detectors.baseline.own_past import OwnPast
from detectors.bundle.bundle import Bundle
from detectors.scoring.components import DetectorParameters, FittedScores
from detectors.training.calibration import FOLDS, Calibration, calibrated, dealt, out_of_sample
from detectors.training.canaries.windows import canary_set
from detectors.training.card import card_of
from detectors.training.cohort import Population
from detectors.training.network.fit import fit_network, training_windows
from detectors.training.patients import Patient, generator_of, patients_of
from detectors.training.scores.scoring_fit import fit_scores, voted_components
from detectors.training.scores.table import DecisionTable, Stream, rule_rows
from detectors.training.scores.table_build import Attacks, PatientJob, built
from detectors.training.training import LEAST_PATIENTS, Training
from detectors.training.workfolder import WorkFolder

Weights = dict[str, Floats32]
Progress = Callable[[str, float, str], None]
CarryOut = Callable[[Callable[[PatientJob], list[Stream]], Sequence[PatientJob]], Iterable[list[Stream]]]

STAGES: Final = ("network", "decisions", "calibration", "detector", "canary")


@dataclass(frozen=True, slots=True, eq=False)
class _Cohort:
    """The patients that last long enough. `fold` int64[P] of those that calibrate, -1 of the others."""

    patients: list[Patient]
    short: list[str]
    fold: Ints

    @property
    def calibrating(self) -> Ints:
        return np.flatnonzero(self.fold >= 0)


def train_detector(training: Training, work: WorkFolder, progress: Progress, carry_out: CarryOut = map) -> Bundle:
    """Train and return an unsaved bundle. Equal arguments give equal results on one machine. Blocks for minutes.

    Finished stages are found again in `work`. `progress(stage, share, text)` hears of `STAGES`; `carry_out` maps the
    measuring of patients, in order, perhaps over several processes. Raises Misconfigured when the patients do not do.
    """
    training.check()
    cohort = _cohort_of(training)
    network = _network(training, work, partial(progress, "network"))
    table = _table(training, cohort, network, work, partial(progress, "decisions"), carry_out)
    past = table.own_past(table.values)
    calibration, flagged = _calibration(training, cohort, table, past, work, partial(progress, "calibration"))
    progress("detector", 0.1, "fitting on all patients")
    fitted = _fit(training, table, past, np.arange(len(table.name)))
    progress("detector", 1.0, "done")
    progress("canary", 0.1, "attacking simulated patients")
    canary = canary_set(
        training.canary_stays, training.cases, training.inject, training.effort.canary_windows, training.seed
    )
    progress("canary", 1.0, "done")
    card = card_of(training, cohort.patients, cohort.short, table, calibration, flagged)
    return Bundle(_parameters(network, fitted, calibration), card, canary)


def _cohort_of(training: Training) -> _Cohort:
    patients, short = patients_of(training.populations, training.enrolment_min)
    fold = np.full(len(patients), -1)
    judged = np.array(
        [place for place, patient in enumerate(patients) if patient.population in training.calibrating], np.int64
    )
    if len(judged) < LEAST_PATIENTS:
        raise Misconfigured(
            f"only {len(judged)} patients last long enough to be enrolled and judged for four hours; "
            f"{LEAST_PATIENTS} are the least"
        )
    lengths = np.array([len(patients[place].minutes) for place in judged])
    fold[judged] = dealt(lengths, FOLDS, generator_of(training.seed, "folds"))
    return _Cohort(patients, short, fold)


def _network(training: Training, work: WorkFolder, report: Callable[[float, str], None]) -> Weights:
    if training.network is not None:
        report(1.0, "given")
        return dict(training.network)

    def make() -> Weights:
        patients, _ = patients_of([Population("network's", training.network_stays, is_real=False)])
        windows = training_windows([(patient.minutes, patient.profile) for patient in patients])
        return fit_network(windows, training.seed, training.effort.steps, report=report)

    weights = work.stage("network", make)
    report(1.0, "done")
    return weights


def _table(
    training: Training,
    cohort: _Cohort,
    network: Weights,
    work: WorkFolder,
    report: Callable[[float, str], None],
    carry_out: CarryOut,
) -> DecisionTable:
    effort = training.effort
    attacks = Attacks(training.cases, training.inject, effort.distortions, effort.more_onsets)

    def make() -> dict[str, NDArray[Any]]:
        jobs = [
            PatientJob(patient, _other(cohort, place, training.seed), attacks, training.seed, network)
            for place, patient in enumerate(cohort.patients)
        ]
        return built(jobs, carry_out, report).arrays()

    table = DecisionTable(**work.stage("decisions", make))
    report(1.0, f"{len(table)} decisions")
    return table


def _other(cohort: _Cohort, place: int, seed: int) -> Floats:
    """Return whose course distortions may mix in: somebody of the same fold, so that no judged patient teaches by the way."""
    patient = cohort.patients[place]
    same = [
        other for other in np.flatnonzero(cohort.fold == cohort.fold[place])
        if other != place and cohort.patients[other].population == patient.population
    ]  # fmt: skip
    if not same:
        return np.empty((0, 2))
    return cohort.patients[same[int(generator_of(seed, patient.name, "other").integers(len(same)))]].minutes.values


def _calibration(
    training: Training,
    cohort: _Cohort,
    table: DecisionTable,
    past: OwnPast,
    work: WorkFolder,
    report: Callable[[float, str], None],
) -> tuple[Calibration, Bools]:
    """Return the calibration, and what models that had not seen its patient would have flagged."""

    def scored(left_out: Ints, rows: Ints) -> dict[str, Floats]:
        place = int(cohort.fold[left_out[0]])

        def make() -> dict[str, Floats]:
            fitted = _fit(training, table, past, np.setdiff1d(np.arange(len(table.name)), left_out))
            return voted_components(table, past, fitted, rows)

        votes = work.stage(f"calibration-{place}", make)
        report((place + 1) / FOLDS, f"{place + 1} of {FOLDS} models")
        return votes

    votes = out_of_sample(table, cohort.fold, scored, cohort.calibrating)
    calibration = calibrated(table, votes, cohort.calibrating, training.budget)
    flagged = np.nan_to_num(calibration.combined(votes), nan=-np.inf) >= calibration.threshold
    rules = rule_rows(table)
    report(1.0, f"threshold {calibration.threshold:.2f}")
    return calibration, flagged | rules["copy"] | rules["frozen"]


def _fit(training: Training, table: DecisionTable, past: OwnPast, patients: Ints) -> FittedScores:
    learnt = frozenset(range(len(training.cases)))
    return fit_scores(table, past, patients, learnt, training.seed, training.effort.epochs)


def _parameters(network: Weights, fitted: FittedScores, calibration: Calibration) -> DetectorParameters:
    return DetectorParameters(
        network=network,
        standardisation=fitted.standardisation,
        fast_tails=fitted.fast_tails,
        slow_tails=fitted.slow_tails,
        classifiers=fitted.classifiers,
        scales=calibration.scales,
        threshold=calibration.threshold,
    )
