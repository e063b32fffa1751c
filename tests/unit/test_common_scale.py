"""One scale for scores of every kind: what a vote at a value would cost on clean devices."""

from __future__ import annotations

from itertools import pairwise
from math import inf, log10, nan

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from detectors.common_scale import HIGHEST_G, CommonScale, Series, fit_common_scale, vote_values
from detectors.votes import KINDS, Votes

HOUR, HALF_DAY = KINDS["hour"], KINDS["half_day"]


def series(raw: list[float], blocks: list[int] | None = None) -> Series:
    places = range(1000, 1000 + len(raw)) if blocks is None else blocks
    return Series(np.array(list(places), np.int64), np.array(raw, np.float32))


# --- the map -------------------------------------------------------------------------------------------------------

SCALE = CommonScale((0.0, 2.0, 4.0), (-1.0, 0.0, 3.0))


def test_between_knots_it_is_linear_below_them_flat_and_beyond_them_it_goes_on() -> None:
    raw = np.array([[-5.0, 0.0, 1.0], [3.0, 4.0, 6.0]], np.float32)
    found = SCALE.of(raw)
    assert found.dtype == np.float32
    assert found.tolist() == [[-1.0, -1.0, -0.5], [1.5, 3.0, 6.0]]


def test_it_ends_at_twelve_and_nan_stays_nan() -> None:
    found = SCALE.of(np.array([1000.0, inf, -inf, nan], np.float32))
    assert found[:3].tolist() == [HIGHEST_G, HIGHEST_G, -1.0]
    assert np.isnan(found[3])


@given(st.lists(st.floats(-50, 50, width=32), min_size=2, max_size=20))
def test_it_never_falls(values: list[float]) -> None:
    found = SCALE.of(np.sort(np.array(values, np.float32)))
    assert (np.diff(found) >= 0).all()


# --- the value of a vote -------------------------------------------------------------------------------------------


def test_seven_of_twelve_hours_decide() -> None:
    found = vote_values(series([*[0.0] * 12, *range(1, 13)]), HOUR)
    assert found[11] == 0.0
    assert found[12 + 5] == 0.0  # six of them flag above 0
    assert found[12 + 6] == 1.0  # seven above 0, the smallest of them 1
    assert found[-1] == 6.0  # 6 to 12 are seven


def test_four_of_six_long_windows_decide() -> None:
    assert vote_values(series([0, 0, 0, 0, 0, 0, 5, 6, 7, 8, 9.0]), HALF_DAY)[6:].tolist() == [0, 0, 0, 5, 6]


def test_too_few_decisions_decide_nothing() -> None:
    assert vote_values(series([9.0] * 7), HOUR).tolist() == [-inf] * 6 + [9.0]
    assert vote_values(series([9.0] * 4), HALF_DAY).tolist() == [-inf] * 3 + [9.0]


def test_blocks_without_a_decision_and_unknown_scores_count_for_nothing() -> None:
    with_gap = vote_values(series([9.0] * 6, [0, 1, 2, 5, 6, 9]), HALF_DAY)
    assert with_gap.tolist() == [-inf, -inf, -inf, 9.0, 9.0, -inf]  # 0, 1, 2, 5 and 1, 2, 5, 6 are four, 5, 6, 9 three
    assert vote_values(series([9.0, nan, 9.0, 9.0, 9.0]), HALF_DAY).tolist() == [-inf] * 4 + [9.0]
    assert vote_values(series([]), HOUR).tolist() == []


DECISIONS = st.lists(
    st.tuples(st.integers(1, 9), st.sampled_from([-1.0, 0.0, 0.5, 1.0, 2.0, 3.0]), st.booleans()),
    min_size=1,
    max_size=70,
)


@pytest.mark.parametrize("name", ["hour", "half_day", "pulse"])
@given(decisions=DECISIONS, limit=st.sampled_from([-2.0, -0.5, 0.0, 0.75, 1.0, 2.5, 3.0]))
def test_a_vote_is_over_a_limit_exactly_when_more_than_half_of_its_decisions_are(
    name: str, decisions: list[tuple[int, float, bool]], limit: float
) -> None:
    blocks = np.cumsum([step for step, _, _ in decisions]).tolist()
    raw = [nan if unknown and name != "hour" else value for _, value, unknown in decisions]
    votes, excluded = Votes(), []
    for (before, block), value in zip(pairwise([blocks[0], *blocks]), raw, strict=True):
        votes.advance(block - before)
        votes.cast([name] if value > limit else [])
        excluded.append(votes.share_of(name) > 0.5)
    assert (vote_values(series(raw, blocks), KINDS[name]) > limit).tolist() == excluded


# --- learning the map ----------------------------------------------------------------------------------------------


def exclusions(votes: np.ndarray, limit: float) -> int:
    """Recount: decisions whose vote is over the limit, those less than four hours apart one exclusion."""
    last, count = -(10**9), 0
    for block in np.flatnonzero(votes > limit).tolist():
        count += block - last > 240 / 5
        last = block
    return count


def test_a_score_says_what_it_would_cost_clean_devices_a_week() -> None:
    """Twenty devices of a week each: at every knot, g is the logarithm of the exclusions there would have been."""
    rng = np.random.default_rng(0)
    fleet = [series(one.tolist()) for one in rng.normal(0, 1, (20, 2016)).round(2)]
    votes = [vote_values(one, HALF_DAY) for one in fleet]
    scale = fit_common_scale(fleet, "half_day")
    counted = [sum(exclusions(one, limit) for one in votes) for limit in scale.raw[:-1]]
    expected = np.maximum.accumulate([-log10(count / 20) for count in counted])
    assert scale.g[:-1] == pytest.approx(expected, abs=1e-4)
    assert scale.g[-2] == pytest.approx(log10(20), abs=0.5)  # hardly any left
    assert (np.diff(scale.raw) > 0).all()
    assert (np.diff(scale.g) >= 0).all()


def test_the_map_goes_on_beyond_what_was_seen() -> None:
    raw = np.random.default_rng(1).normal(0, 1, (20, 2016)).astype(np.float32)
    scale = fit_common_scale([series(one.tolist()) for one in raw], "level")
    seen = scale.of(np.array([scale.raw[-2], scale.raw[-2] + 5, scale.raw[-2] + 50], np.float32))
    assert seen[0] < seen[1] < seen[2] <= HIGHEST_G


def test_scores_that_lie_close_together_still_give_a_map_that_rises() -> None:
    raw = 1 + np.random.default_rng(2).integers(0, 40, (20, 2016)) * 1e-6
    scale = fit_common_scale([series(one.tolist()) for one in raw], "half_day")
    assert (np.diff(scale.raw) > 0).all()
