"""A summary says what the results say: rounded, but never across a goal, and what was not measured is said."""

from __future__ import annotations

from typing import Any

import pytest

from experiments.grid_summary import provenance, short_block, summary_page
from experiments.grid_summary_attacks import attack_lines, headline, tenths_cells
from experiments.grid_summary_numbers import duration, interval, measured, percent, value, wanted

CORE = ("data-poisoning-1", "data-poisoning-2", "amplitude", "motif", "stuck-at")


def goal(
    value: float | None, edge: float, unit: str = "share", direction: str = "at least", **more: Any
) -> dict[str, Any]:
    met = None if value is None else value >= edge if direction == "at least" else value <= edge
    about = {"name": "core strong within 2 h", "interval": [None, None], "n": 48.0, "note": ""}
    return about | {"value": value, "goal": edge, "unit": unit, "direction": direction, "met": met} | more


def estimate(value: float | None, n: float = 48.0) -> dict[str, float | None]:
    return {"value": value, "low": value, "high": value, "n": n}


def cell(attack: str, level: str, shares: tuple[float, float, float], *, n: int = 48, **more: Any) -> dict[str, Any]:
    within = {f"within_{hours}_h": estimate(share, n) for hours, share in zip((2, 4, 12), shares, strict=True)}
    about = {"attack": attack, "level": level, "core": attack in CORE, "monitor": "tenths", "enrolment_min": 1440}
    return about | {"devices": n, "median_min": estimate(95.0)} | within | more


def document(goals: list[dict[str, Any]], cells: list[dict[str, Any]], **more: Any) -> dict[str, Any]:
    protocol = {
        "seed": 4, "cohort_seeds": 3, "attacked_tenths": 16, "attacked_whole": 8, "clean_each": 30, "ill_each": 50,
        "enrolment_min": 1440, "fresh_seed": 77,
    }  # fmt: skip
    return {
        "bundle_sha256": "abcdef0123456789", "threshold": 1.5, "trained_with": {"seed": 9}, "command": "fedsecure evaluate",
        "protocol": protocol, "goals": goals, "cells": cells, "false_exclusions": [], "real": {"attacked": []},
    } | more  # fmt: skip


@pytest.mark.parametrize(
    ("one", "shown"),
    [
        (goal(0.8167, 0.99, interval=[0.7629, 0.8605]), "82 % (76–86)"),
        (goal(0.9958, 1.0, interval=[0.977, 0.9993]), "99.6 % (97.7–99.9)"),
        (goal(0.9796, 0.98), "97.96 %"),
        (goal(0.0004, 0.0, direction="at most"), "0.04 %"),
        (goal(0.178, 0.2, "a device-week", "at most", interval=[0.1055, 0.2813]), "0.18 (0.11–0.28)"),
        (goal(0.2013, 0.2, "a device-week", "at most"), "0.201"),
        (goal(None, 0.5), "not measured"),
    ],
    ids=str,
)
def test_a_rounded_value_is_on_the_side_of_the_goal_where_it_was_measured(one, shown):
    assert measured(one) == shown
    assert interval(one) in shown
    assert shown.startswith(value(one))


def test_wanted_says_the_direction_unless_nothing_lies_beyond():
    assert wanted(goal(0.5, 0.99)) == "≥ 99 %"
    assert wanted(goal(0.5, 1.0)) == "100 %"
    assert wanted(goal(0.1, 0.2, "a device-week", "at most")) == "≤ 0.20"
    assert wanted(goal(0.0, 0.0, "exclusions", "at most")) == "0"


def test_only_all_is_a_hundred_and_only_none_is_zero():
    assert [percent(one) for one in (1.0, 0.9958, 0.98, 0.004, 0.0, None)] == ["100", "99.6", "98", "0.4", "0", "–"]
    assert [duration(one) for one in (95.0, 200.0, None)] == ["95 min", "3.3 h", "never"]


def test_the_core_is_pooled_over_devices_and_unknown_without_a_family():
    shares = [(0.5, 1.0, 1.0)] * 4 + [(1.0, 1.0, 1.0)]
    cells = [
        cell(name, "strong", share, n=40 + 10 * (name == "stuck-at")) for name, share in zip(CORE, shares, strict=True)
    ]
    told = "62 % are quarantined within two hours of data and 100 % within four"
    assert headline(tenths_cells(document([], cells))) == told
    assert headline(tenths_cells(document([], cells[1:]))) == "not measured"


def test_core_attacks_come_first_and_others_by_what_was_found():
    cells = [
        cell("slow-drift", "strong", (0, 0, 0.1)),
        cell("a|b.py:alter", "own", (1, 1, 1)),
        cell("motif", "strong", (1, 1, 1)),
    ]
    other = [
        cell("replay", "strong", (1, 1, 1), enrolment_min=600),
        cell("replay", "strong", (1, 1, 1), monitor="whole"),
    ]
    lines = attack_lines(tenths_cells(document([], cells + other)))[2:]
    assert [line.split(" |")[0] for line in lines] == [
        "| motif (a segment repeated)",
        "| a\\|b.py:alter",
        "| slow-drift",
    ]
    assert lines[1].endswith("| – | – | – | – |")
    assert lines[2] == "| slow-drift | 0 / 0 / 10 | 95 min | – | – |"


def test_a_goal_without_words_has_a_row_of_its_own():
    found = document([goal(0.2, 0.9, name="never heard of"), goal(None, 0.99)], [cell("motif", "strong", (1, 1, 1))])
    short = short_block(found).splitlines()
    assert short[0] == "0 of the 1 goals that were measured are met; 1 were not measured."
    assert "| core strong within 2 h | ≥ 99 % | not measured | – |" in short
    assert "| never heard of | ≥ 90 % | 20 % | **no** |" in short
    assert "| never heard of | ≥ 90 % | 20 % | – | 48 | **no** |" in summary_page(found)


def test_it_says_where_the_numbers_come_from_and_whether_the_untouched_cohort_was_drawn():
    fleet = {"fleet": "untouched, tenths", "devices": 120, "device_weeks": 101.1, "episodes": 18}
    fleet |= {"per_device_week": estimate(0.178), "devices_with_any": estimate(0.0917)}
    told = provenance(document([], [], false_exclusions=[fleet]))
    assert told.startswith(
        "Bundle `abcdef012345`, threshold 1.5, training seed 9. `fedsecure evaluate`: 3 populations from seed 4,"
    )
    assert "(seed 77, 120 devices in tenths): 18 false exclusions in 101 device-weeks, 0.18 a device-week" in told
    assert "was not drawn" in provenance(document([], []))
