"""What each part of the detector earns, and how it does on families that it never learnt."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Final

import numpy as np
from numpy.typing import NDArray

from detectors.scoring.components import SCORED
from detectors.training.scores.table import AttackDelays
from experiments.common.injection import CORE, core_cases
from experiments.evaluation.judging.judged import RULES, Judged
from experiments.evaluation.judging.study import REFERENCE, Study, family_name
from experiments.evaluation.plan import BUDGETS
from experiments.evaluation.results.detection_rates import false_exclusions
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
    each = {one: core_of(other, other.flagged(one, kinds, rules)) for one in BUDGETS}
    events = {one: false_exclusions(*found).a_week.n for one, found in each.items()}
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
        found = core_found(*own)
        hidden = np.full_like(found.delay_min, np.nan)
        places = [place for place, case in enumerate(cases) if case[0] == family]
        hidden[:, places] = found.delay_min[:, places]
        together = hidden if together is None else np.where(np.isnan(together), hidden, together)
        patients = found.patient
        records[family] = shares(core_shares(AttackDelays(hidden, patients), cases)) | {
            "false_exclusions": asdict(false_exclusions(*own).a_week)
        }
    assert together is not None
    return {"all": shares(core_shares(AttackDelays(together, patients), cases)), **records}
