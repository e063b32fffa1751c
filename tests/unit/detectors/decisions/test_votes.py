"""Votes: what the last decisions agree on."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from detectors.decisions.votes import AGREE, KEPT, KINDS, RULES, no_votes, pushed, stream_votes, voted
from detectors.scoring.common_scale import NOTHING


def after(*decisions: float) -> dict[str, float]:
    """Return the votes after decisions of which every kind has the same value."""
    last = no_votes(1)
    for value in decisions:
        last = pushed(last, np.full((1, len(KINDS)), value))
    return dict(zip(KINDS, voted(last)[0].tolist(), strict=True))


def test_scores_need_four_decisions_and_rules_two() -> None:
    assert AGREE == {"fast": 4, "slow": 4, "family_free": 4, "copy": 2, "frozen": 2, "replay": 2, "pulse": 2}
    assert RULES == ("copy", "frozen", "replay", "pulse")
    votes = after(1.0, 6.0, 5.0, 4.0)
    assert [kind for kind, value in votes.items() if value == 1.0] == ["fast", "slow", "family_free"]
    assert {value for kind, value in votes.items() if AGREE[kind] == 2} == {4.0}


def test_before_enough_decisions_nothing_is_voted() -> None:
    assert set(after().values()) == {NOTHING}
    assert after(9.0, 9.0, 9.0)["fast"] == NOTHING
    assert after(9.0, 9.0, 9.0)["copy"] == 9.0


def test_only_the_last_four_decisions_are_kept() -> None:
    last = no_votes(2)
    for value in range(6):
        last = pushed(last, np.full((2, len(KINDS)), float(value)))
    assert last.shape == (2, KEPT, len(KINDS))
    assert last[1, :, 0].tolist() == [2, 3, 4, 5]


@pytest.mark.parametrize("agree", [2, 4])
@given(values=st.lists(st.floats(-5, 5), max_size=30))
def test_votes_of_a_stream_are_those_of_its_decisions(agree: int, values: list[float]) -> None:
    kind = next(kind for kind, count in AGREE.items() if count == agree)
    expected = [after(*values[: place + 1])[kind] for place in range(len(values))]
    assert stream_votes(np.array(values, np.float64), agree).tolist() == expected
