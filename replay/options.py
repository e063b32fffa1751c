"""How a replay is to run: pace, packing, slice and sessions, checked where they enter."""

from __future__ import annotations

import math
from dataclasses import dataclass

from contracts.errors import Misconfigured
from contracts.messages.vitals import MAX_MINUTES_PER_BATCH

MAX_REPEAT = 1000
AUTO_PACK_AT_MAX_MIN = 32
AUTO_PACK_CAP_MIN = 60


@dataclass(frozen=True, slots=True)
class ReplayOptions:
    """One replay. Raises Misconfigured when a value makes no sense.

    `speed`: recorded seconds per wall second (60 = a minute a second), None = flat out.
    `pack_min`: minutes per message, None = chosen from the speed.
    `start_min`, `minutes`: the slice of every recording, in minutes from its own start; None = to its end.
    `fresh`: open a new session instead of going on after the last minute that was sent.
    `repeat`: how many devices send each recording; the second is `<id>-r2`, the third `<id>-r3`.
    `accept_commands`: attacks may be begun and ended by hand while it runs.
    """

    speed: float | None = 60.0
    pack_min: int | None = None
    start_min: int = 0
    minutes: int | None = None
    fresh: bool = False
    repeat: int = 1
    accept_commands: bool = False

    def __post_init__(self) -> None:
        if self.speed is not None and not (math.isfinite(self.speed) and self.speed > 0):
            raise Misconfigured(
                f"speed {self.speed} is not a pace: use a number above 0 (60 = a minute a second) or max"
            )
        if self.pack_min is not None and not 1 <= self.pack_min <= MAX_MINUTES_PER_BATCH:
            raise Misconfigured(
                f"pack {self.pack_min} is out of range: use 1 to {MAX_MINUTES_PER_BATCH} minutes a message"
            )
        if self.start_min < 0:
            raise Misconfigured(
                f"start {self.start_min} is negative: use minutes from the recording's start, 0 or more"
            )
        if self.minutes is not None and self.minutes < 1:
            raise Misconfigured(f"minutes {self.minutes} sends nothing: use 1 or more, or leave it out to send all")
        if not 1 <= self.repeat <= MAX_REPEAT:
            raise Misconfigured(f"repeat {self.repeat} is out of range: use 1 (each recording once) to {MAX_REPEAT}")

    @property
    def minutes_per_message(self) -> int:
        """Return the packing: as asked, else so that a device sends about one message a second at most."""
        if self.pack_min is not None:
            return self.pack_min
        if self.speed is None:
            return AUTO_PACK_AT_MAX_MIN
        return min(max(1, math.ceil(self.speed / 60.0)), AUTO_PACK_CAP_MIN)

    @property
    def batch_interval_s(self) -> float:
        """Return the wall time between two messages of a device, as declared in them, 0 when flat out."""
        return 0.0 if self.speed is None else self.minutes_per_message * 60.0 / self.speed


MINUTE_A_SECOND = ReplayOptions()


def parse_speed(text: str) -> float | None:
    """Return the speed that a person wrote: a number, or None for `max`. Raises Misconfigured."""
    if text.strip().lower() == "max":
        return None
    try:
        return float(text)
    except ValueError:
        raise Misconfigured(
            f"{text!r} is not a speed: use 1 (real time), 60 (a minute a second), 3600, any number above 0, or max"
        ) from None
