"""Clocks and waits that are passed in or can be cut short."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Callable
from dataclasses import dataclass
from random import Random
from typing import Final


@dataclass(frozen=True, slots=True)
class Clock:
    """`monotonic` paces (seconds), `wall` stamps messages and sessions (epoch seconds), `sleep` waits (seconds)."""

    monotonic: Callable[[], float] = time.monotonic
    wall: Callable[[], float] = time.time
    sleep: Callable[[float], None] = time.sleep


SYSTEM_CLOCK = Clock()


async def cancellable_sleep(wait_s: float, stop: asyncio.Event) -> None:
    """Wait so long, or until the stop."""
    with contextlib.suppress(TimeoutError):
        await asyncio.wait_for(stop.wait(), wait_s)


FIRST_S: Final = 0.5
LONGEST_S: Final = 8.0


class Backoff:
    """Waits that double from `first_s` to `longest_s`, each drawn from the upper half of its step (equal jitter).

    A wait is never short, so a service that is away is not hammered, and a ward of hosts does not come back in one moment.
    """

    def __init__(self, random: Random, first_s: float = FIRST_S, longest_s: float = LONGEST_S) -> None:
        self._random = random
        self._first_s = first_s
        self._longest_s = longest_s
        self._step_s = first_s

    def next_s(self) -> float:
        """Return the seconds to wait after one more failure."""
        step_s, self._step_s = self._step_s, min(2 * self._step_s, self._longest_s)
        return self._random.uniform(step_s / 2, step_s)

    def reset(self) -> None:
        """The service has answered: begin anew with the next failure."""
        self._step_s = self._first_s
