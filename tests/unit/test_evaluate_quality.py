"""The quality test passes a detector that works and fails one whose scores say nothing; goals are read off the same results."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from functools import cache

import numpy as np
import pytest

from detectors.features.catalogue import FEATURES
from detectors.scorer import SCORED_KINDS
from detectors.training.trace_jobs import AttackTrace
from detectors.training.traces import Trace
from detectors.votes import KINDS
from experiments.grid_cells import cells_of
from experiments.grid_clean import fleet_of
from experiments.grid_files import results_document, tables
from experiments.grid_goals import Goal, goals
from experiments.grid_headline import headline_of
from experiments.grid_judges import calibrated_mind, calibrated_score
from experiments.grid_protocol import CORE, QUICK
from experiments.grid_quality import quality_failures
from experiments.grid_results import Judged, OnReal, Results
from experiments.grid_rulings import rule
from experiments.grid_summary_rows import ROWS
from experiments.grid_tables import goal_table

CASES = tuple((name, level) for name in CORE for level in ("subtle", "medium", "strong"))
SHIFT = {"subtle": 1.0, "medium": 3.0, "strong": 6.0}
DAY = 288


@dataclass(frozen=True)
class FakeMind:
    """Scores that rise with what the trace's first feature says (good), are all alike (constant), or belong to other windows (shuffled)."""

    kind: str
    kinds: tuple[str, ...] = tuple(KINDS)

    def raw(self, trace: Trace) -> np.ndarray:
        rng = np.random.default_rng(int(trace.block[0]))
        if self.kind == "constant":
            return np.full((len(trace), len(SCORED_KINDS)), 0.3, np.float32)
        raw = rng.normal(0, 1, (len(trace), len(SCORED_KINDS))) + trace.r[:, :1].astype(np.float64)
        return (rng.permutation(raw) if self.kind == "shuffled" else raw).astype(np.float32)


def trace(first_block: int, strength: list[float]) -> Trace:
    length = len(strength)
    r = np.zeros((length, len(FEATURES)), np.float16)
    r[:, 0] = strength
    unknown = np.full(length, np.nan, np.float32)
    return Trace(np.arange(length) + first_block, r, unknown, unknown, unknown)


@cache
def results_of(kind: str) -> Results:
    clean = [trace(10_000 * index, [0.0] * (6 * DAY)) for index in range(12)]
    calibration = [trace(10_000 * index, [0.0] * (6 * DAY)) for index in range(20, 44)]
    if kind == "shuffled":  # also attacked windows' scores go to clean devices: the scores of all windows, in any order
        clean = [replace(one, r=_mixed(one)) for one in clean]
        calibration = [replace(one, r=_mixed(one)) for one in calibration]
    judge = calibrated_mind(FakeMind(kind), calibration)  # type: ignore[arg-type]
    attacked = [
        (_attacked(case, 10_000 * (100 + place * 12 + index), shuffled=kind == "shuffled"), index % 3 > 0)
        for place, case in enumerate(CASES)
        for index in range(12)
    ]
    headline = headline_of(judge, attacked, [(one, index % 2 == 0) for index, one in enumerate(clean)])
    protocol = replace(QUICK, draws=100)
    fleets = [("stable, tenths", True), ("stable, whole", False)]
    return Results(
        protocol, "0" * 64, {}, CASES, headline, tuple(cells_of(headline, CASES, 1440, 1, 100)), (),
        tuple(
            fleet_of(name, 1440, [one.judged for one in headline.clean if one.tenths == tenths], judge.threshold, judge.kinds, ())
            for name, tenths in fleets
        ),
        None, (), (), OnReal((), ()), None, Judged({}, (), {}, {}, {}),
    )  # fmt: skip


def _mixed(one: Trace) -> np.ndarray:
    rng = np.random.default_rng(int(one.block[0]))
    r = one.r.copy()
    r[:, 0] = rng.choice([0.0, *SHIFT.values()], len(one))
    return r


def _attacked(case: tuple[str, str], first_block: int, *, shuffled: bool) -> AttackTrace:
    one = trace(first_block, [0.0] * 24 + [SHIFT[case[1]]] * 144)
    one = replace(one, r=_mixed(one)) if shuffled else one
    return AttackTrace(case, (first_block + 24) * 5, one)


def test_a_detector_that_works_passes():
    assert quality_failures(results_document(results_of("good"), "")) == []


@pytest.mark.parametrize("kind", ["constant", "shuffled"])
def test_a_detector_whose_scores_say_nothing_fails(kind):
    failures = quality_failures(results_document(results_of(kind), ""))
    assert any("are found within 12 h" in one for one in failures)
    assert any("AUC" in one for one in failures)


def test_a_detector_that_excludes_everybody_fails():
    results = results_of("good")
    fleet = replace(results.clean[0], per_device_week=replace(results.clean[0].per_device_week, value=3.0, low=2.0))
    failures = quality_failures(results_document(replace(results, clean=(fleet,)), ""))
    assert failures == ["3.00 false exclusions a device-week (stable, tenths); at most 0.6 are expected"]


