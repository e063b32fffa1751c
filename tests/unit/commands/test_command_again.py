"""A report says what to type for it once more."""

from __future__ import annotations

from pathlib import Path

from fedsecure.options import command_again


def test_a_call_is_written_with_the_last_part_of_each_path_only() -> None:
    options = {"out": "DIR", "recordings": [Path("/data/ward-7"), Path("/data/b.csv")], "seed": 5}
    assert (
        command_again("cohort", options) == "fedsecure cohort --out DIR --recordings ward-7 --recordings b.csv --seed 5"
    )


def test_options_that_were_not_given_are_left_out_and_zero_is_not_taken_for_one() -> None:
    options = {"bundle": [None], "seeds": None, "recordings": None, "quick": False, "simulated": 0}
    assert command_again("evaluate", options) == "fedsecure evaluate --simulated 0"


def test_a_flag_has_no_value() -> None:
    assert command_again("paper", {"quick": True}) == "fedsecure paper --quick"
