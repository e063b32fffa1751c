"""What a network, and a whole detector around it, make of patients and attacks that no training has met."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from detectors.array_types import Bools, Floats, Weights
from detectors.network.layout import EMITTED
from detectors.network.runtime import DensityNetwork
from detectors.scoring.common_scale import peaks_of
from detectors.scoring.components import DetectorParameters
from detectors.training.calibration import Calibration
from detectors.training.canaries.figures import NetworkFit, Outcomes
from detectors.training.canaries.windows import KINDS, canary_windows
from detectors.training.cohort import Injector, Population, Stay
from detectors.training.network.fit import NetworkWindows, joined, training_windows, window_losses
from detectors.training.patients import Patient, patients_of
from detectors.training.scores.scoring_fit import voted_components
from detectors.training.scores.table import DecisionTable, attack_delays, rule_rows
from detectors.training.scores.table_build import Attacks, PatientJob, built
from detectors.training.trainer import CarryOut
from detectors.training.workfolder import Arrays, WorkFolder

Report = Callable[[float, str], None]

FOUND_WITHIN_MIN: Final = 240
UNKNOWN: Final = np.array([np.nan])


@dataclass(frozen=True, slots=True, eq=False)
class HeldOut:
    """Patients who teach nobody, and the attacks `cases` (name, level) on them. Real ones judge a detector where there are any."""

    simulated: Sequence[Stay]
    real: Sequence[Stay]
    cases: tuple[tuple[str, str], ...]
    inject: Injector
    seed: int


def network_fit(network: Weights, held_out: HeldOut, canary: Mapping[str, NDArray[Any]]) -> NetworkFit:
    """Try a network on clean windows of all patients, and on a bundle's canary set. Blocks for some seconds.

    What the canary set lacks comes out as NaN, which no verdict passes.
    """
    simulated, real = (_patient_losses(network, _patients(stays)) for stays in (held_out.simulated, held_out.real))
    try:
        clean, attacked = (canary_windows(canary, kind) for kind in KINDS)
    except KeyError:
        return NetworkFit(simulated, real, UNKNOWN, UNKNOWN, UNKNOWN)
    errors = (_mean_square(network, windows) for windows in (clean, attacked))
    return NetworkFit(simulated, real, window_losses(network, clean), *errors)


def outcomes(
    parameters: DetectorParameters, held_out: HeldOut, work: WorkFolder, carry_out: CarryOut, report: Report
) -> Outcomes:
    """Try a detector. Equal arguments give equal figures, so that those of two detectors are paired. Blocks for minutes.

    Votes on the common scale, the copy and the frozen rule speak. The rules that need a day's history or the pulse are
    left out: they are the same in every detector.
    """

    def make() -> Arrays:
        attacks = Attacks(held_out.cases, held_out.inject, distortions=0)
        patients = _patients(held_out.real or held_out.simulated)
        jobs = [
            PatientJob(patient, np.empty((0, 2)), attacks, held_out.seed, parameters.network) for patient in patients
        ]
        table = built(jobs, carry_out, report)
        flagged = _flagged(parameters, table)
        false, weeks = _false_exclusions(table, flagged)
        return {"false_exclusions": false, "weeks": weeks, "found": _found_in_time(table, flagged, len(held_out.cases))}

    return Outcomes(**work.stage("outcomes", make), attacks=tuple(f"{name} {level}" for name, level in held_out.cases))


def _patients(stays: Sequence[Stay]) -> list[Patient]:
    return patients_of([Population("held out", stays, is_real=False)])[0]


def _patient_losses(network: Weights, patients: Sequence[Patient]) -> Floats:
    """Return each patient's mean loss, float64[P]."""
    if not patients:
        return np.empty(0)
    windows = [training_windows([(patient.minutes, patient.profile)]) for patient in patients]
    losses = window_losses(network, joined(windows))
    ends = np.cumsum([len(own) for own in windows])[:-1]
    return np.array([own.mean() for own in np.split(losses, ends)], np.float64)


def _mean_square(network: Weights, windows: NetworkWindows) -> Floats:
    """Return float64[N]: the mean square of the normal scores of measured values in the judged minutes of each window."""
    weight = windows.weight[:, EMITTED.start : EMITTED.stop]
    scores = DensityNetwork(network).normal_scores(windows.z, windows.weight, windows.context, windows.half_cell)
    squares: Floats = (scores**2 * weight).sum((1, 2), np.float64) / np.maximum(weight.sum((1, 2)), 1)
    return squares


def _flagged(parameters: DetectorParameters, table: DecisionTable) -> Bools:
    """Return bool[N]: the decisions that exclude a device."""
    votes = voted_components(table, table.own_past(table.values), parameters, np.arange(len(table)))
    scored = Calibration(parameters.scales, parameters.threshold, weeks=0.0, patients=0).combined(votes)
    flagged: Bools = np.nan_to_num(scored, nan=-np.inf) >= parameters.threshold
    for rule in rule_rows(table).values():
        flagged = flagged | rule
    return flagged & table.judged


def _false_exclusions(table: DecisionTable, flagged: Bools) -> tuple[Floats, Floats]:
    """Return by patient how often its clean stream is excluded, each time four hours from the next, and the weeks it is judged."""
    streams = table.clean_streams(np.arange(len(table.name)))
    peaks = [peaks_of(flagged[part].astype(np.float64), table.judged[part]) for part in streams]
    false = [sum(peak > 0 for peak in own) for own in peaks]
    return np.array(false, np.float64), np.array([table.weeks([part]) for part in streams])


def _found_in_time(table: DecisionTable, flagged: Bools, cases: int) -> Floats:
    """Return float64[patients attacked, cases]: of its onsets, the share found in time. What leaves nothing to judge is not found."""
    attacks = attack_delays(table, flagged, cases)
    in_time = attacks.delay_min <= FOUND_WITHIN_MIN
    shares = [in_time[attacks.patient == patient].mean(axis=0) for patient in np.unique(attacks.patient)]
    return np.array(shares, np.float64).reshape(-1, cases)
