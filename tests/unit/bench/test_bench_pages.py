"""What the measurements say, on their page and in the docs."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from bench.docs import PAGE, RESULTS, kept_results, refreshed
from bench.page import TITLES, drawn, page, table_of
from bench.row import Row, repeated

ROOT = Path(__file__).parents[3]
MACHINE = {"processor": "a <fast> one", "cores": 2, "memory_gb": 24.0, "date": "2026-01-01"}


@pytest.mark.parametrize(
    ("row", "is_met"),
    [
        (Row("cost", 3.0, "us", goal=4.0), True),
        (Row("cost", 5.0, "us", goal=4.0), False),
        (Row("rate", 5.0, "x", goal=4.0, bound="least"), True),
        (Row("rate", 3.0, "x", goal=4.0, bound="least"), False),
        (Row("rate", 3.0, "x"), None),
    ],
)
def test_a_goal_is_a_limit_from_above_or_from_below(row, is_met):
    assert row.is_met is is_met
    assert table_of([row]).marks == (is_met,)


def test_repetitions_give_their_middle_and_their_range():
    row = repeated("cost", [3.0, 1.0, 2.0], "us")
    assert (row.value, row.low, row.high) == (2.0, 1.0, 3.0)


def test_a_page_shows_every_figure_and_escapes_what_the_machine_is_called():
    text = page({"judging": [Row("a minute", 36.4, "us", 40.0)]}, MACHINE, "python -m bench judging")
    assert "36.4 us" in text
    assert "a &lt;fast&gt; one" in text
    assert drawn("judging", [Row("a minute", 36.4, "us", 40.0)]).startswith("<svg")


def test_the_page_says_what_was_measured():
    stale = f"{PAGE} differs from bench/results; run `make bench`, or `python -c 'from bench.docs import refresh; refresh()'`"
    assert (ROOT / PAGE).read_text("utf-8") == refreshed(), stale


def test_what_is_kept_was_measured_whole_on_a_machine_that_is_named():
    results, machine = kept_results()
    assert results.keys() <= TITLES.keys()
    assert not any(json.loads(path.read_bytes())["quick"] for path in RESULTS.glob("*.json"))
    assert machine["processor"]
