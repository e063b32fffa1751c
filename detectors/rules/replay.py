"""The replay rule: much of the last hour is what the device sent an hour to a day before."""

from __future__ import annotations

from array import array
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
MINUTE_BYTES: Final = 4
SHINGLE_BYTES: Final = SHINGLE_MIN * MINUTE_BYTES
LIMIT_SHARE: Final = 0.5
_LOW_BITS: Final = (1 << 16) - 1
_RECENT: Final = (1 << RECENT_MIN) - 1


class ReplayMemory:
    """Remembers a day of ten-minute shingles of both channels and tells how much of the last hour was there before.

    Of the shingles one in four is kept, chosen by its content, so that a replay meets the ones that were kept. 2.7 kB a device.
    """

    __slots__ = ("_hashes", "_last", "_minutes", "_repeated", "_sampled", "_shingle")

    def __init__(self) -> None:
        self._hashes = bytearray()  # four bytes a shingle: searched many times as fast as numbers
        self._minutes = array("H")  # of each: event minutes modulo 2^16, far more than the horizon
        self._shingle = bytearray()
        self._last = 0
        self._sampled = self._repeated = 0

    def push(self, event_minute: int, heart_rate_bpm: float, resp_rate_bpm: float) -> None:
        """Take in a valid minute, later than all before."""
        passed = event_minute - self._last
        self._advance(event_minute)
        shingle = self._shingle
        if passed != 1:
            shingle.clear()
        shingle += (round(heart_rate_bpm * 10) | round(resp_rate_bpm * 10) << 16).to_bytes(MINUTE_BYTES, "little")
        if len(shingle) < SHINGLE_BYTES:
            return
        del shingle[:-SHINGLE_BYTES]
        shingle_hash = crc32(shingle)
        if shingle_hash % SAMPLED_ONE_IN or not _varies(shingle):
            return
        packed = shingle_hash.to_bytes(HASH_BYTES, "little")
        self._sampled |= 1
        self._repeated |= self._seen(packed, event_minute)
        self._hashes += packed
        self._minutes.append(event_minute & _LOW_BITS)

    def share(self, event_minute: int) -> float:
        """Return the share of the last hour's shingles that the device sent an hour or more before, 0..1."""
        ago = event_minute - self._last
        kept = _RECENT >> ago if ago < RECENT_MIN else 0
        return (self._repeated & kept).bit_count() / max((self._sampled & kept).bit_count(), FEWEST_SHINGLES)

    def _seen(self, packed: bytes, event_minute: int) -> bool:
        at = self._hashes.find(packed)
        while at % HASH_BYTES and at >= 0:  # across two shingles: no match
            at = self._hashes.find(packed, at + 1)
        return at >= 0 and (event_minute - self._minutes[at // HASH_BYTES]) & _LOW_BITS >= EARLIER_MIN

    def _advance(self, event_minute: int) -> None:
        passed, self._last = event_minute - self._last, event_minute
        self._sampled = self._sampled << passed & _RECENT if passed < RECENT_MIN else 0
        self._repeated = self._repeated << passed & _RECENT if passed < RECENT_MIN else 0
        gone = 0 if passed <= HORIZON_MIN else len(self._minutes)
        while gone < len(self._minutes) and (event_minute - self._minutes[gone]) & _LOW_BITS > HORIZON_MIN:
            gone += 1
        if gone:
            del self._minutes[:gone]
            del self._hashes[: HASH_BYTES * gone]


def _varies(shingle: bytearray) -> bool:
    """Return whether a shingle has enough different minutes: one that stands still comes back anyhow."""
    minutes = {bytes(shingle[at : at + MINUTE_BYTES]) for at in range(0, SHINGLE_BYTES, MINUTE_BYTES)}
    return len(minutes) >= DISTINCT_MINUTES
