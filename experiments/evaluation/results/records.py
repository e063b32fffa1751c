"""What is kept of one detector's flags on the core attacks and on clean devices, as records for results.json."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

import numpy as np
from numpy.typing import NDArray

from detectors.training.found import Found, found_attacks
from detectors.training.table import DecisionTable
from experiments.common.estimates import Estimate
from experiments.common.injection import core_cases
from experiments.evaluation.judging.judged import Judged
from experiments.evaluation.results.figures import false_exclusions
from experiments.evaluation.results.measures import core_shares

Bools = NDArray[np.bool_]
Record = dict[str, Any]


def core_of(judged: Judged, flagged: Bools) -> tuple[DecisionTable, Bools]:
    """Return the judged patients under the core attacks, and their flags."""
    table, rows = judged.core
    return table, flagged[rows]


def core_found(table: DecisionTable, flagged: Bools) -> Found:
    """Return when each core attack was found; the table holds no others."""
    return found_attacks(table, flagged, len(core_cases()))


def core_record(table: DecisionTable, flagged: Bools) -> Record:
    """Return the core's figures and the false exclusions of judged patients."""
    false = false_exclusions(table, flagged)
    return {
        "core": shares(core_shares(core_found(table, flagged), core_cases())),
        "false_exclusions": asdict(false.a_week),
        "devices": false.devices,
        "held": false.held,
    }


def shares(estimates: Mapping[str, Estimate]) -> Record:
    """Return estimates by name as records."""
    return {name: asdict(value) for name, value in estimates.items()}
