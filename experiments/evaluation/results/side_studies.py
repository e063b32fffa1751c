"""What is measured beside the headline on the same folds: slow attacks, simulated patients, long stays, episodes, ablations, families."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from detectors.minutes.windows import STEP_MIN
from detectors.scoring.components import SCORED
from detectors.training.scores.table import CLEAN, AttackDelays, DecisionTable, attack_delays
from experiments.common.injection import CORE, core_cases
from experiments.evaluation.judging.judged import RULES, Judged
from experiments.evaluation.judging.study import REFERENCE, Study, family_name
from experiments.evaluation.measurement.material import SIMULATED, SLOW
from experiments.evaluation.measurement.measuring import KINDS, RAMPS_DAYS, phase_of
from experiments.evaluation.plan import BUDGETS, DAY_MIN, HOLD_MIN
from experiments.evaluation.results.detection_rates import false_exclusions, rate
from experiments.evaluation.results.measures import (
    Record,
    core_differences,
    core_found,
    core_of,
    core_record,
    core_shares,
    equal_budget,
    shares,
)

Bools = NDArray[np.bool_]

LONG_DAYS: Final = 14
WHOLE_BPM: Final = 1.0
PULSE: Final = "all, with the pulse rule"


def slow_rows(judged: Judged, flagged: Bools) -> list[dict[str, Any]]:
    """Return, by kind and ramp, how many were found while it grew and until its end, and how much of the last day was excluded."""
    table, own = judged.only(SLOW, flagged)
    slow = judged.material.slow[judged.material.patients(SLOW)]
    rows = []
    for kind, name in enumerate(KINDS):
        for days in RAMPS_DAYS:
            streams = [
                _slow_stream(table, own, stream, slow[stream])
                for stream in np.flatnonzero((slow[:, 0] == kind) & (slow[:, 1] == days)).tolist()
            ]
            if streams:
                growing, ever, flagged_share, held = (float(value) for value in np.mean(streams, axis=0))
                rows.append(
                    {
                        "attack": name, "ramp_days": days, "n": len(streams), "found_while_growing": growing,
                        "found": ever, "last_day_flagged": flagged_share, "last_day_excluded": held,
                    }
                )  # fmt: skip
    return rows


def _slow_stream(table: DecisionTable, flagged: Bools, patient: int, slow: NDArray[np.int64]) -> tuple[float, ...]:
    """Return (found while growing, found ever, share of the held day flagged, in quarantine)."""
    _, days, onset = slow.tolist()
    stream = int(np.flatnonzero(table.patient == patient)[0])
    part = slice(int(table.start[stream]), int(table.stop[stream]))
    minute, judged = table.minute[part], table.judged[part]
    over = flagged[part] & judged
    phase = phase_of(minute, onset, days)
    last = np.maximum.accumulate(np.where(over, minute, -(10**9)))
    held = judged & (phase == 2)
    quarantined = held & (minute - last < HOLD_MIN)
    share = max(held.sum(), 1)
    return (
        float(over[phase == 1].any()), float(over[phase >= 1].any()), float(over[held].sum() / share),
        float(quarantined.sum() / share),
    )  # fmt: skip


def simulated_record(judged: Judged, flagged: Bools) -> dict[str, Any]:
    """Return what the detector of the judged patients does on the simulated cohort, by monitor, with the pulse rule, when ill."""
    table, own = judged.only(SIMULATED, flagged)
    _, with_pulse = judged.only(SIMULATED, flagged | judged.material.pulse_speaks())
    grid = judged.material.grid_bpm[judged.material.patients(SIMULATED)]
    tenths, whole = grid < WHOLE_BPM, grid >= WHOLE_BPM
    wanted = {"tenths": (tenths, own), "whole numbers": (whole, own), PULSE: (tenths | whole, with_pulse)}
    hit, of = _deteriorations(table, own)
    return {
        "kinds": {name: _kind(table, which, flags) for name, (which, flags) in wanted.items()},
        "deteriorations_excluded": hit,
        "deteriorations": of,
    }


def _kind(table: DecisionTable, wanted: Bools, flagged: Bools) -> dict[str, Any]:
    """Return the figures of some patients bool[P]."""
    delays = attack_delays(table, flagged, len(core_cases()))
    inside = wanted[delays.patient]
    of_kind = type(delays)(delays.delay_min[inside], delays.patient[inside])
    events = false_exclusions(table, flagged & wanted[table.who]).a_week.n
    weeks = _weeks(table, wanted)
    return {
        "devices": int(wanted.sum()),
        "core": {key: asdict(value) for key, value in core_shares(of_kind, core_cases()).items()},
        "false_exclusions": asdict(rate(int(events), weeks)),
        "weeks": weeks,
    }


def _weeks(table: DecisionTable, wanted: Bools) -> float:
    return table.weeks(table.clean_streams(np.flatnonzero(wanted)))


def _deteriorations(table: DecisionTable, flagged: Bools) -> tuple[int, int]:
    """Return (excluded, judged) of simulated patients that deteriorate."""
    hit = [
        bool(flagged[rows].any())
        for stream in np.flatnonzero(table.case == CLEAN).tolist()
        if len(rows := _deteriorating(table, stream))
    ]
    return sum(hit), len(hit)


def _deteriorating(table: DecisionTable, stream: int) -> NDArray[np.int64]:
    part = slice(int(table.start[stream]), int(table.stop[stream]))
    return np.flatnonzero(table.judged[part] & table.deteriorating[part]) + part.start


def long_stays(table: DecisionTable, flagged: Bools) -> dict[str, Any]:
    """Return the longest stays, taken whole: how many of two weeks or more, how long, and their false exclusions."""
    streams = np.flatnonzero(table.case == CLEAN)
    days = (table.stop - table.start)[streams] * STEP_MIN / DAY_MIN
    long = table.patient[streams][days >= LONG_DAYS]
    inside = np.isin(np.arange(len(table.name)), long)
    false = false_exclusions(table, flagged & inside[table.who])
    weeks = _weeks(table, inside)
    return {
        "devices": len(long), "longest_days": float(days.max()), "weeks": weeks,
        "false_exclusions": asdict(rate(int(false.a_week.n), weeks)),
    }  # fmt: skip


MIXES: Final[Mapping[str, tuple[tuple[str, ...], tuple[str, ...]]]] = {
    "without either DNN": (("family_free",), RULES),
    "without the slow DNN": (("fast", "family_free"), RULES),
    "without the family-free score": (("fast", "slow"), RULES),
    "without the copy rule": (SCORED, ("frozen", "replay")),
    "without the frozen rule": (SCORED, ("copy", "replay")),
    "without the replay rule": (SCORED, ("copy", "frozen")),
    "the rules alone": ((), RULES),
}
"""Ablations of the detector's own scores: what is averaged, and which rules speak."""


