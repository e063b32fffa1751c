"""All numbers of an evaluation, as what results.json holds. No minute of any patient is among them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from contracts.messages.verdicts import DeviceState
from detectors.scoring.components import SCORED
from detectors.training.scores.table import TEACHING, AttackDelays, DecisionTable, attack_delays
from experiments.common.injection import LEVELS, core_cases
from experiments.evaluation.judging.judged import Judged, Scored, benign_share, clean_states, exclusions
from experiments.evaluation.judging.study import CAPPED, REFERENCE, Study, enrolment_name
from experiments.evaluation.measurement.material import JUDGED
from experiments.evaluation.plan import BUDGETS, DAY_MIN, ENROLMENTS_H
from experiments.evaluation.results.detection_rates import episodes_flagged, false_exclusions
from experiments.evaluation.results.goals import FORMER, goals_of
from experiments.evaluation.results.measures import (
    CURVE_H,
    Record,
    attack_rows,
    core_of,
    core_record,
    core_shares,
    curve,
    false_over_seeds,
    pooled,
    shares,
)
from experiments.evaluation.results.side_studies import ablations, families, long_stays, simulated_record, slow_rows

Bools = NDArray[np.bool_]

SCHEMA_VERSION: Final = 1


def results_of(study: Study, episodes: Mapping[str, int], command: str, bundle_sha256: str) -> Record:
    """Return the document. `episodes` are event minutes at which deteriorations of judged patients may begin, by device."""
    headlines = _headlines(study)
    first, cases = headlines[study.plan.seed], study.plan.cases
    delays = pooled([attack_delays(headline.table, headline.flagged, len(cases)) for headline in headlines.values()])
    document: Record = {
        "schema_version": SCHEMA_VERSION,
        "command": command,
        "bundle_sha256": bundle_sha256,
        "plan": study.plan.record(),
        "data": _data(study, first.table),
        "core": shares(core_shares(delays, core_cases())),
        "attacks": attack_rows(delays, cases, study.plan.learnt),
        "curves": {"hours": CURVE_H, **{level: _curve(delays, level) for level in LEVELS}},
        "clean": false_over_seeds(
            [false_exclusions(headline.table, headline.flagged) for headline in headlines.values()]
        )
        | _states(list(headlines.values())),
        "exclusions": [event for seed, headline in headlines.items() for event in _exclusions(headline, seed)],
        "episodes": _episodes(list(headlines.values()), episodes),
        "long_stays": long_stays(first.table, first.flagged),
        "by_seed": [
            {"seed": seed, **core_record(*core_of(headline.judged, headline.all_flagged))}
            for seed, headline in headlines.items()
        ],
        "by_budget": [
            {"budget": budget, **core_record(*core_of(first.judged, first.judged.flagged(budget)))}
            for budget in BUDGETS
        ],
        "simulated": simulated_record(first.judged, first.all_flagged) if _has_simulated(study) else {},
        "slow": slow_rows(first.judged, first.all_flagged),
        **_side_studies(study),
        "former": dict(FORMER),
    }
    document["goals"] = [{**asdict(goal), "met": goal.met} for goal in goals_of(document)]
    return document


@dataclass(frozen=True, slots=True, eq=False)
class _Headline:
    """One seed: `table`, `flagged` and `scored` of the judged patients, `rows` their places among all that the run judged."""

    judged: Judged
    all_flagged: Bools
    rows: NDArray[np.int64]
    table: DecisionTable
    flagged: Bools
    scored: Scored


def _headlines(study: Study) -> dict[int, _Headline]:
    headlines = {}
    for seed in study.plan.all_seeds:
        judged = study.headline(seed)
        flagged, scored = judged.flagged(study.plan.budget), judged.scored(study.plan.budget)
        rows = judged.material.rows((JUDGED,))
        cut = scored.of(rows)
        headlines[seed] = _Headline(judged, flagged, rows, *judged.only(JUDGED, flagged), cut)
    return headlines


def _has_simulated(study: Study) -> bool:
    return study.cohort.is_real and bool(study.cohort.simulated)


def _curve(delays: AttackDelays, level: str) -> list[float]:
    return curve(delays, [place for place, case in enumerate(core_cases()) if case[1] == level])


def _data(study: Study, table: DecisionTable) -> Record:
    judged = (table.case >= 0) & (table.which < TEACHING)
    onsets = {(int(table.patient[stream]), int(table.onset[stream])) for stream in np.flatnonzero(judged)}
    enrolment = [int(minutes) for minutes in table.enrolment_min]
    return {
        "is_real": study.cohort.is_real,
        "given": len(study.cohort.judged),
        "judged": len(table.name),
        "decisions": int(table.judged[table.is_clean].sum()),
        "device_weeks": table.weeks(table.clean_streams(np.arange(len(table.name)))),
        "onsets_a_seed": len(onsets),
        "enrolled_a_day": sum(minutes >= DAY_MIN for minutes in enrolment),
        "enrolled_ten_hours": sum(minutes < DAY_MIN for minutes in enrolment),
        "simulated": len(study.cohort.simulated),
    }


def _states(headlines: Sequence[_Headline]) -> Record:
    counts: Counter[DeviceState] = Counter()
    for headline in headlines:
        counts += clean_states(
            headline.table, headline.scored, headline.flagged, headline.judged.rule_votes[headline.rows]
        )
    total = max(sum(counts.values()), 1)
    return {"benign": benign_share(counts), "states": {str(state): count / total for state, count in counts.items()}}


def _exclusions(headline: _Headline, seed: int) -> list[Record]:
    said = {kind: headline.judged.folds[0].scores[kind][headline.rows] for kind in SCORED}
    said |= {rule: spoke[headline.rows].astype(np.float64) for rule, spoke in headline.judged.rules.items()}
    return [{"seed": seed, **event} for event in exclusions(headline.table, headline.flagged, said)]


def _episodes(headlines: Sequence[_Headline], begins: Mapping[str, int]) -> Record:
    each = [episodes_flagged(headline.table, headline.flagged, begins) for headline in headlines]
    return {"excluded": max(hit for hit, _ in each), "judged": each[0][1], "by_seed": [hit for hit, _ in each]}


def _side_studies(study: Study) -> Record:
    if not study.plan.side_studies:
        return {"ablations": [], "families": {}, "enrolments": [], "baselines": [], "slow_capped": []}
    budget, reference, capped = study.plan.budget, study.judged(REFERENCE), study.judged(CAPPED)
    table = reference.core[0]
    return {
        "ablations": ablations(study, reference),
        "families": families(study),
        "enrolments": [_enrolment(study, hours) for hours in ENROLMENTS_H],
        "baselines": [{"name": name, **core_record(table, flagged)} for name, flagged in study.baselines.items()],
        "slow_capped": slow_rows(capped, capped.flagged(budget)),
    }


def _enrolment(study: Study, hours: int) -> Record:
    judged = study.judged(enrolment_name(hours))
    table, flagged = core_of(judged, judged.flagged(study.plan.budget))
    weeks = table.weeks(table.clean_streams(np.arange(len(table.name))))
    return {"hours": hours, "patients": len(table.name), "weeks": weeks, **core_record(table, flagged)}
