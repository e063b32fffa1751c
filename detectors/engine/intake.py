"""One device's raw minutes on their way in: old ones refused, gaps filled, the rules that need no window fed."""

from __future__ import annotations

from array import array
from bisect import bisect_right
from typing import Final

import numpy as np

from detectors.engine.arrays import STEPS_A_BPM
from detectors.minutes.cleaning import CleanMinutes
from detectors.minutes.filling import GapFiller, Row
from detectors.minutes.sampling import MeasuredInterval
from detectors.rules.frozen import FrozenRun
from detectors.rules.pulse import PulseGap
from detectors.rules.replay import ReplayMemory

SEEN_MIN: Final = 240
_SEEN: Final = (1 << SEEN_MIN) - 1


class StreamMinutes:
    """The event minutes of a stream's valid minutes, kept as the runs without a gap: most devices have one of them."""

    __slots__ = ("_run_index", "_run_minute", "last")

    def __init__(self) -> None:
        self._run_index = array("q")
        self._run_minute = array("q")
        self.last: int | None = None

    def append(self, index: int, event_minute: int) -> bool:
        """Add the valid minute with this index in the stream, one more than the last, and return whether it follows on a gap."""
        last, self.last = self.last, event_minute
        if last is not None and event_minute == last + 1:
            return False
        self._run_index.append(index)
        self._run_minute.append(event_minute)
        return last is not None

    def at(self, index: int) -> int:
        """Return the event minute of a valid minute, or of the oldest that is remembered. Raises IndexError before the first."""
        run = max(0, bisect_right(self._run_index, index) - 1)
        return self._run_minute[run] + max(0, index - self._run_index[run])

    def forget_before(self, index: int) -> None:
        """Let the runs go that end before a valid minute."""
        gone = bisect_right(self._run_index, index) - 1
        if gone > 0:
            del self._run_index[:gone]
            del self._run_minute[:gone]


class MinuteIntake:
    """What is remembered of a device's raw minutes."""

    __slots__ = ("_filler", "_pulse", "applied_through", "frozen", "interval", "replay", "seen_mask")

    def __init__(self) -> None:
        self.applied_through = self.seen_mask = 0
        self._filler = GapFiller()
        self.interval = MeasuredInterval()
        self.frozen = FrozenRun()
        self.replay = ReplayMemory()
        self._pulse: PulseGap | None = None
        """Only of a device that sends one."""

    def refused(self, event_minute: int) -> str | None:
        """Return why a minute must be dropped (`duplicate`: applied before, `late`: too old).

        None: it may come in, and event time has moved on to it, be it valid or missing.
        """
        passed = event_minute - self.applied_through
        if passed <= 0:
            return "duplicate" if passed > -SEEN_MIN and self.seen_mask >> -passed & 1 else "late"
        self.seen_mask = (self.seen_mask << passed | 1) & _SEEN if passed < SEEN_MIN else 1
        self.applied_through = event_minute
        return None

    def push(self, event_minute: int, heart: float | None, breath: float | None, pulse: float | None) -> list[Row]:
        """Return the valid minutes that a raw one settles. Heart rate and pulse in bpm, breaths/min, None or NaN = missing."""
        rows = self._filler.push(event_minute, heart, breath)
        if rows and rows[-1][0] == event_minute and rows[-1][3] and rows[-1][4]:
            _, heart_bpm, breath_min, _, _ = rows[-1]
            self.interval.push(event_minute)
            self.frozen.push(heart_bpm, breath_min)
            self.replay.push(event_minute, heart_bpm, breath_min)
            if pulse is not None and pulse > 0:
                if self._pulse is None:
                    self._pulse = PulseGap()
                self._pulse.push(event_minute, heart_bpm, pulse)
        return rows

    def pulse_gap_bpm(self, event_minute: int) -> float | None:
        """Return how far heart rate and pulse lay apart in the last half hour, as `PulseGap.median_bpm`."""
        return None if self._pulse is None else self._pulse.median_bpm(event_minute)


class EnrolmentRows:
    """The rows of an open enrolment, kept until the profile is frozen from them. 15 bytes a minute."""

    __slots__ = ("event_minute", "observed", "pulse_medians_bpm", "values", "weights")

    def __init__(self) -> None:
        self.values = array("h")
        self.weights = array("b")
        self.observed = array("b")
        self.event_minute = array("q")
        self.pulse_medians_bpm = array("f")

    def __len__(self) -> int:
        return len(self.event_minute)

    def add(
        self, event_minute: int, heart: int, breath: int, heart_weight: bool, breath_weight: bool, *, observed: bool
    ) -> None:
        """Add a valid minute: hundredths, weights, and whether both channels were measured."""
        self.values.append(heart)
        self.values.append(breath)
        self.weights.append(heart_weight)
        self.weights.append(breath_weight)
        self.observed.append(observed)
        self.event_minute.append(event_minute)

    def minutes(self) -> CleanMinutes:
        """Return the rows as clean minutes."""
        values = np.array(self.values, np.float64).reshape(-1, 2) / STEPS_A_BPM
        weight = np.array(self.weights, np.float32).reshape(-1, 2)
        return CleanMinutes(values, weight, np.array(self.event_minute, np.int64), np.array(self.observed, np.bool_))
