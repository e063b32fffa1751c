"""The detector as it ships, on every attacked and clean device: what it said at each decision, and what came of it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from detectors.training.judging import Judged
from detectors.training.trace_jobs import AttackTrace
from detectors.training.traces import Trace
from detectors.windows import BLOCK_MIN
from experiments.grid_judges import MindJudge
from experiments.grid_protocol import Case
from experiments.grid_rulings import delay_of

WINDOW_MIN: Final = 60
FLEET_STRIDE: Final = 12  # of a clean device's decisions one an hour is enough for the AUC


@dataclass(frozen=True, slots=True, eq=False)
class Sighting:
    """An attacked device: its decisions' largest scores `g` float64[k] on the common scale, its votes, and the outcome.

    `device` counts the devices of its resolution, `seed` is the attack's; `delay_min` and `found_by` as in `grid_rulings.Rulings`.
    """

    case: Case
    device: int
    tenths: bool
    onset_event_minute: int
    judged: Judged
    g: NDArray[np.float64]
    delay_min: float
    found_by: int
    seed: int

    @property
    def attacked_g(self) -> NDArray[np.float64]:
        """Scores of windows that lie wholly within the attack."""
        return self.g[self.minute >= WINDOW_MIN]

    @property
    def own_clean_g(self) -> NDArray[np.float64]:
        """Scores before the onset."""
        return self.g[self.minute < 0]

    @property
    def minute(self) -> NDArray[np.int64]:
        """Minutes of the decisions since the onset."""
        return self.judged.block * BLOCK_MIN - self.onset_event_minute


@dataclass(frozen=True, slots=True, eq=False)
class CleanSighting:
    """A clean device: hourly scores, and all its votes."""

    tenths: bool
    judged: Judged
    g: NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class Headline:
    """All devices, under one judge."""

    judge: MindJudge
    attacked: tuple[Sighting, ...]
    clean: tuple[CleanSighting, ...]


def headline_of(
    judge: MindJudge, attacked: Iterable[tuple[AttackTrace, bool]], clean: Iterable[tuple[Trace, bool]]
) -> Headline:
    """Judge all devices; 40 microseconds a decision."""
    seen: dict[tuple[Case, bool], int] = {}
    found = []
    for one, tenths in attacked:
        key = (one.case, tenths)
        seen[key] = seen.get(key, -1) + 1
        found.append(_sighting(judge, one, seen[key], tenths=tenths))
    fleet = []
    for trace, tenths in clean:
        judged, g = judge.with_scores(trace)
        fleet.append(CleanSighting(tenths, judged, g[::FLEET_STRIDE]))
    return Headline(judge, tuple(found), tuple(fleet))


def _sighting(judge: MindJudge, one: AttackTrace, device: int, *, tenths: bool) -> Sighting:
    judged, g = judge.with_scores(one.trace)
    delay_min, found_by = delay_of(judged, one.onset_event_minute, judge.threshold, judge.kinds)
    return Sighting(one.case, device, tenths, one.onset_event_minute, judged, g, delay_min, found_by, one.seed)
