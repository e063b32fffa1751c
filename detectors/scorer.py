"""What the engine asks of a model: windows in, scores on its rule's scale out; TensorFlow stays behind it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from contracts.verdicts import DeviceProfile
from detectors.decision_rules.base import Rule, Scale
from detectors.measure import Measure
from detectors.preprocessing import Rows
from detectors.windows import Windows

Floats = NDArray[np.float32]

MINUTE_KINDS: Final = ("hour", "level", "texture")
SLOW_KINDS: Final = ("half_day", "lattice")
SCORED_KINDS: Final = (*MINUTE_KINDS, *SLOW_KINDS)
TAIL_KINDS: Final = ("level", "texture", "lattice")  # learnt from clean devices alone


class Yardstick(NamedTuple):
    """What a device is judged with now: its measure, what to expect of each feature, the scale of each kind of score, its limits.

    `centre` and `spread` float32[184] in the order of `catalogue.FEATURES`; `threshold` on the rule's scale; `pulse_limit_bpm` how far heart rate
    and pulse may lie apart.
    """

    measure: Measure
    centre: Floats
    spread: Floats
    scales: Mapping[str, Scale]
    threshold: float
    pulse_limit_bpm: float


class Scored(Protocol):
    """What is found out about B windows, k of them slow.

    `g` float32[B, 5] on the rule's scale, in the order of `SCORED_KINDS`, NaN = not known; `error` float32[B], the mean
    squared residual of the bottleneck in scaled units; `copied` float32[k], the share of a single channel that repeats
    itself.
    """

    @property
    def g(self) -> Floats: ...

    @property
    def error(self) -> Floats: ...

    @property
    def copied(self) -> Floats: ...

    def reason(self, window: int) -> str:
        """Say in words what is unusual about a window."""
        ...


class TrainedModel(Protocol):
    """Scores any number of windows; a window's result does not depend on the others. Blocks while it computes."""

    @property
    def bundle_sha(self) -> str: ...

    @property
    def rule(self) -> Rule:
        """How its scores become votes."""
        ...

    def score(self, windows: Windows, sticks: Sequence[Yardstick]) -> Scored:
        """Score windows, each with its owner's yardstick."""
        ...

    def freeze(self, rows: Rows, pulse_medians_bpm: Sequence[float], enrolment_min: int) -> DeviceProfile:
        """Return the profile learnt from a device's enrolment rows (at least one)."""
        ...

    def yardstick(self, profile: DeviceProfile | None) -> Yardstick:
        """Return what a device is judged with: by its profile, or by the population while it has none."""
        ...

    def warm(self, buckets: Sequence[int] | None = None) -> None:
        """Compile the given batch sizes (None: all) ahead of their first use."""
        ...
