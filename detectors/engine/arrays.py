"""What is remembered of every device, in arrays over all of them: a slot a device."""

from __future__ import annotations

from array import array
from collections.abc import Iterable
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from detectors.array_types import Bools, Floats, Ints
from detectors.baseline.own_past import GROUP, LAG
from detectors.baseline.profile import Profile
from detectors.decisions.votes import no_votes
from detectors.minutes.windows import FIRST_MIN, STEP_MIN, WINDOW_MIN
from detectors.network.layout import CONTEXT_SIZE
from detectors.rules.copies import BLOCKS, LAGS_MIN
from detectors.statistics.base import MIDDLE_MIN, SLOW_MIN
from detectors.statistics.lattice import FREQUENCIES
from detectors.statistics.registry import columns, terms_width

STEPS_A_BPM: Final = 100
"""Values are kept as hundredths in 16 bits: finer than any monitor writes. The complement (-1 - hundredths) is a measured one."""


class RowBuffer:
    """Rows of a pass as plain numbers: the device's slot, the row's index in its stream, and both values as the ring keeps them.

    `cuts` are rows that weigh nothing any more, since a cut follows: (after how many decisions of the pass, slot, index).
    `decisions` counts those of the device that is admitted: what comes after one is not known to it.
    """

    __slots__ = ("breath", "cuts", "decisions", "heart", "index", "slot")

    def __init__(self) -> None:
        self.slot: list[int] = []
        self.index: list[int] = []
        self.heart: list[int] = []
        self.breath: list[int] = []
        self.cuts: list[tuple[int, int, int]] = []
        self.decisions = 0

    def __len__(self) -> int:
        return len(self.slot)

    def cut_after(self, slot: int, index: int) -> None:
        """Take the weight of the last row of a device."""
        if self.decisions or not self.slot or self.slot[-1] != slot:
            self.cuts.append((self.decisions, slot, index))
        else:
            self.heart[-1] = max(self.heart[-1], ~self.heart[-1])
            self.breath[-1] = max(self.breath[-1], ~self.breath[-1])


class DecisionTick(NamedTuple):
    """A decision that is due: of which slot, and the how-many-th of its stream.

    `is_usable`: as `minutes.windows.usable_decisions` has it; `too_sparse`: it would be, were more measured. `frozen`, `replay` and `pulse` are what the rules say
    that need no window, as ratios to their limits.
    """

    slot: int
    decision: int
    is_usable: bool
    too_sparse: bool
    frozen: float
    replay: float
    pulse: float


FIRST_CAPACITY: Final = 16
RING: Final = 256
"""Valid minutes kept of a device: those of a pass, and the `READ_BACK` before its decisions."""
READ_BACK: Final = MIDDLE_MIN + WINDOW_MIN - FIRST_MIN
"""Valid minutes that a decision reads, back to the block that leaves the three hours of the lattice."""
SLOW_BLOCKS: Final = SLOW_MIN // STEP_MIN
MIDDLE_BLOCKS: Final = MIDDLE_MIN // STEP_MIN
GROUPS: Final = LAG // GROUP + 1
"""Groups of decisions that wait to join the baseline: those of the lag, and the open one, which takes the place of the one that joins."""


