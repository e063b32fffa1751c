"""False exclusions of clean devices, and exclusions of patients who genuinely deteriorate."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from detectors.training.judging import Judged
from detectors.windows import BLOCK_MIN
from experiments.grid_intervals import Estimate, poisson_rate, wilson
from experiments.grid_rulings import Rulings, false_exclusions

APART_MIN: Final = 240  # deteriorations closer than that are one episode
AFTERWARDS_MIN: Final = 120  # an exclusion so soon after an episode still comes from it: the longest vote


@dataclass(frozen=True, slots=True)
class FalseExclusions:
    """Of one fleet of clean devices: exclusions a device-week (exact Poisson), and devices with any in six days (Wilson)."""

    fleet: str
    enrolment_min: int
    devices: int
    device_weeks: float
    episodes: int
    per_device_week: Estimate
    devices_with_any: Estimate
    by_guards: int


@dataclass(frozen=True, slots=True)
class Episode:
    """One deterioration of a patient: its kind, and whether the device was excluded meanwhile or within two hours afterwards."""

    kind: str
    tenths: bool
    excluded: bool


def fleet_of(
    name: str,
    enrolment_min: int,
    judged: Sequence[Judged],
    threshold: float,
    kinds: Sequence[str],
    guards: Sequence[str],
) -> FalseExclusions:
    """Return the false exclusions of devices under a threshold; `guards` are the kinds counted apart as well."""
    rows = [false_exclusions(one, threshold, kinds) for one in judged]
    by_guards = sum(one.episodes(threshold, guards) for one in judged)
    return _summed(name, enrolment_min, rows, by_guards)


def fleet_of_rulings(name: str, enrolment_min: int, rulings: Rulings, tenths: bool | None) -> FalseExclusions:
    """Return the same from rulings, of one kind of monitor or both (None)."""
    chosen = np.ones(len(rulings.episodes), np.bool_) if tenths is None else rulings.clean_tenths == tenths
    columns = (rulings.episodes[chosen], rulings.weeks[chosen], rulings.first_days[chosen])
    return _summed(name, enrolment_min, list(zip(*(column.tolist() for column in columns), strict=True)), 0)


def _summed(name: str, enrolment_min: int, rows: Sequence[tuple[int, float, int]], by_guards: int) -> FalseExclusions:
    episodes, weeks = sum(row[0] for row in rows), sum(row[1] for row in rows)
    any_early = sum(row[2] > 0 for row in rows)
    return FalseExclusions(
        name,
        enrolment_min,
        len(rows),
        weeks,
        episodes,
        poisson_rate(episodes, weeks),
        wilson(any_early, len(rows)),
        by_guards,
    )


def episodes_of(
    judged: Judged,
    deteriorating: NDArray[np.bool_],
    first_event_minute: int,
    kind: str,
    *,
    tenths: bool,
    excluded: NDArray[np.bool_],
) -> list[Episode]:
    """Return the patient's deteriorations that begin once the device is judged; `excluded` bool[k] belongs to its decisions."""
    if not len(judged.block):
        return []
    minutes = judged.block * BLOCK_MIN - first_event_minute
    found = []
    for start, end in runs_of(deteriorating):
        if start >= minutes[0]:
            during = excluded[(minutes >= start) & (minutes < end + AFTERWARDS_MIN)]
            found.append(Episode(kind, tenths, bool(during.any())))
    return found


def runs_of(deteriorating: NDArray[np.bool_]) -> list[tuple[int, int]]:
    """Return (first, end) of each run of True, runs less than four hours apart being one."""
    at = np.flatnonzero(deteriorating)
    if not len(at):
        return []
    breaks = np.flatnonzero(np.diff(at) > APART_MIN)
    firsts, lasts = at[np.concatenate([[0], breaks + 1])], at[np.concatenate([breaks, [len(at) - 1]])]
    return [(int(first), int(last) + 1) for first, last in zip(firsts, lasts, strict=True)]


def excluded_episodes(episodes: Iterable[Episode]) -> dict[str, Estimate]:
    """Return the share of episodes excluded by kind of deterioration, by kind of monitor, and of all."""
    counted = list(episodes)
    groups = {"all": counted, "tenths": [e for e in counted if e.tenths], "whole": [e for e in counted if not e.tenths]}
    groups |= {kind: [e for e in counted if e.kind == kind] for kind in sorted({e.kind for e in counted})}
    return {name: wilson(sum(e.excluded for e in group), len(group)) for name, group in groups.items()}
