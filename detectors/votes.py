"""Which recent minutes were seen, scored and flagged: shift registers over event time, bit 0 the latest minute."""

from __future__ import annotations

from typing import Final

SEEN_MIN: Final = 240
HORIZON_MIN: Final = 120
FEWEST_SCORED: Final = 60
_HORIZON: Final = (1 << HORIZON_MIN) - 1
_SEEN: Final = (1 << SEEN_MIN) - 1


def seen_after(mask: int, minutes: int) -> int:
    """Return the mask of seen minutes, moved on by `minutes` >= 1 with the new minute set."""
    return (mask << minutes | 1) & _SEEN if minutes < SEEN_MIN else 1


def was_seen(mask: int, minutes_ago: int) -> bool:
    """Return whether the minute that lies so far back was applied; False beyond the mask."""
    return minutes_ago < SEEN_MIN and bool(mask >> minutes_ago & 1)


class Votes:
    """The scored and flagged minutes of the last `HORIZON_MIN` event minutes; they expire by event time alone."""

    __slots__ = ("flagged", "scored")

    def __init__(self, scored: int = 0, flagged: int = 0) -> None:
        self.scored = scored
        self.flagged = flagged

    def advance(self, minutes: int) -> None:
        """Move on by `minutes` >= 1 of event time; the new latest minute is neither scored nor flagged."""
        if minutes < HORIZON_MIN:
            self.scored = self.scored << minutes & _HORIZON
            self.flagged = self.flagged << minutes & _HORIZON
        else:
            self.scored = self.flagged = 0

    def cast(self, *, flagged: bool) -> None:
        """Count the latest minute as scored."""
        self.scored |= 1
        self.flagged |= flagged

    @property
    def share(self) -> float:
        """Flagged / scored minutes, with at least `FEWEST_SCORED` in the denominator: few windows decide nothing."""
        return self.flagged.bit_count() / max(self.scored.bit_count(), FEWEST_SCORED)
