"""All statistics of a whole stream at once: what the engine computes decision by decision."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from detectors.minutes.windows import STEP_MIN
from detectors.statistics import lattice
from detectors.statistics.base import FAST_MIN, SLOW_MIN
from detectors.statistics.registry import block_sums, statistic_values
from detectors.statistics.windows import DecisionRows, block_minutes, grid_steps
from detectors.types import Floats, Floats32


class Blocks(NamedTuple):
    """What is summed of R blocks: `terms` float32[R, terms_width()], `phases` int16[R, 2, 144]."""

    terms: Floats32
    phases: NDArray[np.int16]


def blocks_of(rows: DecisionRows, network_error: Floats32 | None) -> Blocks:
    """Return the block sums of decisions; `network_error` float32[R, 15, 2]."""
    minutes = block_minutes(rows, network_error)
    return Blocks(block_sums(minutes), lattice.block_phases(grid_steps(rows), minutes.weight))


def stream_statistics(blocks: Blocks) -> Floats:
    """Return float64[k, columns] of a stream's blocks, one after another; early decisions rest on fewer minutes."""
    sums = {minutes: rolled_sums(blocks.terms, minutes // STEP_MIN) for minutes in (FAST_MIN, SLOW_MIN)}
    phases = {minutes: rolled_sums(blocks.phases, minutes // STEP_MIN) for minutes in lattice.HORIZONS_MIN}
    return statistic_values(sums, {minutes: np.rint(total).astype(np.int32) for minutes, total in phases.items()})


def rolled_sums(blocks: NDArray[np.generic], count: int) -> Floats:
    """Return float64[k, ...] of a stream's blocks [k, ...]: the sum of the last `count` of them (fewer at the start)."""
    shape: Sequence[int] = (1, *blocks.shape[1:])
    total = np.concatenate([np.zeros(shape), np.cumsum(blocks, axis=0, dtype=np.float64)])
    at = np.arange(len(blocks))
    rolled: Floats = total[at + 1] - total[np.maximum(0, at + 1 - count)]
    return rolled
