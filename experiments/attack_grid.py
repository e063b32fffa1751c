"""The whole evaluation: every section in its order, finished stages taken from disk."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from detectors.training.judging import GUARDS
from experiments.attack_grid_judged import judged_detectors
from experiments.attack_grid_question import Question
from experiments.grid_cells import Cell, cells_of
from experiments.grid_clean import Episode, FalseExclusions, episodes_of, fleet_of
from experiments.grid_cohorts import (
    attacked_recordings,
    clean_recordings,
    fresh_recordings,
    ill_stays,
    without_pulse,
)
from experiments.grid_headline import CleanSighting, Headline, headline_of
from experiments.grid_inject import inject_both, inject_heart_rate
from experiments.grid_judges import Mind, MindJudge
from experiments.grid_protocol import core_cases
from experiments.grid_pulse import PulseOutcome, pulse_cases, pulse_outcomes
from experiments.grid_real import ENROLMENTS_MIN, OWN, REAL, attacked_real, clean_real, planned_attacks, usable
from experiments.grid_results import OnReal, Results
from experiments.grid_traces import AttackedSet, AttackPlan, Fleet, Workbench, attacked_set, clean_fleet
from experiments.grid_variants import Arena
from replay.sources.shipped import shipped_recordings


@dataclass(frozen=True, slots=True)
class _Traced:
    """Devices of the synthetic cohorts on disk, each after the headline's enrolment, some after the other one as well."""

    attacked: tuple[AttackedSet, ...]
    clean: tuple[Fleet, ...]
    other_attacked: tuple[AttackedSet, ...]
    other_clean: tuple[Fleet, ...]


def evaluate(question: Question, bench: Workbench) -> Results:
    """Run every section; blocks for minutes to an hour. The same question gives the same results, interrupted or not."""
    question.check()
    protocol, traced = question.protocol, _traced(question, bench)
    judge, other_judge = _judge(question, protocol.enrolment_min), _judge(question, protocol.other_enrolment_min)
    headline = _headline(judge, traced.attacked, traced.clean, bench)
    other = _headline(other_judge, traced.other_attacked, traced.other_clean, bench)
    episodes, ill = _deterioration(question, bench, judge)
    arena = Arena(_calibration(question, bench), traced.attacked, traced.clean)
    return Results(
        protocol=protocol,
        bundle_sha256=question.bundle.sha256,
        trained_with={name: question.bundle.metadata.get(name) for name in ("seed", "effort", "data")},
        cases=question.cases,
        headline=headline,
        cells=tuple(cells_of(headline, question.cases, protocol.enrolment_min, protocol.seed, protocol.draws)),
        other_cells=_other_cells(other, question),
        clean=(*_fleets(headline, protocol.enrolment_min), *_fleets(other, protocol.other_enrolment_min), *ill),
        fresh=_fresh(question, bench, judge),
        episodes=tuple(episodes),
        pulse=tuple(_pulse(question, bench, judge)),
        real=_on_real(question, bench, REAL),
        own=_on_real(question, bench, OWN) if question.recordings else None,
        judged=judged_detectors(protocol, bench, question.learner, arena, question.cases, judge.mind),
    )


def _traced(question: Question, bench: Workbench) -> _Traced:
    protocol = question.protocol
    attacked: list[AttackedSet] = []
    other: list[AttackedSet] = []
    clean: list[Fleet] = []
    other_clean: list[Fleet] = []
    for cohort in range(protocol.cohort_seeds):
        for tenths in (True, False):
            whom = f"{cohort}-{'tenths' if tenths else 'whole'}"
            bare = [without_pulse(one) for one in attacked_recordings(protocol, cohort, tenths=tenths)]
            seed = (protocol.seed, 4, cohort, int(tenths))
            plan = AttackPlan(question.cases, protocol.enrolment_min, inject_both, seed)
            attacked.append(attacked_set(bench, "grid", f"attacked-{whom}", bare, plan, tenths=tenths))
            again = replace(plan, cases=core_cases(question.cases), enrolment_min=protocol.other_enrolment_min)
            if again.cases:
                other.append(attacked_set(bench, "grid", f"attacked-other-{whom}", bare, again, tenths=tenths))
            stable = clean_recordings(protocol, cohort, tenths=tenths)
            for fleets, minutes in ((clean, protocol.enrolment_min), (other_clean, protocol.other_enrolment_min)):
                fleets.append(clean_fleet(bench, "grid", f"clean-{whom}", stable, str(minutes), tenths=tenths))
    return _Traced(tuple(attacked), tuple(clean), tuple(other), tuple(other_clean))


def _headline(judge: MindJudge, attacked: Sequence[AttackedSet], clean: Sequence[Fleet], bench: Workbench) -> Headline:
    found = headline_of(
        judge,
        ((trace, one.tenths) for one in attacked for trace in one.traces(bench.work)),
        ((trace, one.tenths) for one in clean for trace in one.traces(bench.work)),
    )
    bench.progress("grid", 1.0, f"{len(found.attacked)} attacked and {len(found.clean)} clean devices judged")
    return found


