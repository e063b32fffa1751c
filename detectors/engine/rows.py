"""The valid minutes of a pass over a micro-batch, all devices one after another, and the decisions among them."""

from __future__ import annotations

from array import array
from typing import Final, NamedTuple

import numpy as np

from detectors.minutes.cleaning import CleanMinutes

STEPS_A_BPM: Final = 100
"""Values are kept as hundredths in 16 bits: finer than any monitor writes."""


class RowBuffer:
    """Rows as plain numbers: the device's slot, the row's index in its stream, hundredths, and weights (1 = measured)."""

    __slots__ = ("breath", "breath_weight", "heart", "heart_weight", "index", "slot")

    def __init__(self) -> None:
        self.slot: list[int] = []
        self.index: list[int] = []
        self.heart: list[int] = []
        self.breath: list[int] = []
        self.heart_weight: list[bool] = []
        self.breath_weight: list[bool] = []

    def __len__(self) -> int:
        return len(self.slot)


class DecisionTick(NamedTuple):
    """A decision that is due: of which slot, and the how-many-th of its stream.

    `is_usable`: as `minutes.windows.usable_decisions` has it; `too_sparse`: it would be, were more measured. `frozen`, `replay` and `pulse` are what the rules say
    that need no window, as ratios to their limits.
    """

    slot: int
    decision: int
    is_usable: bool
    too_sparse: bool
    frozen: float
    replay: float
    pulse: float


class EnrolmentRows:
    """The rows of an open enrolment, kept until the profile is frozen from them; 15 bytes a minute."""

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
