"""What is said of results: from numbers to tables, sentences and strips."""

from __future__ import annotations

import math

import numpy as np
import pytest

from experiments.common.estimates import Goal
from experiments.evaluation.report.figures import caption, grouped, strip_figure
from experiments.evaluation.report.files import csv_tables
from experiments.evaluation.report.tables import (
    ablations_table,
    attacks_table,
    goals_table,
    short_attacks_table,
    slow_table,
)
from experiments.evaluation.report.words import delay, fired, points, rate, share
from experiments.report.numbers import flat
from experiments.report.tables import Table, table_markdown
from replay.recording import Recording


def found(value: float | None, low: float | None = 0.25, high: float | None = 0.75) -> dict:
    return {"value": value, "low": low, "high": high, "n": 4.0}


def event(device: str, minute: int, seed: int, **said: float) -> dict:
    scores = {"fast": 1.0, "slow": -0.5, "family_free": 2.0, "copy": 0.0, "frozen": 0.0, "replay": 0.0} | said
    return {"device": device, "event_minute": minute, "seed": seed, "day": 1.5, "hours": 2.0, "fired": scores}


def attack(name: str, level: str, value: float, *, learnt: bool = True) -> dict:
    within = {f"within_{hours}h": found(value) for hours in (2, 4, 12)}
    return {"attack": name, "level": level, "learnt": learnt, "onsets": 4, "median_min": None, **within}


def test_numbers_are_said_with_their_intervals_or_not_at_all():
    assert share(found(0.5)) == "50.0 % (25.0 to 75.0)"
    assert share(found(None)) == "-"
    assert rate(found(0.5)) == "0.50 (0.25 to 0.75)"
    assert points(found(-0.02, -0.05, 0.01)) == "-2.0 (-5.0 to +1.0)"
    assert points(None) == "-"
    assert (delay(None), delay(45.0), delay(150.0)) == ("never", "45 min", "2.5 h")


def test_a_goal_says_what_was_wanted_and_what_was_measured():
    document = {
        "goals": [
            {"name": "a", "value": 0.5, "interval": [0.25, 0.75], "n": 4.0, "direction": "at least", "goal": 0.4, "unit": "%", "note": "", "met": True},
            {"name": "b", "value": None, "interval": [None, None], "n": 0, "direction": "at most", "goal": 0.15, "unit": "a device-week", "note": "x", "met": None},
        ]
    }  # fmt: skip
    table = goals_table(document)
    assert table.rows[0] == ("a", "≥ 40.0 %", "50.0 % (25.0 to 75.0)", "4", "yes")
    assert table.rows[1] == ("b (x)", "≤ 0.15", "-", "0", "not measured")
    assert table.marks == (True, None)


def test_a_goal_is_met_on_its_side_and_unknown_without_a_value():
    def goal(value: float, direction: str) -> Goal:
        return Goal("a", value, (0, 1), 1, direction, 0.5, "%")

    assert [goal(0.6, way).met for way in ("at least", "at most")] == [True, False]
    assert [goal(0.5, way).met for way in ("at least", "at most")] == [True, True]
    assert goal(math.nan, "at least").met is None


def test_attacks_that_were_never_learnt_are_told_and_levels_that_are_missing_are_left_empty():
    document = {"attacks": [attack("motif", "strong", 1.0), attack("mine.py:alter", "strong", 0.5, learnt=False)]}
    assert short_attacks_table(document).rows == (
        ("motif", "100 %", "-", "-", "100 %"),
        ("mine.py:alter (never learnt)", "50 %", "-", "-", "50 %"),
    )
    assert attacks_table(document).rows[0][0] == "motif, strong"


def test_an_ablation_shows_what_it_loses_at_equal_false_exclusions():
    core = {name: found(0.5) for name in ("strong_2h", "medium_12h", "subtle_12h")}
    row = {"core": core, "false_exclusions": found(0.5)}
    equal = {"equal": {"difference": {"medium_12h": found(0.04, 0.01, 0.07)}}}
    table = ablations_table({"ablations": [{"name": "all", **row}, {"name": "less", **row, **equal}]})
    assert [cells[-1] for cells in table.rows] == ["-", "+4.0 (+1.0 to +7.0)"]


def test_slow_attacks_stand_beside_the_capped_baseline():
    row = {
        "attack": "noise",
        "ramp_days": 1,
        "n": 9,
        "found_while_growing": 1.0,
        "found": 1.0,
        "last_day_excluded": 0.9,
    }
    other = row | {"last_day_excluded": 0.95}
    (cells,) = slow_table({"slow": [row], "slow_capped": [other]}).rows
    assert cells == ("noise, over 1 day", "9", "100 %", "100 %", "90 %", "95 %")


def test_records_become_flat_rows_of_csv():
    assert flat({"a": {"value": 1, "low": 0}, "interval": [2, 3], "b": "x"}) == {
        "a_value": 1,
        "a_low": 0,
        "low": 2,
        "high": 3,
        "b": "x",
    }
    names = ("goals", "attacks", "exclusions", "ablations", "baselines", "enrolments", "by_seed", "by_budget", "slow")
    empty = {name: [] for name in names} | {"clean": {"by_day": []}}
    assert csv_tables(empty) == {}
    assert csv_tables(empty | {"slow": [{"attack": "noise", "n": 2}]}) == {"slow.csv": "attack,n\nnoise,2\n"}


def test_a_table_as_markdown():
    text = table_markdown(Table(("a", "b"), (("1 | 2", "3"),), caption="said"))
    assert text == "said\n\n| a | b |\n| --- | --- |\n| 1 / 2 | 3 |"


def test_a_rule_that_spoke_is_named_before_the_scores():
    assert fired(event("a", 1, 1)) == "family-free score +2.0, fast DNN +1.0, slow DNN -0.5"
    assert fired(event("a", 1, 1, frozen=1.0)).startswith("frozen rule; family-free")


def test_exclusions_of_one_device_by_several_seeds_are_one_strip():
    events = [event("b", 1000, 1), event("a", 5000, 2), event("a", 4900, 1), event("a", 9000, 1)]
    groups = grouped(events)
    assert [[(one["device"], one["event_minute"]) for one in group] for group in groups] == [
        [("a", 4900), ("a", 5000)], [("a", 9000)], [("b", 1000)],
    ]  # fmt: skip
    assert "seeds 1, 2" in caption(groups[0])
    assert "seed 1." in caption(groups[1])


@pytest.mark.parametrize("at", [30, 700])
def test_a_strip_shows_the_hours_around_the_exclusion(at):
    recording = Recording("a", 1000, np.arange(1, 801.0), np.full(800, 15.0))
    figure = strip_figure(recording, [event("a", 1000 + at, 1)])
    heart, breath = figure.axes
    hours, values = heart.lines[0].get_data()
    begin = max(0, at - 480)
    assert hours[0] == pytest.approx((begin - at) / 60)
    assert values[0] == begin + 1
    assert hours[-1] <= 6.0
    assert breath.get_xlabel() == "hours since the exclusion"
