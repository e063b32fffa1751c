"""Time as a program sees it: passed in, so that a test plays an hour in a millisecond."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Clock:
    """`monotonic` paces (seconds), `wall` stamps messages and sessions (epoch seconds), `sleep` waits (seconds)."""

    monotonic: Callable[[], float] = time.monotonic
    wall: Callable[[], float] = time.time
    sleep: Callable[[float], None] = time.sleep


SYSTEM_CLOCK = Clock()
