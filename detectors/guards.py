"""Guards that need no training: a device that repeats its own past, and a heart rate that its own pulse contradicts."""

from __future__ import annotations

from array import array
from collections import deque
from collections.abc import Sequence
from statistics import median
from typing import Final
from zlib import crc32

import numpy as np
from numpy.typing import NDArray

REPLAY_HORIZON_MIN: Final = 1560  # a day, an hour of comparison and an hour to spare
SHINGLE_MIN: Final = 10
DISTINCT_MINUTES: Final = 4
EARLIER_MIN: Final = 60
RECENT_MIN: Final = 60
SAMPLED_ONE_IN: Final = 4
FEWEST_SHINGLES: Final = 5
SUSPICIOUS_SHARE: Final = 0.5

COPY_SHINGLE: Final = 12
COPY_RECENT: Final = 60
COPY_EARLIER: Final = 10
COPY_CHANGES: Final = 6
COPY_RANGE_STEPS: Final = 3
COPY_FEWEST: Final = 20

PULSE_WINDOW_MIN: Final = 30
PULSE_FEWEST: Final = 10
PULSE_LIMIT_BPM: Final = 4.0
PULSE_MARGIN_BPM: Final = 2.0
PULSE_HIGHEST_LIMIT_BPM: Final = 10.0


class ReplayMemory:
    """Remembers a day of ten-minute shingles of both channels and tells how much of the last hour was there before.

    Of the shingles one in four is kept, chosen by its content, so that a replay meets the ones that were kept. 3 kB a device.
    """

    __slots__ = ("_hashes", "_last", "_minutes", "_repeated", "_sampled", "_shingle")

    def __init__(self) -> None:
        self._hashes = array("I")
        self._minutes = array("q")
        self._shingle: deque[bytes] = deque(maxlen=SHINGLE_MIN)
        self._last = 0
        self._sampled = self._repeated = 0

    def push(self, event_minute: int, heart_rate_bpm: float, resp_rate_bpm: float) -> None:
        """Take in a valid minute, later than all before."""
        passed = event_minute - self._last
        self._advance(event_minute)
        if passed != 1:
            self._shingle.clear()
        self._shingle.append(
            round(heart_rate_bpm * 10).to_bytes(2, "little") + round(resp_rate_bpm * 10).to_bytes(2, "little")
        )
        if len(self._shingle) < SHINGLE_MIN or len(set(self._shingle)) < DISTINCT_MINUTES:
            return
        found = crc32(b"".join(self._shingle))
        if found % SAMPLED_ONE_IN:
            return
        self._sampled |= 1
        self._repeated |= self._seen(found, event_minute - EARLIER_MIN)
        self._hashes.append(found)
        self._minutes.append(event_minute)

    def share(self, event_minute: int) -> float:
        """Return the share of the last hour's shingles that the device sent an hour or more before, 0..1."""
        ago = event_minute - self._last
        kept = ((1 << RECENT_MIN) - 1) >> ago if ago < RECENT_MIN else 0
        return (self._repeated & kept).bit_count() / max((self._sampled & kept).bit_count(), FEWEST_SHINGLES)

    def _seen(self, found: int, before_minute: int) -> bool:
        try:
            return self._minutes[self._hashes.index(found)] <= before_minute
        except ValueError:
            return False

    def _advance(self, event_minute: int) -> None:
        passed, self._last = event_minute - self._last, event_minute
        recent = (1 << RECENT_MIN) - 1
        self._sampled = self._sampled << passed & recent if passed < RECENT_MIN else 0
        self._repeated = self._repeated << passed & recent if passed < RECENT_MIN else 0
        oldest = event_minute - REPLAY_HORIZON_MIN
        gone = 0
        while gone < len(self._minutes) and self._minutes[gone] < oldest:
            gone += 1
        if gone:
            del self._minutes[:gone]
            del self._hashes[:gone]


