"""The minutes that a decision's block needs, and what their neighbours do not explain of them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from detectors.array_types import Floats, Floats32, Ints
from detectors.baseline.profile import Profile
from detectors.minutes.cleaning import on_grid
from detectors.minutes.windows import FIRST_MIN, STEP_MIN, WINDOW_MIN, Z_CLIP, decision_count
from detectors.statistics import lattice
from detectors.statistics.base import FAST_MIN, LEVEL, NEIGHBOURS, NETWORK, SIX, SIXTEEN, SLOW_MIN, BlockMinutes
from detectors.statistics.registry import block_sums, statistic_values

LONGEST_LAG_MIN: Final = 60
FIRST_ROW: Final = FIRST_MIN - LONGEST_LAG_MIN
"""Rows of decision k: 15k + FIRST_ROW (before the stream: anything, nobody reads it) .. 15k + 59."""
ROWS: Final = WINDOW_MIN - FIRST_ROW
BLOCK: Final = slice(LONGEST_LAG_MIN, LONGEST_LAG_MIN + STEP_MIN)
WINDOW: Final = slice(-FIRST_ROW, ROWS)


class DecisionRows(NamedTuple):
    """The minutes that R decisions read.

    `x` float64[R, 82, 2] in bpm and breaths/min on the channel's grid, `weight` float32[R, 82, 2], `decision` int64[R], and of each
    decision's device `median`, `scale`, `grid_bpm`, `unchanged_share` float64[R, 2], `residual_size` float64[R, 3, 2],
    `context` float32[R, C].
    """

    x: Floats
    weight: Floats32
    decision: Ints
    median: Floats
    scale: Floats
    grid_bpm: Floats
    unchanged_share: Floats
    residual_size: Floats
    context: Floats32

    @property
    def z(self) -> Floats:
        """float64[R, 82, 2]: scaled values, clipped to +-8."""
        return np.clip((self.x - self.median[:, None]) / self.scale[:, None], -Z_CLIP, Z_CLIP)

    @property
    def half_cell(self) -> Floats:
        """float64[R, 2]: half a grid step in scaled units."""
        return 0.5 * self.grid_bpm / self.scale


def rows_of_stream(values: Floats, weight: Floats32, profile: Profile) -> DecisionRows:
    """Return the rows of all decisions of a stream: values float64[n, 2], weights float32[n, 2], n >= 60."""
    return rows_of_part(values, weight, profile, np.arange(decision_count(len(values))), 0)


def rows_of_part(values: Floats, weight: Floats32, profile: Profile, decision: Ints, first: int) -> DecisionRows:
    """Return the rows of some decisions of a stream of which only the valid minutes from index `first` on are given."""
    x, count = on_grid(values, profile.grid_bpm), len(decision)
    at = np.maximum(STEP_MIN * decision[:, None] + np.arange(FIRST_ROW, WINDOW_MIN) - first, 0)

    def each(array: NDArray[np.floating]) -> Floats:
        return np.broadcast_to(np.asarray(array, np.float64), (count, *array.shape))

    return DecisionRows(
        x[at], weight[at], decision, each(profile.median), each(profile.scale), each(profile.grid_bpm),
        each(profile.unchanged_share), each(profile.residual_size),
        np.broadcast_to(profile.context, (count, len(profile.context))),
    )  # fmt: skip


def block_minutes(rows: DecisionRows, network_error: Floats32 | None) -> BlockMinutes:
    """Return the 15 minutes that each decision judges. `network_error` float32[R, 15, 2] are normal scores (None: 0).

    e = z - (z[t-1] + z[t+1]) / 2, z - (z[t-6] + z[t+6]) / 2 and z - .7 z[t-16], each in units of its own usual size.
    """
    z = rows.z
    here, start, stop = z[:, BLOCK], BLOCK.start, BLOCK.stop

    def at(lag: int) -> Floats:
        return z[:, start + lag : stop + lag]

    size = rows.residual_size
    residuals = {
        LEVEL: here,
        NEIGHBOURS: (here - (at(-1) + at(1)) / 2) / size[:, None, 0],
        SIX: (here - (at(-6) + at(6)) / 2) / size[:, None, 1],
        SIXTEEN: (here - 0.7 * at(-16)) / size[:, None, 2],
        NETWORK: np.zeros_like(here) if network_error is None else network_error.astype(np.float64),
    }
    unchanged = np.abs(here - at(-1)) < rows.half_cell[:, None]
    weight = rows.weight[:, BLOCK].astype(np.float64)
    return BlockMinutes(weight, residuals, unchanged, rows.unchanged_share[:, None])


def grid_steps(rows: DecisionRows) -> Ints:
    """Return int64[R, 15, 2]: the block's values in grid steps."""
    return np.rint(rows.x[:, BLOCK] / rows.grid_bpm[:, None]).astype(np.int64)


class Blocks(NamedTuple):
    """What is summed of R blocks: `terms` float32[R, terms_width()], `phases` int16[R, 2, 144]."""

    terms: Floats32
    phases: NDArray[np.int16]


def blocks_of(rows: DecisionRows, network_error: Floats32 | None) -> Blocks:
    """Return the block sums of decisions. `network_error` float32[R, 15, 2]."""
    minutes = block_minutes(rows, network_error)
    return Blocks(block_sums(minutes), lattice.block_phases(grid_steps(rows), minutes.weight > 0))


def stream_statistics(blocks: Blocks) -> Floats:
    """Return float64[k, columns] of a stream's blocks, one after another. Early decisions rest on fewer minutes."""
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