def ablations(study: Study, reference: Judged) -> list[Record]:
    """Return the detector, then its ablations with how much less of the core each finds, paired.

    `difference` is at the same budget; `equal` at the budget that gives as many false exclusions as the detector's.
    """
    budget = study.plan.budget
    base = core_of(reference, reference.flagged(budget))
    records: list[Record] = [{"name": REFERENCE, **core_record(*base)}]
    known, wanted = core_found(*base), false_exclusions(*base).a_week.n
    for name, (kinds, rules) in MIXES.items():
        records.append({"name": name, **_compared(known, wanted, reference, budget, kinds, rules)})
    others = ({"name": name, **_compared(known, wanted, study.judged(name), budget)} for name in study.changed)
    return [*records, *others]


def _compared(
    known: AttackDelays,
    wanted: float,
    other: Judged,
    budget: float,
    kinds: tuple[str, ...] = SCORED,
    rules: Sequence[str] = RULES,
) -> Record:
    cases, own = core_cases(), core_of(other, other.flagged(budget, kinds, rules))
    record = core_record(*own) | {"difference": shares(core_differences(known, core_found(*own), cases))}
    if not kinds:
        return record
    each = {other_budget: core_of(other, other.flagged(other_budget, kinds, rules)) for other_budget in BUDGETS}
    events = {other_budget: false_exclusions(*core).a_week.n for other_budget, core in each.items()}
    equal = equal_budget(events, wanted)
    difference = shares(core_differences(known, core_found(*each[equal]), cases))
    return record | {"equal": {"budget": equal, "events": events[equal], "wanted": wanted, "difference": difference}}


def families(study: Study) -> Record:
    """Return each family as it is found by a detector that never learnt it nor its look-alikes, and all of them together."""
    cases, records = core_cases(), {}
    together, patients = None, np.zeros(0, np.int32)
    for family in CORE:
        judged = study.judged(family_name(family))
        own = core_of(judged, judged.flagged(study.plan.budget))
        delays = core_found(*own)
        hidden = np.full_like(delays.delay_min, np.nan)
        places = [place for place, case in enumerate(cases) if case[0] == family]
        hidden[:, places] = delays.delay_min[:, places]
        together = hidden if together is None else np.where(np.isnan(together), hidden, together)
        patients = delays.patient
        records[family] = shares(core_shares(AttackDelays(hidden, patients), cases)) | {
            "false_exclusions": asdict(false_exclusions(*own).a_week)
        }
    assert together is not None
    return {"all": shares(core_shares(AttackDelays(together, patients), cases)), **records}
