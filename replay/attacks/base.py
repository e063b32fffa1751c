"""What an attack is: a named way to alter a span of vital signs, with levels and their units."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from contracts.errors import Misconfigured
from replay.recording import Recording, Vitals

DEFAULT_LEVEL = "strong"


@dataclass(frozen=True, slots=True)
class Parameter:
    """One number of a level: what it is and its unit."""

    name: str
    unit: str


@dataclass(frozen=True, slots=True, eq=False)
class AttackedSpan:
    """What an attack sees: the whole recording (its past included) and the half-open span [onset, end) to alter."""

    recording: Recording
    onset_min: int
    end_min: int

    @property
    def heart_rate_bpm(self) -> Vitals:
        """Heart rate inside the span, NaN = missing."""
        return self.recording.heart_rate_bpm[self.onset_min : self.end_min]

    @property
    def resp_rate_bpm(self) -> Vitals:
        """Respiratory rate inside the span, NaN = missing."""
        return self.recording.resp_rate_bpm[self.onset_min : self.end_min]

    @property
    def elapsed_min(self) -> Vitals:
        """Minutes since the onset: 0, 1, 2, ..."""
        return np.arange(self.end_min - self.onset_min, dtype=np.float64)


Amounts = tuple[float, ...]
Alter = Callable[[AttackedSpan, Amounts, np.random.Generator], tuple[Vitals, Vitals]]


@dataclass(frozen=True, slots=True)
class Attack:
    """A named attack. `levels` gives, for each level, one amount per parameter.

    `alter` returns the heart and respiratory rate of the span, not yet rounded or limited: `inject` does both, so
    that every attack acts at the device's own resolution and a missing minute stays missing.
    """

    name: str
    summary: str
    parameters: tuple[Parameter, ...]
    levels: Mapping[str, Amounts]
    alter: Alter

    def amounts(self, level: str) -> Amounts:
        """Return the level's amounts, or raise Misconfigured listing the levels."""
        if level not in self.levels:
            raise Misconfigured(f"{self.name} has no level {level!r}; its levels are {', '.join(self.levels)}")
        return self.levels[level]

    def describe(self, level: str) -> str:
        """The level in words, such as `HR noise sd 10 bpm, RR noise sd 5 /min`."""
        pairs = zip(self.parameters, self.amounts(level), strict=True)
        return ", ".join(f"{parameter.name} {amount:g} {parameter.unit}" for parameter, amount in pairs)


@dataclass(frozen=True, slots=True)
class AttackSpec:
    """One attack on one device. Minutes count from the recording's first minute; no duration means to its end."""

    name: str
    device: str
    onset_min: int
    duration_min: int | None = None
    level: str = DEFAULT_LEVEL
    seed: int = 0


@dataclass(frozen=True, slots=True, eq=False)
class Injection:
    """An attacked recording and its exact ground truth.

    `poisoned` is bool of shape [minutes]: True where a value differs from the one before the attack.
    `end_min` is the first minute after the attack (limited to the recording's length).
    """

    recording: Recording
    poisoned: NDArray[np.bool_]
    spec: AttackSpec
    end_min: int
