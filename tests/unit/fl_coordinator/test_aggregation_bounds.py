"""What each rule promises of any updates: equal under scale, and borne or broken by liars exactly as its bound says."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from contracts.configuration.settings import Settings
from contracts.errors import Misconfigured
from fl_coordinator.aggregation.base import aggregate, aggregation_rules
from fl_coordinator.aggregation.stacking import Contribution
from fl_coordinator.program import CoordinatorProgram

RULES = aggregation_rules()
FAR = 1e5
WIDTH = 3
eighths = st.integers(-8, 8).map(lambda whole: whole / 8)  # exact, also squared and summed
honest_row = st.lists(eighths, min_size=WIDTH, max_size=WIDTH)
directions = st.lists(st.sampled_from([-1.0, 1.0]), min_size=WIDTH, max_size=WIDTH)


def combined(rule: str, rows, base=0.0) -> np.ndarray:
    parts = [Contribution(f"d{at:02}", {"w": np.float32(row)}, 10) for at, row in enumerate(rows)]
    return aggregate(RULES[rule], parts, {"w": np.full(WIDTH, base, np.float32)})["w"].astype(np.float64)


def most_liars(rule: str, count: int) -> int:
    """How many of `count` the rule is said to bear (docs/adding-an-aggregator.md)."""
    fifth = max(1, count // 5)
    bounds = {"fedavg": 0, "trimmed-mean": fifth, "krum": (count - 3) // 2, "multi-krum": (count - 3) // 2}
    return bounds.get(rule, (count - 1) // 2)


@st.composite
def crowds(draw, rule: str):
    """Honest updates in [-1, 1] and as many liars as the rule bears, far away: together or each its own way; in any order."""
    count = draw(st.integers(5, 12))
    liars = draw(st.integers(0, most_liars(rule, count)))
    honest = [draw(honest_row) for _ in range(count - liars)]
    together = draw(directions)
    away = [draw(st.one_of(st.just(together), directions)) for _ in range(liars)]
    size = draw(st.sampled_from([1e2, FAR]))
    rows = [*honest, *(np.multiply(size, way) for way in away)]
    return np.array(honest), np.array(draw(st.permutations(rows)))


def has_kept_the_promise(rule: str, made: np.ndarray, honest: np.ndarray, count: int) -> bool:
    longest, liars = np.linalg.norm(honest, axis=1).max(), count - len(honest)
    if rule == "geometric-median":  # RFA, Sec. III: the breakdown bound of the geometric median
        return np.linalg.norm(made) <= 2 * len(honest) / (len(honest) - liars) * longest + 1e-2
    if rule == "norm-bounded":  # an honest length bounds all lengths while the liars are fewer than half
        return np.linalg.norm(made) <= longest + 1e-4
    return bool((made >= honest.min(axis=0) - 1e-4).all() and (made <= honest.max(axis=0) + 1e-4).all())


@pytest.mark.parametrize("rule", sorted(RULES))
@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_within_its_bound_no_liar_however_far_takes_a_rule_away_from_the_honest(rule, data):
    honest, rows = data.draw(crowds(rule))
    assert has_kept_the_promise(rule, combined(rule, rows), honest, len(rows))


@pytest.mark.parametrize("rule", sorted(RULES))
@pytest.mark.parametrize("count", [5, 8, 11])
def test_beyond_its_bound_a_rule_is_taken_anywhere(rule, count):
    # Krum still chooses among the honest at f + 1 of 2 f + 3 where they are closer together than the liars: two more.
    liars = most_liars(rule, count) + (2 if "krum" in rule else 1)
    honest = np.linspace(-1, 1, (count - liars) * WIDTH).reshape(-1, WIDTH)
    rows = np.concatenate([honest, np.full((liars, WIDTH), FAR)])
    assert np.abs(combined(rule, rows)).max() > FAR / 100


ON_A_ROW = [[0.0, 0.0, -0.625], [-0.25, 0.0, -0.25], [0.375, 0.0, 0.0], [-0.375, 0.0, -0.75], [-0.5, 0.0, -0.125]]


@pytest.mark.parametrize("rule", sorted(RULES))
@settings(max_examples=40, deadline=None)
@example(rows=ON_A_ROW, factor=-4.0, base=0.0)  # the geometric median is one of the rows: steps towards it become tiny
@given(
    rows=st.lists(honest_row, min_size=5, max_size=9),
    factor=st.sampled_from([-4.0, -1.0, 0.25, 0.5, 2.0, 8.0]),
    base=eighths,
)
def test_a_rule_of_scaled_updates_is_the_scaled_result(rule, rows, factor, base):
    made = combined(rule, np.multiply(rows, factor), base * factor)
    np.testing.assert_allclose(made, factor * combined(rule, rows, base), atol=2e-3)


def test_a_quorum_below_the_rules_bound_is_refused_before_the_first_round():
    with pytest.raises(Misconfigured, match="the rule krum needs at least 5 updates and the quorum is 3"):
        CoordinatorProgram(Settings(aggregation="krum", round_quorum=3), dict)
