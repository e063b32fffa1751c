"""The copy rule: the last hour repeats, value by value, what came 5 to 60 minutes before.

Only a value that changed and still equals the one a lag before is evidence: constants match at every lag.
"""

from __future__ import annotations

from typing import Final

import numpy as np

from detectors.array_types import Floats, Floats32
from detectors.minutes.windows import STEP_MIN
from detectors.statistics.base import FAST_MIN
from detectors.statistics.windows import BLOCK, FIRST_ROW, LONGEST_LAG_MIN, DecisionRows, rolled_sums

LAGS_MIN: Final = np.arange(5, LONGEST_LAG_MIN + 1)
LIMIT_NATS: Final = 25.0
BLOCKS: Final = FAST_MIN // STEP_MIN
MOST_NATS: Final = 6.0
"""Of one minute: an artefact that comes back proves no more than any rare value."""
MISMATCH_NATS: Final = -2.3
LEAST_A_CHANNEL: Final = -10.0
NO_COPY: Final = -999.0


def block_evidence(rows: DecisionRows) -> Floats32:
    """Return float32[R, 56, 2]: nats for 'this block repeats what came so many minutes before', by lag and channel."""
    x, start, stop = rows.x, BLOCK.start, BLOCK.stop
    here = x[:, start:stop]
    gain, half = _gain(rows), 0.5 * rows.grid_bpm[:, None]
    changed = np.abs(here - x[:, start - 1 : stop - 1]) > half
    weight = rows.weight[:, start:stop].astype(np.float64)
    hit, miss = weight * (gain * changed), weight * MISMATCH_NATS
    minute = STEP_MIN * rows.decision[:, None] + FIRST_ROW + np.arange(start, stop)
    is_early = minute.min(initial=LONGEST_LAG_MIN) < LONGEST_LAG_MIN
    evidence = np.empty((len(x), len(LAGS_MIN), 2), np.float32)
    for place, lag in enumerate(LAGS_MIN.tolist()):
        equal = np.abs(here - x[:, start - lag : stop - lag]) < half
        nats = np.where(equal, hit, miss)
        if is_early:
            nats *= (minute >= lag)[:, :, None]  # a lag from before the stream is no evidence either way
        evidence[:, place] = nats.sum(axis=1)
    return evidence


def _gain(rows: DecisionRows) -> Floats:
    """Return float64[R, 15, 2]: how surprising a value is, given its two neighbours, in nats."""
    z, start, stop = rows.z, BLOCK.start, BLOCK.stop
    size = rows.residual_size[:, None, 0]
    error = z[:, start:stop] - (z[:, start - 1 : stop - 1] + z[:, start + 1 : stop + 1]) / 2
    cells = size * rows.scale[:, None] / rows.grid_bpm[:, None]
    nats = 0.5 * np.clip(error / size, -6, 6) ** 2 + np.log(cells + 1) + 1
    return np.asarray(np.clip(np.minimum(nats, MOST_NATS) - 0.1, 0, None))


def nats_of(hour: Floats) -> Floats:
    """Return float64[R] of an hour's evidence [R, 56, 2]: the best lag's, if no channel speaks against it."""
    total = hour.sum(axis=2)
    return np.asarray(np.where(hour.min(axis=2) >= LEAST_A_CHANNEL, total, NO_COPY).max(axis=1))


def stream_nats(evidence: Floats32) -> Floats:
    """Return float64[k] of a stream's blocks of evidence [k, 56, 2]."""
    return nats_of(rolled_sums(evidence, BLOCKS))
