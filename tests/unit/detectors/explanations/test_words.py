"""What a nurse is told: which channel, what about it, over which time."""

from __future__ import annotations

import numpy as np
import pytest

from detectors.decisions.votes import KINDS
from detectors.explanations.words import column_in_words, in_words, rules_in_words
from detectors.scoring.tails import fast_columns
from detectors.statistics.registry import columns

KEYS = [column.key for column in columns()]


def said(u: dict[tuple[str, int, int], float], r: dict[str, float]) -> str:
    """Return the words for columns (statistic, side, minutes) -> u and statistics -> r; all else is usual."""
    surprises = np.zeros(len(fast_columns()))
    for place, one in enumerate(fast_columns()):
        surprises[place] = u.get((one.statistic, one.side, one.minutes), 0.0) - 0.01 * one.is_smallest
    values = np.zeros(len(columns()))
    for key, value in r.items():
        values[KEYS.index(key)] = value
    return in_words(values, surprises)


ENERGY = ("energy neighbours heart 60", "energy neighbours breath 60")


@pytest.mark.parametrize(
    ("heart", "breath", "channel"),
    [
        pytest.param(9.0, 8.0, "heart rate and breathing", id="both"),
        pytest.param(9.0, 2.0, "heart rate", id="clearly the heart"),
        pytest.param(0.5, 9.0, "breathing", id="clearly breathing"),
        pytest.param(1.8, -5.0, "heart rate and breathing", id="neither clearly"),
    ],
)
def test_the_channel_that_is_clearly_the_more_unusual_one_is_named(heart: float, breath: float, channel: str) -> None:
    words = said({("energy", +1, 60): 5.0}, dict(zip(ENERGY, (heart, breath), strict=True)))
    assert words == f"{channel} more restless from minute to minute than usual (last hour)"


def test_what_is_low_is_said_to_be_low() -> None:
    words = said({("energy", -1, 60): 5.0}, dict(zip(ENERGY, (-9.0, -9.0), strict=True)))
    assert words == "heart rate and breathing calmer from minute to minute than usual (last hour)"


def test_the_three_groups_that_made_the_score_are_said_the_largest_first() -> None:
    found = said(
        {("energy", +1, 60): 5.0, ("coupling", -1, 60): 3.0, ("lattice", +1, 180): 4.0, ("kurtosis", -1, 60): 2.0}, {}
    )
    assert found.split("; ") == [
        "heart rate and breathing more restless from minute to minute than usual (last hour)",
        "heart rate and breathing on values that this monitor does not write, as if multiplied (last three hours)",
        "heart rate and breathing moving against each other more than usual (last hour)",
    ]


def test_a_group_that_is_hardly_unusual_is_not_said_unless_it_is_all_there_is() -> None:
    assert "; " not in said({("energy", +1, 60): 5.0, ("coupling", -1, 60): 0.9}, {})
    assert (
        said({("coupling", -1, 60): 0.5}, {})
        == "heart rate and breathing moving against each other more than usual (last hour)"
    )


def test_level_is_said_only_as_far_as_it_counts() -> None:
    words = said({("level", +1, 60): 30.0, ("energy", +1, 60): 3.0}, {})
    assert words.startswith("heart rate and breathing higher than this patient's usual (last hour)")
    assert "higher" not in said({("level", +1, 60): 30.0, ("coupling", +1, 60): 3.0}, {})


def test_rules_over_their_limit_are_said_in_their_own_words() -> None:
    kinds = np.array([9.0, 9.0, 9.0, 2.0, 1.9, 2.5, 0.0])
    assert rules_in_words(kinds, 2.0) == (
        "the last hour repeats, value by value, what came before it; "
        "heart rate and breathing repeat what this device sent before"
    )
    assert rules_in_words(np.zeros(len(KINDS)), 2.0) == ""
    assert rules_in_words(np.full(len(KINDS), np.nan), 2.0) == ""


def test_every_column_has_words_for_both_sides() -> None:
    for column in columns():
        high, low = (column_in_words(column, high=is_high) for is_high in (True, False))
        assert high.startswith(("heart rate", "breathing"))
        assert "unlike usual" not in high
        assert column.statistic == "lattice" or high != low