def _other_cells(other: Headline, question: Question) -> tuple[Cell, ...]:
    protocol = question.protocol
    cases = core_cases(question.cases)
    return tuple(cells_of(other, cases, protocol.other_enrolment_min, protocol.seed + 1, protocol.draws))


def _fleets(headline: Headline, enrolment_min: int) -> list[FalseExclusions]:
    judge = headline.judge
    groups: Mapping[str, list[CleanSighting]] = {
        "stable, tenths": [one for one in headline.clean if one.tenths],
        "stable, whole": [one for one in headline.clean if not one.tenths],
        "stable, both": list(headline.clean),
    }
    return [
        fleet_of(name, enrolment_min, [one.judged for one in group], judge.threshold, judge.kinds, GUARDS)
        for name, group in groups.items()
    ]


def _deterioration(
    question: Question, bench: Workbench, judge: MindJudge
) -> tuple[list[Episode], list[FalseExclusions]]:
    protocol, enrolment = question.protocol, str(question.protocol.enrolment_min)
    episodes, all_judged = [], []
    for cohort in range(protocol.cohort_seeds):
        for tenths in (True, False):
            stays = ill_stays(protocol, cohort, tenths=tenths)
            bare = [without_pulse(stay.recording) for stay in stays]
            name = f"ill-{cohort}-{'tenths' if tenths else 'whole'}"
            fleet = clean_fleet(bench, "deterioration", name, bare, enrolment, tenths=tenths)
            for stay, trace in zip(stays, fleet.traces(bench.work), strict=True):
                judged = judge.judged(trace)
                kind = stay.recording.origin.removeprefix("synthetic patient with ")
                excluded = judged.excluded(judge.threshold, judge.kinds)
                first = stay.recording.first_event_minute
                episodes += episodes_of(judged, stay.deteriorating, first, kind, tenths=tenths, excluded=excluded)
                all_judged.append(judged)
    bench.progress("deterioration", 1.0, f"{len(episodes)} episodes judged")
    ill = fleet_of("deteriorating, both", protocol.enrolment_min, all_judged, judge.threshold, judge.kinds, GUARDS)
    return episodes, [ill]


def _fresh(question: Question, bench: Workbench, judge: MindJudge) -> FalseExclusions | None:
    protocol = question.protocol
    if not protocol.fresh_devices:
        return None
    enrolment = str(protocol.enrolment_min)
    fleet = clean_fleet(bench, "fresh cohort", "fresh", fresh_recordings(protocol), enrolment, tenths=True)
    judged = [judge.judged(trace) for trace in fleet.traces(bench.work)]
    bench.progress("fresh cohort", 1.0, f"{len(judged)} devices judged")
    return fleet_of("untouched, tenths", protocol.enrolment_min, judged, judge.threshold, judge.kinds, GUARDS)


def _pulse(question: Question, bench: Workbench, judge: MindJudge) -> list[PulseOutcome]:
    protocol, found = question.protocol, []
    cases = tuple(case for case in pulse_cases() if case in question.cases)
    for cohort in range(protocol.cohort_seeds if cases else 0):
        for tenths in (True, False):
            recordings = attacked_recordings(protocol, cohort, tenths=tenths)
            seed = (protocol.seed, 5, cohort, int(tenths))
            plan = AttackPlan(cases, protocol.enrolment_min, inject_heart_rate, seed)
            name = f"pulse-{cohort}-{'tenths' if tenths else 'whole'}"
            found += pulse_outcomes(bench, name, recordings, judge, plan, tenths=tenths)
    bench.progress("with PULSE", 1.0, f"{len(found)} attacked devices judged")
    return found


def _on_real(question: Question, bench: Workbench, stage: str) -> OnReal:
    own, knowledge = stage == OWN, question.bundle.knowledge
    recordings = question.recordings if own else tuple(shipped_recordings())
    clean = clean_real(bench, stage, recordings, knowledge)
    strong = tuple(case for case in question.cases if case[1] == "strong")
    judge = _judge(question, ENROLMENTS_MIN[0])
    attacked = attacked_real(bench, stage, usable(recordings), strong, judge, question.protocol.seed)
    plan = question.planned if own else ()
    planned = planned_attacks(bench, stage, recordings, plan, knowledge) if plan else []
    bench.progress(stage, 1.0, f"{len(recordings)} recordings judged")
    return OnReal(tuple(clean), tuple(attacked), tuple(planned))


def _judge(question: Question, enrolment_min: int) -> MindJudge:
    knowledge = question.bundle.knowledge
    return MindJudge(Mind(knowledge.tables, knowledge.networks), knowledge.situations[str(enrolment_min)])


def _calibration(question: Question, bench: Workbench) -> Fleet:
    recordings = [stay.recording for stay in question.learner.cohorts.calibration]
    count = min(question.protocol.calibration_devices or len(recordings), len(recordings))
    chosen = [recordings[at] for at in np.linspace(0, len(recordings) - 1, count).astype(int)]
    fleet = clean_fleet(bench, "calibration", "calibration", chosen, str(question.protocol.enrolment_min), tenths=True)
    bench.progress("calibration", 1.0, f"{count} devices")
    return fleet
