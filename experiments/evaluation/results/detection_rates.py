"""What flags on a table of decisions come to: attacks found in time, false exclusions, what a clean device is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from scipy.stats import chi2

from detectors.minutes.windows import STEP_MIN
from detectors.training.scores.table import CLEAN, WEEK_MIN, AttackDelays, DecisionTable
from experiments.common.estimates import Estimate
from experiments.evaluation.plan import DAY_MIN, HOLD_MIN

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]
Ints = NDArray[np.integer]

AGES_DAYS: Final = (0, 1, 2, 4, 8, 1_000)
DRAWS: Final = 1000
EPISODE_MIN: Final = 120


@dataclass(frozen=True, slots=True)
class FalseExclusions:
    """What happened to clean devices.

    `a_week` with its Poisson interval, n events; `devices` with any of `of`; shares of judged time `flagged`, and within four
    hours of a flag (`held`); `by_age` (days since the enrolment, events, device-weeks).
    """

    a_week: Estimate
    weeks: float
    devices: int
    of: int
    flagged: float
    held: float
    by_age: tuple[tuple[int, int, float], ...]


def share_found(delays: AttackDelays, places: Sequence[int], within_min: int) -> Estimate:
    """Return the mean over some cases of the share found in time, with the interval of drawing patients again."""
    delay = delays.delay_min[:, list(places)]
    return over_patients(delays.patient, delay <= within_min, ~np.isnan(delay))


def over_patients(patient: Ints, hit: NDArray[Any], tried: Bools) -> Estimate:
    """Return the mean over columns of the share of hits [R, C] among those tried, drawing the patients int[R] again."""
    who, at = np.unique(patient, return_inverse=True)
    hits, tries = (np.zeros((len(who), tried.shape[1])) for _ in range(2))
    np.add.at(hits, at, np.where(tried, hit, 0))
    np.add.at(tries, at, tried)
    drawn = np.random.default_rng(1).integers(len(who), size=(DRAWS, len(who)))
    low, high = np.nanquantile(_mean_share(hits[drawn].sum(axis=1), tries[drawn].sum(axis=1)), [0.025, 0.975])
    value = float(_mean_share(hits.sum(axis=0), tries.sum(axis=0)))
    return Estimate(value, float(low), float(high), float(tries.sum()))


def _mean_share(hits: Floats, tried: Floats) -> Floats:
    """Return the mean over the last axis of hits / tried, where any were tried. NaN where none were."""
    known = (tried > 0).sum(axis=-1)
    shares = (hits / np.maximum(tried, 1)).sum(axis=-1) / np.maximum(known, 1)
    return np.where(known > 0, shares, np.nan)


def false_exclusions(table: DecisionTable, flagged: Bools) -> FalseExclusions:
    """Count the exclusions of clean streams. Minutes are valid ones."""
    streams = [stream for stream in np.flatnonzero(table.case == CLEAN)
               if table.judged[table.start[stream] : table.stop[stream]].any()]  # fmt: skip
    parts = [_clean_stream(table, flagged, int(stream)) for stream in streams]
    judged = sum(part.judged for part in parts)
    weeks = judged * STEP_MIN / WEEK_MIN
    events = np.concatenate([part.events_age for part in parts])
    edges = np.array(AGES_DAYS) * DAY_MIN
    counts = np.histogram(events, edges)[0]
    time = np.histogram(np.concatenate([part.judged_age for part in parts]), edges)[0] * STEP_MIN / WEEK_MIN
    return FalseExclusions(
        a_week=rate(len(events), weeks),
        weeks=weeks,
        devices=sum(len(part.events_age) > 0 for part in parts),
        of=len(parts),
        flagged=sum(part.flagged for part in parts) / max(judged, 1),
        held=sum(part.held for part in parts) / max(judged, 1),
        by_age=tuple(zip(AGES_DAYS[:-1], counts.tolist(), time.tolist(), strict=True)),
    )


@dataclass(frozen=True, slots=True)
class _CleanStream:
    events_age: NDArray[np.int64]
    judged_age: NDArray[np.int64]
    judged: int
    flagged: int
    held: int


def _clean_stream(table: DecisionTable, flagged: Bools, stream: int) -> _CleanStream:
    part = slice(int(table.start[stream]), int(table.stop[stream]))
    minute, judged = table.minute[part], table.judged[part]
    over = flagged[part] & judged
    age = minute - int(table.enrolment_min[table.patient[stream]])
    begun = minute[over]
    events = age[over][np.diff(begun, prepend=-(10**9)) > HOLD_MIN]
    last = np.maximum.accumulate(np.where(over, minute, -(10**9)))
    held = int((judged & (minute - last < HOLD_MIN)).sum())
    return _CleanStream(events, age[judged], int(judged.sum()), int(over.sum()), held)


def rate(events: int, weeks: float) -> Estimate:
    """Return events a week with the exact Poisson interval.

    >>> rate(0, 10.0).high.__round__(3)
    0.369
    """
    if not weeks:
        return Estimate(float("nan"), float("nan"), float("nan"), 0)
    low = chi2.ppf(0.025, 2 * events) / 2 if events else 0.0
    high = chi2.ppf(0.975, 2 * events + 2) / 2
    return Estimate(events / weeks, float(low / weeks), float(high / weeks), float(events))


def episodes_flagged(table: DecisionTable, flagged: Bools, begins: Mapping[str, int]) -> tuple[int, int]:
    """Return (flagged, judged) of genuine deteriorations: within two hours of the event minute at which each may begin, by device."""
    hit = []
    for stream in np.flatnonzero(table.case == CLEAN):
        begin = begins.get(str(table.name[table.patient[stream]]))
        if begin is None:
            continue
        part = slice(int(table.start[stream]), int(table.stop[stream]))
        after = table.event_minute[part] - begin
        near = table.judged[part] & (after >= 0) & (after <= EPISODE_MIN)
        if near.any():
            hit.append(bool(flagged[part][near].any()))
    return sum(hit), len(hit)
