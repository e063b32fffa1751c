"""What an attack is: a named way to alter a span of vital signs, with levels and their units."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Final, Literal

import numpy as np
from numpy.typing import NDArray

from contracts.errors import Misconfigured
from replay.recording import Recording, Vitals

DEFAULT_LEVEL = "strong"

Channels = Literal["both", "hr", "rr"]
CHANNELS: Final[tuple[Channels, ...]] = ("both", "hr", "rr")


@dataclass(frozen=True, slots=True)
class Parameter:
    """One number of a level: what it is and its unit."""

    name: str
    unit: str


@dataclass(frozen=True, slots=True, eq=False)
class AttackedSpan:
    """What an attack sees: the whole recording (its past included) and the half-open span [onset, end) to alter.

    `donor` is the other patient of an attack that takes one; None lets the attack draw one.

    >>> AttackedSpan(Recording("p1", 0, np.arange(80.0, 85.0), np.full(5, 16.0)), 1, 4).heart_rate_bpm.tolist()
    [81.0, 82.0, 83.0]
    """

    recording: Recording
    onset_min: int
    end_min: int
    donor: Recording | None = None

    @property
    def minutes(self) -> int:
        """Length of the span, missing minutes included."""
        return self.end_min - self.onset_min

    @property
    def heart_rate_bpm(self) -> Vitals:
        """Heart rate inside the span, NaN = missing."""
        return self.recording.heart_rate_bpm[self.onset_min : self.end_min]

    @property
    def resp_rate_bpm(self) -> Vitals:
        """Respiratory rate inside the span, NaN = missing."""
        return self.recording.resp_rate_bpm[self.onset_min : self.end_min]

    def change_both(self, change: Callable[[Vitals, Vitals], Vitals]) -> tuple[Vitals, Vitals]:
        """Return heart and respiratory rate changed alike: `change` takes a channel of the whole recording and its span."""
        recording = self.recording
        return (
            change(recording.heart_rate_bpm, self.heart_rate_bpm),
            change(recording.resp_rate_bpm, self.resp_rate_bpm),
        )

    @property
    def elapsed_min(self) -> Vitals:
        """Minutes since the onset: 0, 1, 2, ..."""
        return np.arange(self.minutes, dtype=np.float64)


Amounts = tuple[float, ...]
Alter = Callable[[AttackedSpan, Amounts, np.random.Generator], tuple[Vitals, Vitals]]


@dataclass(frozen=True, slots=True)
class Attack:
    """A named attack. `levels` gives, for each level, one amount per parameter. `words` says a level where numbers do not.

    `alter` returns the heart and respiratory rate of the span, not yet rounded or limited: `inject` does both, so
    that every attack acts at the device's own resolution. A missing minute stays missing; one that `alter` makes NaN
    becomes missing. `past_min` gives the minutes that must lie before the onset, `channels` what the attack can change.
    What `repeats` recorded values sends them as they are: only made-up values are limited to the physiological range.
    """

    name: str
    summary: str
    parameters: tuple[Parameter, ...]
    levels: Mapping[str, Amounts]
    alter: Alter
    words: Mapping[str, str] = field(default_factory=dict)
    past_min: Callable[[Amounts], int] = lambda _: 0
    channels: Channels = "both"
    takes_donor: bool = False
    repeats: bool = False

    def amounts(self, level: str) -> Amounts:
        """Return the level's amounts, or raise Misconfigured listing the levels."""
        if level not in self.levels:
            raise Misconfigured(f"{self.name} has no level {level!r}; its levels are {', '.join(self.levels)}")
        return self.levels[level]

    def describe(self, level: str) -> str:
        """The level in words, such as `HR noise sd 10 bpm, RR noise sd 5 /min`."""
        amounts = self.amounts(level)
        if level in self.words:
            return self.words[level]
        pairs = zip(self.parameters, amounts, strict=True)
        return ", ".join(f"{parameter.name} {amount:g} {parameter.unit}" for parameter, amount in pairs)

    def smallest_onset_min(self, level: str) -> int:
        """The first minute of a recording at which the level can begin: it may need some of the device's own past."""
        return self.past_min(self.amounts(level))


@dataclass(frozen=True, slots=True)
class AttackSpec:
    """One attack on one device. Minutes count from the recording's first minute. No duration means to its end.

    `channels` limits it to heart rate (hr) or respiratory rate (rr). It fades in over `ramp_min` minutes (0 = at once).
    `donor` is the device whose data an attack such as spoof takes; None means a synthetic patient drawn by the seed.
    `given` has the names by which device and donor were named, by id, for people.
    """

    name: str
    device: str
    onset_min: int
    duration_min: int | None = None
    level: str = DEFAULT_LEVEL
    seed: int = 0
    channels: Channels = "both"
    ramp_min: int = 0
    donor: str | None = None
    given: Mapping[str, str] = field(default_factory=dict, compare=False, repr=False)


@dataclass(frozen=True, slots=True, eq=False)
class Injection:
    """An attacked recording and its exact ground truth.

    `poisoned` is bool of shape [minutes]: True where a value differs from the one before the attack, or went missing.
    `end_min` is the first minute after the attack (limited to the recording's length).
    """

    recording: Recording
    poisoned: NDArray[np.bool_]
    spec: AttackSpec
    end_min: int