def test_results_without_a_core_attack_prove_nothing():
    assert quality_failures({"cells": [], "false_exclusions": []}) == ["no strong core attack was evaluated"]


def test_goals_are_read_off_devices_in_tenths():
    results = results_of("good")
    by_name = {one.name: one for one in goals(results)}
    strong = by_name["core strong within 2 h"]
    seen = [one for one in results.headline.attacked if one.tenths and one.case[1] == "strong"]
    assert strong.n == len(seen) == 5 * 8
    assert strong.value == np.mean([one.delay_min <= 120 for one in seen])
    assert strong.met is (strong.value >= 0.99)
    assert by_name["backdoor-1 strong within 12 h"].met is None
    assert by_name["false exclusions"].value == results.clean[0].per_device_week.value


def test_a_part_of_the_core_is_not_the_core():
    results = results_of("good")
    part = tuple(case for case in CASES if case[0] != "motif")
    seen = tuple(one for one in results.headline.attacked if one.case in part)
    partly = replace(results, cases=part, headline=replace(results.headline, attacked=seen))
    by_name = {one.name: one for one in goals(partly)}
    assert by_name["core strong within 2 h"].met is None
    assert by_name["DP1 medium within 4 h"].met is not None


def test_every_row_of_the_specifications_table_has_its_goal():
    wanted = {(one.name, one.direction, one.goal) for one in goals(results_of("constant"))}
    assert len(wanted) == 25
    for row in (
        ("core strong within 2 h", "at least", 0.99), ("core strong within 2 h, leave-one-out", "at least", 0.97),
        ("core strong within 2 h, leave-one-out, every family", "at least", 0.90), ("core medium within 12 h", "at least", 1.0),
        ("core medium within 12 h, leave-one-out", "at least", 0.95), ("DP1 medium within 4 h", "at least", 0.97),
        ("DP1 subtle within 12 h", "at least", 0.80), ("DP2 x1.3 within 12 h, lattice features in", "at least", 0.95),
        ("DP2 x1.3 within 12 h, lattice features out", "at least", 0.75), ("backdoor-2 strong within 4 h", "at least", 0.98),
        ("backdoor-2 medium within 12 h", "at least", 0.90), ("backdoor-2 strong within 4 h, leave-one-out", "at least", 0.75),
        ("exact replay within 2 h", "at least", 1.0), ("jittered replay within 2 h", "at least", 0.5),
        ("replay guard, false exclusions", "at most", 0.0), ("backdoor-1 strong within 12 h", "at least", 0.40),
        ("spoof strong within 12 h", "at least", 0.60), ("time-shift strong within 12 h", "at least", 0.60),
        ("mirror-flip strong within 12 h", "at least", 0.60),
        ("backdoor-1 or bias on HR only, PULSE present, within 60 min of a 5 bpm gap", "at least", 0.95),
        ("false exclusions", "at most", 0.20), ("devices with any false exclusion in 6 days", "at most", 0.08),
        ("deterioration episodes excluded", "at most", 0.02), ("real clean time excluded", "at most", 0.0),
    ):  # fmt: skip
        assert row in wanted


def test_a_summary_has_words_for_every_goal_in_the_same_order():
    assert [part.goal for row in ROWS for part in row.parts] == [one.name for one in goals(results_of("constant"))]


def test_a_goal_is_met_at_its_edge_and_unknown_without_a_value():
    def goal(value: float, direction: str) -> bool | None:
        return Goal("x", value, (0, 1), 1, direction, 0.5, "share").met  # type: ignore[arg-type]

    assert goal(0.5, "at least") is goal(0.5, "at most") is goal(0.6, "at least") is True
    assert goal(0.4, "at least") is goal(0.6, "at most") is False
    assert goal(math.nan, "at most") is None


def test_the_goal_table_marks_what_is_met():
    shown = goal_table(results_of("good"))
    words = {True: "met", False: "missed", None: "not measured"}
    assert [row[-1] for row in shown.rows] == [words[mark] for mark in shown.marks]
    assert {"met", "not measured"} <= {row[-1] for row in shown.rows}


def test_csv_rows_are_flat_and_hold_the_same_numbers():
    document = results_document(results_of("good"), "")
    found = tables(document)
    header, *rows = found["grid.csv"].splitlines()
    assert len(rows) == len(document["cells"])
    assert "within_2_h,within_2_h_low,within_2_h_high,within_2_h_n" in header
    assert found["goals.csv"].splitlines()[1].startswith("core strong within 2 h,1.0,")


def test_a_baseline_is_held_to_the_same_budget():
    calibration = [trace(10_000 * index, [0.0] * (6 * DAY)) for index in range(30)]
    judge = calibrated_score(lambda one: FakeMind("good").raw(one)[:, 0], calibration)
    rulings = rule(
        judge, CASES, [(_attacked(CASES[2], 9_000_000, shuffled=False), True)], [(one, True) for one in calibration]
    )
    assert rulings.episodes.sum() / rulings.weeks.sum() <= 0.13
    assert 0 < rulings.delay_min[0] <= 120
