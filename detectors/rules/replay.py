"""The replay rule: much of the last hour is what the device sent an hour to a day before."""

from __future__ import annotations

from array import array
from collections import deque
from typing import Final
from zlib import crc32

HORIZON_MIN: Final = 1560  # a day, an hour of comparison and an hour to spare
SHINGLE_MIN: Final = 10
DISTINCT_MINUTES: Final = 4
EARLIER_MIN: Final = 60
RECENT_MIN: Final = 60
SAMPLED_ONE_IN: Final = 4
FEWEST_SHINGLES: Final = 5
HASH_BYTES: Final = 4
LIMIT_SHARE: Final = 0.5


class ReplayMemory:
    """Remembers a day of ten-minute shingles of both channels and tells how much of the last hour was there before.

    Of the shingles one in four is kept, chosen by its content, so that a replay meets the ones that were kept. 3 kB a device.
    """

    __slots__ = ("_hashes", "_last", "_minutes", "_repeated", "_sampled", "_shingle")

    def __init__(self) -> None:
        self._hashes = bytearray()  # four bytes a shingle: searched many times as fast as numbers
        self._minutes = array("I")
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
        if len(self._shingle) < SHINGLE_MIN:
            return
        shingle_hash = crc32(b"".join(self._shingle))
        if shingle_hash % SAMPLED_ONE_IN or len(set(self._shingle)) < DISTINCT_MINUTES:
            return
        packed = shingle_hash.to_bytes(HASH_BYTES, "little")
        self._sampled |= 1
        self._repeated |= self._seen(packed, event_minute - EARLIER_MIN)
        self._hashes += packed
        self._minutes.append(event_minute)

    def share(self, event_minute: int) -> float:
        """Return the share of the last hour's shingles that the device sent an hour or more before, 0..1."""
        ago = event_minute - self._last
        kept = ((1 << RECENT_MIN) - 1) >> ago if ago < RECENT_MIN else 0
        return (self._repeated & kept).bit_count() / max((self._sampled & kept).bit_count(), FEWEST_SHINGLES)

    def _seen(self, packed: bytes, before_minute: int) -> bool:
        at = self._hashes.find(packed)
        while at % HASH_BYTES and at >= 0:  # across two shingles: no match
            at = self._hashes.find(packed, at + 1)
        return at >= 0 and self._minutes[at // HASH_BYTES] <= before_minute

    def _advance(self, event_minute: int) -> None:
        passed, self._last = event_minute - self._last, event_minute
        recent = (1 << RECENT_MIN) - 1
        self._sampled = self._sampled << passed & recent if passed < RECENT_MIN else 0
        self._repeated = self._repeated << passed & recent if passed < RECENT_MIN else 0
        oldest = event_minute - HORIZON_MIN
        gone = 0
        while gone < len(self._minutes) and self._minutes[gone] < oldest:
            gone += 1
        if gone:
            del self._minutes[:gone]
            del self._hashes[: HASH_BYTES * gone]
