"""The model card: who taught what, how it was done, what calibration showed out of sample, and what nobody should expect."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any, Final

import numpy as np

from detectors.array_types import Bools
from detectors.training.calibration import Calibration
from detectors.training.patients import Patient
from detectors.training.scores.table import CLEAN, DISTORTED, DecisionTable, attack_delays
from detectors.training.training import Training

WITHIN_MIN: Final = (120, 240, 720)
LIMITS: Final = (
    "a coherent ramp or offset of both channels inside the clinical range looks like the patient",
    "another patient's data aligned to the own mean and sd passes",
    "a poison slower than the device's own baseline is learnt",
    "poisoned labels and updates are not in the input: rounds of federated learning judge those",
    "a poisoned enrolment defeats what a device learns of itself",
    "lattice statistics rest on the monitor's grid, which an attacker who dithers avoids",
    "paced and ventilated patients are nearly constant",
    "devices of other hospitals cost about twice the false exclusions that the budget pays for",
)
SIMULATED_ONLY: Final = (
    "no real patient took part: scales and threshold come from simulated ones, and real devices were excluded by mistake five to "
    "ten times as often as such figures say; train with recordings before anybody relies on it"
)


def card_of(
    training: Training,
    patients: Sequence[Patient],
    short: Sequence[str],
    table: DecisionTable,
    calibration: Calibration,
    flagged: Bools,
) -> dict[str, Any]:
    """Return the card. `flagged` bool[N] come from models that had not seen the decision's patient (False where none judged)."""
    real = [population.name for population in training.populations if population.is_real]
    return {
        "seed": training.seed,
        "budget": training.budget,
        "effort": asdict(training.effort),
        "data": {
            "references": _references(training, patients, short),
            "network": [stay.recording.device_id for stay in training.network_stays],
            "canary": [stay.recording.device_id for stay in training.canary_stays],
        },
        "network": "given" if training.network is not None else "fitted on simulated patients",
        "attacks": [f"{name} {level}" for name, level in training.cases],
        "rows": _rows(table),
        "calibration": {
            "patients": calibration.patients,
            "device_weeks": round(calibration.weeks, 2),
            "threshold": round(calibration.threshold, 4),
            "folds": "each calibration patient was scored by a model fitted without it",
            "found": _found(table, flagged, training.cases),
        },
        "limits": [*LIMITS, *(() if real else (SIMULATED_ONLY,))],
    }


def _references(training: Training, patients: Sequence[Patient], short: Sequence[str]) -> list[dict[str, Any]]:
    """Every patient's use: references teach norm, tails and classifiers. Those that calibrate set scales and threshold too."""
    left_out, calibrating = set(short), training.calibrating
    return [
        {
            "population": population.name,
            "real": population.is_real,
            "use": ["standardisation", "tails", "classifiers"] + ["scales and threshold"] * (place in calibrating),
            "enrolled_min": {
                patient.name: patient.profile.enrolment_min for patient in patients if patient.population == place
            },
            "too_short": [
                stay.recording.device_id for stay in population.stays if stay.recording.device_id in left_out
            ],
        }
        for place, population in enumerate(training.populations)
    ]


def _rows(table: DecisionTable) -> dict[str, int]:
    case = table.case[table.stream]
    kinds = {"clean": case == CLEAN, "attacked": case >= 0, "distorted": case == DISTORTED}
    return {name: int((rows & table.judged).sum()) for name, rows in kinds.items()}


def _found(table: DecisionTable, flagged: Bools, cases: Sequence[tuple[str, str]]) -> dict[str, dict[str, float | int]]:
    """Return by attack on how many onsets, and the share found within 2, 4 and 12 hours."""
    delay = attack_delays(table, flagged, len(cases)).delay_min
    result: dict[str, dict[str, float | int]] = {}
    for place, (name, level) in enumerate(cases):
        own = delay[~np.isnan(delay[:, place]), place]
        if len(own):
            shares = {f"within_{limit // 60}_h": round(float((own <= limit).mean()), 3) for limit in WITHIN_MIN}
            result[f"{name} {level}"] = {"onsets": len(own), **shares}
    return result