class DeviceArrays:
    """Rings and sums by slot. 15 kB a device. Slots grow in powers of two. Not thread-safe."""

    def __init__(self, threshold: float) -> None:
        """`threshold` holds for devices without a profile."""
        self._threshold = threshold
        size, judged = FIRST_CAPACITY, len(columns()) + 2
        self.values = np.zeros((size, RING, 2), np.int16)
        self.terms = np.zeros((size, SLOW_BLOCKS - 1, terms_width()), np.float32)
        """Of the blocks before the one that a decision judges, which makes up six hours with them; `copies` makes up one."""
        self.phases = np.zeros((size, 2, 2 * len(FREQUENCIES)), np.int32)
        """Summed over the last three hours: the block that leaves them is computed again from the minutes."""
        self.copies = np.zeros((size, BLOCKS - 1, len(LAGS_MIN), 2), np.float32)
        self.count = np.zeros(size, np.int64)
        self.total = np.zeros((size, judged))
        self.squares = np.zeros((size, judged))
        self.waiting_count = np.zeros((size, GROUPS), np.int16)
        self.waiting = np.zeros((size, GROUPS, 2, judged), np.float32)
        self.last = no_votes(size)
        self.threshold = np.zeros(size)
        self.enrolment_min = np.zeros(size, np.int64)
        """0: no profile."""
        self.median = np.zeros((size, 2))
        self.scale = np.ones((size, 2))
        self.grid_bpm = np.ones((size, 2))
        self.unchanged_share = np.zeros((size, 2))
        self.residual_size = np.ones((size, 3, 2))
        self.context = np.zeros((size, CONTEXT_SIZE), np.float32)
        self._free = list(range(size))[::-1]

    def reserve(self) -> int:
        """Return an empty slot."""
        if not self._free:
            self._grow()
        slot = self._free.pop()
        self.clear(slot)
        return slot

    def release(self, slot: int) -> None:
        """Give a slot back."""
        self._free.append(slot)

    def clear(self, slot: int) -> None:
        """Forget a slot's minutes, blocks, baseline, votes and profile."""
        for ring in self._rings():
            ring[slot] = 0
        self.last[slot] = no_votes(1)[0]
        self.threshold[slot] = self._threshold

    def take_profile(self, slot: int, profile: Profile, threshold: float) -> None:
        """Judge a slot by a profile from now on."""
        self.enrolment_min[slot] = profile.enrolment_min
        self.threshold[slot] = threshold
        for name in ("median", "scale", "grid_bpm", "unchanged_share", "residual_size", "context"):
            getattr(self, name)[slot] = getattr(profile, name)

    def _rings(self) -> list[NDArray[np.generic]]:
        return [
            self.values, self.terms, self.phases, self.copies, self.count, self.total, self.squares, self.waiting_count,
            self.waiting, self.enrolment_min,
        ]  # fmt: skip

    def _grow(self) -> None:
        size = len(self.count)
        for name, values in vars(self).items():
            if isinstance(values, np.ndarray):
                grown = np.zeros((2 * size, *values.shape[1:]), values.dtype)  # takes no memory before it is written to
                grown[:size] = values
                setattr(self, name, grown)
        self._free = list(range(size, 2 * size))[::-1]


def add_waiting(arrays: DeviceArrays, slot: Ints, decision: Ints, values: Floats) -> None:
    """Let decisions int64[R] of distinct slots, which may join a baseline, wait in their groups. `values` float64[R, C + 2]."""
    group = decision // GROUP % GROUPS
    arrays.waiting_count[slot, group] += 1
    arrays.waiting[slot, group, 0] += values
    arrays.waiting[slot, group, 1] += values**2


def write_rows(arrays: DeviceArrays, rows: RowBuffer) -> None:
    """Write the rows of a pass into the rings. Of several at one place the last counts."""
    if not len(rows):
        return
    at = np.array(rows.index, np.int64) % RING
    arrays.values[rows.slot, at] = np.array([rows.heart, rows.breath], np.int16).T
    write_cuts(arrays, rows, 0)


def write_cuts(arrays: DeviceArrays, rows: RowBuffer, decisions: int) -> None:
    """Take the weight of rows before a cut that is known after so many decisions of the pass."""
    for known_after, slot, index in rows.cuts:
        if known_after == decisions:
            row = arrays.values[slot, index % RING]
            row[:] = np.maximum(row, ~row)


def read_rows(arrays: DeviceArrays, slot: Ints, index: Ints) -> tuple[Floats, Bools]:
    """Return (values in bpm and breaths/min float64[R, n, 2], measured bool[R, n, 2]) of stream indices int64[R, n], out of the rings."""
    kept = arrays.values[slot[:, None], index % RING]
    return np.maximum(kept, ~kept) / STEPS_A_BPM, kept < 0


class WaitingDecisions:
    """The decisions of one device since `first` that wait to join its baseline: their logits in pairs, and which may join.

    Bit k of `kept_mask` is about the k-th of them.
    """

    __slots__ = ("first", "kept_mask", "logits")

    def __init__(self, first: int, logits: Iterable[float] = (), kept_mask: int = 0) -> None:
        self.first = first
        self.logits = array("d", logits)
        self.kept_mask = kept_mask

    def add(self, logits: tuple[float, float], *, kept: bool, baseline_start: int) -> None:
        """Add the next decision and drop those that have joined: all before `baseline_start`."""
        self.kept_mask |= kept << len(self.logits) // 2
        self.logits.extend(logits)
        joined = min(max(0, baseline_start - self.first), len(self.logits) // 2)
        del self.logits[: 2 * joined]
        self.kept_mask >>= joined
        self.first += joined