def copied_share(bpm: NDArray[np.float32], grid_bpm: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return float32[B]: the share of the last hour in which one channel alone repeats what it was in the hours before.

    `bpm` float32[L, 2, B] are windows of several hours, `grid_bpm` float32[2, B] the monitor's grid. A stretch of 12 minutes counts if it
    moves (a paced heart repeats itself honestly); the larger share of the two channels is returned.
    """
    return np.maximum(_copied(bpm[:, 0], grid_bpm[0]), _copied(bpm[:, 1], grid_bpm[1]))


def _copied(bpm: NDArray[np.float32], grid_bpm: NDArray[np.float32]) -> NDArray[np.float32]:
    steps = np.rint(bpm.T * 100).astype(np.uint64)  # [B, L]
    windows = np.lib.stride_tricks.sliding_window_view(bpm.T, COPY_SHINGLE, axis=1)
    moves = (np.diff(windows, axis=2) != 0).sum(axis=2) >= COPY_CHANGES
    lively = moves & (np.ptp(windows, axis=2) > (COPY_RANGE_STEPS - 0.5) * grid_bpm[:, None])
    hashed = _rolling_hash(steps)
    count = hashed.shape[1]
    place = np.arange(count, dtype=np.uint64)
    keyed = np.sort((hashed << np.uint64(16)) | place, axis=1)
    at = (keyed & np.uint64(0xFFFF)).astype(np.int64)
    twin = (keyed[:, 1:] >> np.uint64(16)) == (keyed[:, :-1] >> np.uint64(16))
    twin &= np.diff(at, axis=1) >= COPY_EARLIER
    copied = np.zeros(hashed.shape, np.bool_)
    np.put_along_axis(copied, at[:, 1:], twin, axis=1)
    recent = lively[:, -COPY_RECENT:]
    repeated = (copied[:, -COPY_RECENT:] & recent).sum(axis=1)
    share: NDArray[np.float32] = (repeated / np.maximum(recent.sum(axis=1), COPY_FEWEST)).astype(np.float32)
    return share


def _rolling_hash(steps: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """Return uint64[B, L - 11] of 48 bits, one for each 12 minutes in a row."""
    length = steps.shape[1] - COPY_SHINGLE + 1
    hashed = np.zeros((len(steps), length), np.uint64)
    for minute in range(COPY_SHINGLE):
        hashed = hashed * np.uint64(0x9E3779B97F4A7C15) + steps[:, minute : minute + length] + np.uint64(1)
    return hashed >> np.uint64(16)


class PulseGap:
    """The distance between heart rate and pulse over the last half hour: an attacker who reaches only one of them shows."""

    __slots__ = ("_gap_bpm", "_minutes")

    def __init__(self) -> None:
        self._minutes = array("q")
        self._gap_bpm = array("f")

    def push(self, event_minute: int, heart_rate_bpm: float, pulse_bpm: float) -> None:
        """Take in a minute that has both, later than all before."""
        self._minutes.append(event_minute)
        self._gap_bpm.append(abs(heart_rate_bpm - pulse_bpm))
        if len(self._minutes) > PULSE_WINDOW_MIN:
            del self._minutes[0]
            del self._gap_bpm[0]

    def median_bpm(self, event_minute: int) -> float | None:
        """Return the median distance over the last 30 event minutes, or None with fewer than 10 of them."""
        recent = [
            gap
            for minute, gap in zip(self._minutes, self._gap_bpm, strict=True)
            if minute > event_minute - PULSE_WINDOW_MIN
        ]
        return median(recent) if len(recent) >= PULSE_FEWEST else None


def pulse_limit_bpm(enrolment_medians_bpm: Sequence[float]) -> float:
    """Return how far heart rate and pulse may lie apart, from the medians seen while enrolling (a deficit may be the patient's own)."""
    if not len(enrolment_medians_bpm):
        return PULSE_LIMIT_BPM
    usual = float(np.quantile(enrolment_medians_bpm, 0.99)) + PULSE_MARGIN_BPM
    return min(max(usual, PULSE_LIMIT_BPM), PULSE_HIGHEST_LIMIT_BPM)
