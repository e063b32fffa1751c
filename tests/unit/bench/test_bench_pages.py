"""What the measurements say, on their page and in the docs."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from bench.docs import OPERATIONS, README, RESULTS, kept_results, refreshed
from bench.figures import OPERATED, SAID, Kept, figures_table, headline
from bench.page import TITLES, drawn, page, table_of
from bench.row import Row, repeated

ROOT = Path(__file__).parents[3]
MACHINE = {"processor": "a <fast> one", "cores": 2, "memory_gb": 24.0, "date": "2026-01-01", "commit": "abc"}


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


STALE = "differs from bench/results; run `make bench`, or `python -m bench.docs`"
BLOCK = re.compile(r"<!-- ([a-z ]+): begin -->.*?<!-- \1: end -->", re.DOTALL)
CODE = re.compile(r"^```.*?^```", re.DOTALL | re.MULTILINE)
COST = re.compile(r"\d[\d,.]*\s?(?:[kMGT]B|µs|us|ms|s|(?:minutes|messages|events)(?:/s| a second)|cores?)\b")


@pytest.mark.parametrize("path", refreshed(), ids=str)
def test_a_page_says_what_was_measured(path):
    assert (ROOT / path).read_text("utf-8") == refreshed()[path], f"{path} {STALE}"


@pytest.mark.parametrize("path", [README, OPERATIONS], ids=str)
def test_no_figure_of_cost_stands_beside_the_measured_ones(path):
    prose = CODE.sub("", BLOCK.sub("", (ROOT / path).read_text("utf-8")))
    assert COST.findall(prose) == [], "measure it in bench/, or name the page that has it"


@pytest.mark.parametrize(
    "said", ["0.8 GB", "1,970 minutes a second", "60 µs", "40 ms", "11,000 minutes/s", "45 s", "2 cores"]
)
def test_a_figure_of_cost_is_known_as_one(said):
    assert COST.search(f"it takes {said}.")


def test_what_was_measured_later_is_told_with_its_own_machine_and_day():
    other = MACHINE | {"processor": "another", "date": "2026-02-02", "commit": "def"}
    start = [
        Row("start to first verdict, warm file cache", 2.34, "s"),
        Row("memory of a worker with 100 devices", 187.0, "MB"),
    ]
    kept = {
        "worker": Kept([Row("one worker, 32 a message", 30_200.0, "minutes/s"), Row("decoding", 1.0, "us")], MACHINE),
        "start": Kept(start, other),
    }
    assert headline(kept) == (
        "On a <fast> one, 2 cores, 24 GB and on another, 2 cores, 24 GB, 2026-01-01 and 2026-02-02: a worker judges "
        "30,200 minutes a second where a message holds 32 minutes; its first verdict falls 2.34 s after its start; "
        "it takes 187 MB with 100 devices."
    )
    assert figures_table(kept).splitlines()[4:] == [
        "| one worker, 32 a message | 30,200 minutes/s | 2026-01-01, commit abc |",
        "| start to first verdict, warm file cache | 2.34 s | 2026-02-02, commit def |",
        "| memory of a worker with 100 devices | 187 MB | 2026-02-02, commit def |",
    ]


def test_what_the_readme_repeats_is_found_in_what_is_kept():
    kept = kept_results()
    named = {name: {row.name for row in each.rows} for name, each in kept.items()}
    assert [figure for name, figure, _ in SAID if name in named and figure not in named[name]] == []
    assert [name for name in OPERATED if name not in TITLES] == []


def test_what_is_kept_was_measured_whole_on_a_machine_that_is_named():
    kept = kept_results()
    assert kept.keys() <= TITLES.keys()
    assert {path.stem for path in RESULTS.glob("*.json")} == kept.keys()
    assert not any(json.loads(path.read_bytes())["quick"] for path in RESULTS.glob("*.json"))
    assert all(each.machine["processor"] for each in kept.values())
