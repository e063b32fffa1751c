"""What federations amount to, worked by hand from what became of them."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from detectors.bundle.bundle import DEFAULT_BUNDLE
from experiments.harm.cohorts import Drawn, Member, Sources
from experiments.harm.engine import Outcome
from experiments.harm.files import patients_block, patients_line, results_document, tables
from experiments.harm.page import build_page, goal_table, headlines
from experiments.harm.plan import FULL, Group, Run, runs_of
from experiments.harm.results import cost, goals, returned, rows, share_of
from experiments.harm.study import Study, outcome_stage, study_options
from experiments.harm.threats import BARE, CHECK, FLIPS, LIVE, NOTHING, ORACLE, SCREEN_AND_RULE, SYBIL, vitals
from experiments.report.numbers import plain
from replay.recording import Recording

PLAN = replace(FULL, seeds=(1, 2))
BY_NAME = {group.name: group for group in PLAN.groups}
FORECAST, ILLNESS = BY_NAME["next hour, 2 of 5"], BY_NAME["deterioration, 2 of 5"]
DP2 = vitals("data-poisoning-2")


def outcome(group: Group, value: float) -> Outcome:
    """Errors of `value` bpm, half of it in breaths, on devices that are not attacked; of a classifier that area."""
    rounds = 10 if group.cohort == "five" else 3
    errors = np.zeros((rounds, 0, 2))
    if not group.has_labels:
        errors = np.full((rounds, group.devices, 2), 99.0)
        errors[:, group.poisoned :] = (value, value / 2)
    areas = np.full(rounds, value if group.has_labels else np.nan)
    taken = np.ones((10, group.devices), np.bool_)
    return Outcome(errors, areas, areas / 2, taken, np.full(10, 7))


def study_of(values: dict[tuple[Group, Run], tuple[float, float]], plan=PLAN) -> Study:
    """Everything else is as good as the clean federations: 4 bpm, an area of .9."""
    outcomes, who = {}, {}
    member = Member(Recording("p1", 0, np.full(9, 80.0), np.full(9, 16.0)), Path(DEFAULT_BUNDLE))
    for group in plan.groups:
        for run in runs_of(group):
            own = values.get((group, run), (0.9,) * 2 if group.has_labels else (4.0,) * 2)
            outcomes[group, run] = [outcome(group, value) for value in own]
        who |= {(group, seed): Drawn((member,) * group.devices, member, (member,)) for seed in plan.seeds}
    return Study(plan, "b" * 64, outcomes, who)


def test_a_cost_is_paired_by_seed_and_leaves_the_attacked_devices_out():
    study = study_of({(FORECAST, Run(DP2, BARE)): (6.0, 4.4)})
    found = cost(study, FORECAST, Run(DP2, BARE))
    assert found.value == pytest.approx((0.5 + 0.1) / 2)
    half = 12.7062 * np.std([0.5, 0.1], ddof=1) / math.sqrt(2)  # Student's 97.5 % point for one degree of freedom
    assert found.high == pytest.approx(0.3 + half, rel=1e-4)


def test_a_classifiers_cost_is_the_share_of_what_it_is_better_than_chance():
    study = study_of({(ILLNESS, Run(FLIPS[-1], BARE)): (0.8, 0.6)})
    assert cost(study, ILLNESS, Run(FLIPS[-1], BARE)).value == pytest.approx((0.1 + 0.3) / 2 / 0.4)
    unlearnt = study_of({(ILLNESS, Run(NOTHING, BARE)): (0.5, 0.4)})
    assert math.isnan(cost(unlearnt, ILLNESS, Run(FLIPS[-1], BARE)).value)


def test_what_is_given_back_is_a_share_of_the_harm_and_of_what_the_oracle_gives_back():
    study = study_of({
        (FORECAST, Run(DP2, BARE)): (6.0, 6.0), (FORECAST, Run(DP2, ORACLE)): (4.8, 4.8),
        (FORECAST, Run(DP2, LIVE)): (5.2, 5.2),
    })  # fmt: skip
    back, of_oracle = returned(study, FORECAST, Run(DP2, LIVE))
    assert back.value == pytest.approx(0.4)
    assert of_oracle.value == pytest.approx(2 / 3)
    assert math.isnan(share_of(np.array([1.0, 1.0]), np.array([-1.0, 0.5])).value)
    drawn = share_of(np.array([0.0, 2.0]), np.array([2.0, 2.0]))
    assert (drawn.value, drawn.low, drawn.high) == (0.5, 0.0, 1.0)


def test_goals_are_met_missed_or_have_nothing_to_measure():
    study = study_of({
        (FORECAST, Run(DP2, BARE)): (6.0, 6.0), (FORECAST, Run(DP2, LIVE)): (4.1, 4.1),
        (ILLNESS, Run(FLIPS[-1], BARE)): (0.7, 0.7), (ILLNESS, Run(FLIPS[-1], CHECK)): (0.75, 0.75),
        (FORECAST, Run(NOTHING, LIVE)): (4.2, 4.2), (FORECAST, Run(SYBIL, SCREEN_AND_RULE)): (4.4, 4.4),
        (FORECAST, Run(vitals("motif"), BARE)): (4.1, 4.1),
        (FORECAST, Run(vitals("bias"), BARE)): (5.0, 5.0), (FORECAST, Run(vitals("bias"), ORACLE)): (5.1, 5.1),
    })  # fmt: skip
    found = {goal.name: goal for goal in goals(study)}
    back = "of what the oracle gives back"
    assert found[f"next hour, 2 of 5: data-poisoning-2, strong, live gate, {back}"].value == pytest.approx(0.95)
    assert found[f"next hour, 2 of 5: data-poisoning-2, strong, live gate, {back}"].met
    assert found[f"deterioration, 2 of 5: label-flip, strong, label check, {back}"].met is False
    assert found["next hour, 2 of 5: clean cost, live gate"].met is False
    assert found["next hour, 2 of 5: sybil, screen, median, loss / clean"].value == pytest.approx(1.1)
    harmless = found[f"next hour, 2 of 5: motif, strong, live gate, {back}"]
    assert (harmless.met, harmless.note) == (None, "no harm: the attack costs 2.5%")
    helpless = found[f"next hour, 2 of 5: bias, strong, live gate, {back}"]
    assert (helpless.met, helpless.note) == (
        None,
        "the attack costs 25.0%, and 27.5% are lost behind the oracle, too",
    )


def test_every_run_is_in_the_files_the_page_and_the_blocks():
    study = study_of({(FORECAST, Run(DP2, BARE)): (6.0, 6.0)})
    document = plain(results_document(study, "fedsecure federate --recordings icu-minutes --out DIR"))
    written = tables(document)
    assert len(written["runs.csv"].splitlines()) == len(rows(study)) + 1
    assert len(written["goals.csv"].splitlines()) == len(goals(study)) + 1
    assert len(written["patients.csv"].splitlines()) == len(PLAN.groups) * 2 + 1
    assert "nan" not in written["runs.csv"].lower()
    page = build_page(document)
    for name in ("data-poisoning-2, strong", "targeted backdoor", "krum", "hypotension", "per-step"):
        assert name in page
        assert name in patients_block(document)
    assert len(goal_table(document).rows) == len(document["goals"])
    line = patients_line(document)
    assert (
        "next hour, 2 of 5 attacked (data-poisoning-2), the others' errors grow by 50% without a gate, 0% with" in line
    )
    assert "goals met over 2 seeds" in line
    assert list(headlines(document))[-1].endswith("goals met.")
    assert {gate["sha256"][:12] for gate in document["gates"]} == {"aacb9a729da1"}


def test_stages_of_other_recordings_are_not_used():
    one = Recording("p1", 0, np.full(9, 80.0), np.full(9, 16.0))
    other = Recording("p1", 0, np.full(9, 81.0), np.full(9, 16.0))

    def options(recording: Recording, plan=PLAN):
        gates = {recording.device_id: Path(DEFAULT_BUNDLE)}
        return study_options(plan, Sources([recording], gates, (), {}, Path(DEFAULT_BUNDLE)))

    assert options(one) == options(one)
    assert options(one) != options(other)
    assert options(one) == options(one, replace(PLAN, seeds=(1,)))  # more seeds use what is there
    names = [outcome_stage(group, 1, run) for group in PLAN.groups for run in runs_of(group)]
    assert len(names) == len(set(names))
