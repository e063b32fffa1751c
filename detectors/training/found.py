"""When flags on a table of decisions find each attack, and what the rules that need no training flag."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from detectors.decisions.votes import AGREE
from detectors.rules.copies import LIMIT_NATS
from detectors.rules.frozen import LIMIT_MIN
from detectors.training.scores.table import TEACHING, DecisionTable
from detectors.types import Bools, Floats


@dataclass(frozen=True, slots=True)
class Found:
    """When each attack was found: `delay_min` float64[A, C] after the onset by onset and case (inf: never, NaN: not tried).

    `patient` int32[A] is whose onset it is. A decision finds at the last (valid) minute that it may see.
    """

    delay_min: Floats
    patient: NDArray[np.int32]


def found_attacks(table: DecisionTable, flagged: Bools, cases: int) -> Found:
    """Return the delays of all judged attacks of a table with so many cases."""
    streams = np.flatnonzero((table.case >= 0) & (table.which < TEACHING))
    keys = sorted({(int(table.patient[stream]), int(table.which[stream])) for stream in streams})
    place = {key: row for row, key in enumerate(keys)}
    delay = np.full((len(keys), cases), np.nan)
    for stream in streams:
        part = slice(int(table.start[stream]), int(table.stop[stream]))
        late = (table.minute[part][flagged[part] & table.judged[part]] - table.onset[stream]).astype(np.float64)
        row = place[int(table.patient[stream]), int(table.which[stream])]
        delay[row, table.case[stream]] = late[late > 0].min(initial=np.inf)
    return Found(delay, np.array([patient for patient, _ in keys], np.int32))


def rule_rows(table: DecisionTable) -> dict[str, Bools]:
    """Return by rule bool[N]: the copy and the frozen rule, each twice in a row."""
    values = {"copy": table.nats / LIMIT_NATS, "frozen": table.run / LIMIT_MIN}
    return {name: table.votes(found.astype(np.float64), AGREE[name]) >= 1 for name, found in values.items()}
