"""What is read off flags: shares found in time, pooled over seeds or paired with another detector, and false exclusions."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from detectors.training.scores.table import AttackDelays, DecisionTable, attack_delays
from experiments.common.estimates import UNKNOWN, Estimate
from experiments.common.injection import core_cases
from experiments.evaluation.judging.judged import Judged
from experiments.evaluation.plan import BUDGETS, Case, shown_name
from experiments.evaluation.results.detection_rates import (
    FalseExclusions,
    false_exclusions,
    over_patients,
    rate,
    share_found,
)

WITHIN_H: Final = (2, 4, 12)
CURVE_H: Final = tuple(hour / 4 for hour in range(1, 49))
Measure = tuple[str, Callable[[Case], bool], int]
Bools = NDArray[np.bool_]
Record = dict[str, Any]


def _level(level: str) -> Callable[[Case], bool]:
    return lambda case: case[1] == level


CORE_MEASURES: Final[tuple[Measure, ...]] = (
    ("strong_2h", _level("strong"), 120),
    ("medium_12h", _level("medium"), 720),
    ("subtle_12h", _level("subtle"), 720),
    ("noise_medium_4h", lambda case: case == ("data-poisoning-1", "medium"), 240),
)
"""The core's figures: name, which of its cases, and within how many minutes."""


def pooled(delays: Sequence[AttackDelays]) -> AttackDelays:
    """Return the attacks of several seeds together. Intervals draw patients, so that seeds of one patient count as one."""
    return AttackDelays(
        np.concatenate([of_seed.delay_min for of_seed in delays]),
        np.concatenate([of_seed.patient for of_seed in delays]),
    )


def share(delays: AttackDelays, places: Sequence[int], within_min: int) -> Estimate:
    """Return the share found in time, over those of the cases that were tried. UNKNOWN when none was."""
    tried = [place for place in places if not np.isnan(delays.delay_min[:, place]).all()] if len(delays.patient) else []
    return share_found(delays, tried, within_min) if tried else UNKNOWN


def core_shares(delays: AttackDelays, cases: Sequence[Case]) -> dict[str, Estimate]:
    """Return the figures of the core by name. `cases` are those that the found attacks' first places stand for."""
    return {
        name: share(delays, [place for place, case in enumerate(cases) if wanted(case)], within)
        for name, wanted, within in CORE_MEASURES
    }


def core_differences(delays: AttackDelays, other: AttackDelays, cases: Sequence[Case]) -> dict[str, Estimate]:
    """Return how much less another detector finds of the core: `found` minus `other`, paired by patient and onset."""
    return {
        name: _difference(delays, other, [place for place, case in enumerate(cases) if wanted(case)], within)
        for name, wanted, within in CORE_MEASURES
    }


def _difference(delays: AttackDelays, other: AttackDelays, places: Sequence[int], within_min: int) -> Estimate:
    if not places or not len(delays.patient) or not np.array_equal(delays.patient, other.patient):
        return UNKNOWN
    own, others = delays.delay_min[:, list(places)], other.delay_min[:, list(places)]
    tried = ~(np.isnan(own) | np.isnan(others))
    more = ((own <= within_min).astype(float) - (others <= within_min)).sum(axis=1, where=tried, keepdims=True)
    return over_patients(delays.patient, more, tried.sum(axis=1, keepdims=True))


def attack_rows(delays: AttackDelays, cases: Sequence[Case], learnt: frozenset[int]) -> list[dict[str, Any]]:
    """Return a record for each attack and level: found within 2, 4 and 12 hours, and the median delay (None: never)."""
    rows = []
    for place, (name, level) in enumerate(cases):
        delay = delays.delay_min[:, place]
        tried = delay[~np.isnan(delay)]
        median = float(np.median(tried)) if len(tried) else np.inf
        rows.append(
            {
                "attack": shown_name(name),
                "level": level,
                "learnt": place in learnt,
                "onsets": len(tried),
                **{f"within_{hours}h": asdict(share(delays, [place], 60 * hours)) for hours in WITHIN_H},
                "median_min": median if np.isfinite(median) else None,
            }
        )
    return rows


def curve(delays: AttackDelays, places: Sequence[int]) -> list[float]:
    """Return the share found by `CURVE_H`, the mean over some cases."""
    delay = delays.delay_min[:, list(places)]
    if not delay.size:
        return []
    tried = ~np.isnan(delay)
    return [float(((delay <= 60 * hour) & tried).sum() / max(tried.sum(), 1)) for hour in CURVE_H]


def false_over_seeds(each: Sequence[FalseExclusions]) -> dict[str, Any]:
    """Return the mean over seeds. The interval is that of one seed's device-weeks: seeds are no new patients."""
    events = [of_seed.a_week.n for of_seed in each]
    mean = float(np.mean(events))
    ages = np.mean([[[count, weeks] for _, count, weeks in of_seed.by_age] for of_seed in each], axis=0)
    return {
        "a_week": asdict(rate(mean, each[0].weeks)),  # type: ignore[arg-type]  # a mean of counts, between two Poisson intervals
        "weeks": each[0].weeks,
        "events": events,
        "devices": [of_seed.devices for of_seed in each],
        "of": each[0].of,
        "flagged": float(np.mean([of_seed.flagged for of_seed in each])),
        "held": float(np.mean([of_seed.held for of_seed in each])),
        "by_day": [
            {"from_day": day, "events": float(count), "weeks": float(weeks), "a_week": asdict(rate(count, weeks))}
            for (day, _, _), (count, weeks) in zip(each[0].by_age, ages, strict=True)
        ],
    }


def equal_budget(events: Mapping[float, float], wanted: float) -> float:
    """Return the budget whose false exclusions come nearest to those wanted, the smaller of equal ones."""
    return min(BUDGETS, key=lambda budget: (abs(events[budget] - wanted), budget))


def core_of(judged: Judged, flagged: Bools) -> tuple[DecisionTable, Bools]:
    """Return the judged patients under the core attacks, and their flags."""
    table, rows = judged.core
    return table, flagged[rows]


def core_found(table: DecisionTable, flagged: Bools) -> AttackDelays:
    """Return when each core attack was found. The table holds no others."""
    return attack_delays(table, flagged, len(core_cases()))


def core_record(table: DecisionTable, flagged: Bools) -> Record:
    """Return the core's figures and the false exclusions of judged patients."""
    false = false_exclusions(table, flagged)
    return {
        "core": shares(core_shares(core_found(table, flagged), core_cases())),
        "false_exclusions": asdict(false.a_week),
        "devices": false.devices,
        "held": false.held,
    }


def shares(estimates: Mapping[str, Estimate]) -> Record:
    """Return estimates by name as records."""
    return {name: asdict(value) for name, value in estimates.items()}
