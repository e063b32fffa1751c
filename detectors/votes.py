"""Which recent decisions flagged a device, for every kind of score: shift registers over five-minute blocks of event time.

Each kind has a horizon of its own: single hours are voted on over an hour, all else over half an hour.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import Final, NamedTuple

SEEN_MIN: Final = 240
_SEEN: Final = (1 << SEEN_MIN) - 1


class Kind(NamedTuple):
    """How decisions of one kind are counted: over how many blocks, and the fewest that its share is taken of."""

    horizon: int
    fewest: int


# 7 of the last 12, or 4 of the last 6: more than half in both cases.
KINDS: Final[Mapping[str, Kind]] = MappingProxyType(
    {
        "hour": Kind(12, 12),
        "half_day": Kind(6, 6),
        "level": Kind(6, 6),
        "texture": Kind(6, 6),
        "lattice": Kind(6, 6),
        "replay": Kind(6, 6),
        "copies": Kind(6, 6),
        "pulse": Kind(6, 6),
    }
)
LONGEST: Final = max(kind.horizon for kind in KINDS.values())


def seen_after(mask: int, minutes: int) -> int:
    """Return the mask of seen minutes, moved on by `minutes` >= 1 with the new minute set."""
    return (mask << minutes | 1) & _SEEN if minutes < SEEN_MIN else 1


def was_seen(mask: int, minutes_ago: int) -> bool:
    """Return whether the minute that lies so far back was applied; False beyond the mask."""
    return minutes_ago < SEEN_MIN and bool(mask >> minutes_ago & 1)


class Votes:
    """The decisions of the last blocks; they expire by event time alone."""

    __slots__ = ("flagged", "scored")

    def __init__(self, scored: int = 0, flagged: Mapping[str, int] | None = None) -> None:
        self.scored = scored
        self.flagged = {kind: (flagged or {}).get(kind, 0) for kind in KINDS}

    def advance(self, blocks: int) -> None:
        """Move on by `blocks` >= 0 of event time; nothing is known of the new ones yet."""
        if not blocks:
            return
        self.scored = self.scored << blocks & ((1 << LONGEST) - 1) if blocks < LONGEST else 0
        for name, kind in KINDS.items():
            mask = (1 << kind.horizon) - 1
            self.flagged[name] = self.flagged[name] << blocks & mask if blocks < kind.horizon else 0

    def cast(self, flagged: Iterable[str]) -> None:
        """Count the latest block as scored, flagged by these kinds."""
        self.scored |= 1
        for name in flagged:
            self.flagged[name] |= 1

    @property
    def share(self) -> float:
        """The largest share of flagged decisions of any kind, 0..1; few decisions decide nothing."""
        return max(self.share_of(name) for name in KINDS)

    def share_of(self, name: str) -> float:
        """Flagged / scored decisions of one kind, with at least its fewest in the denominator."""
        kind = KINDS[name]
        scored = (self.scored & ((1 << kind.horizon) - 1)).bit_count()
        return self.flagged[name].bit_count() / max(scored, kind.fewest)
