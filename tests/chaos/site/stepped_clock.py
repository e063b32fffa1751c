"""`python -m chaos.site.stepped_clock FILE ARGUMENTS`: `fedsecure ARGUMENTS` whose wall clock is off by the seconds in a file.

The clock steps as one that an administrator (or a hypervisor) sets: wall time alone, at once, in this program alone. The monotonic
clock, which timeouts and waits are made of, goes on, as it does on a real machine. Kafka's and Redis's own clocks stay right.
"""

from __future__ import annotations

import runpy
import sys
import time
from pathlib import Path

LOOK_EVERY_S = 0.2


class SteppedClock:
    """The machine's wall clock and what the file adds to it, looked up again a few times a second."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self._looked_at = float("-inf")
        self._offset_s = 0.0
        self._time, self._monotonic = time.time, time.monotonic

    def time(self) -> float:
        """Return the seconds since the epoch, as this program believes."""
        now = self._monotonic()
        if now - self._looked_at >= LOOK_EVERY_S:
            self._looked_at = now
            try:
                self._offset_s = float(self._file.read_text() or 0)
            except (OSError, ValueError):
                self._offset_s = 0.0
        return self._time() + self._offset_s


if __name__ == "__main__":
    clock = SteppedClock(Path(sys.argv[1]))
    time.time = clock.time
    time.time_ns = lambda: int(clock.time() * 1e9)
    sys.argv[:] = ["fedsecure", *sys.argv[2:]]
    runpy.run_module("fedsecure", run_name="__main__", alter_sys=True)
