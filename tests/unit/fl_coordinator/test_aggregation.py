"""Each rule on arrays small enough to work by hand, and what holds for all of them."""

from __future__ import annotations

import re
from importlib import import_module
from itertools import combinations
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import minimize

from contracts.errors import Misconfigured
from fl_coordinator.aggregation.base import aggregate, aggregation_rule, aggregation_rules
from fl_coordinator.aggregation.krum import krum_scores
from fl_coordinator.aggregation.stacking import Contribution, Stack
from fl_coordinator.errors import AggregationRefused
from fl_coordinator.updates.outliers import outlier_updates

RULES = aggregation_rules()
ROBUST = sorted(set(RULES) - {"fedavg", "norm-bounded"})


def contributions(rows, samples=None) -> list[Contribution]:
    samples = samples or [10] * len(rows)
    return [
        Contribution(f"d{at}", {"w": np.float32(row)}, count)
        for at, (row, count) in enumerate(zip(rows, samples, strict=True))
    ]


def combined(rule: str, rows, samples=None, base=None) -> np.ndarray:
    base = {"w": np.zeros(np.shape(rows)[1], np.float32) if base is None else np.float32(base)}
    return aggregate(RULES[rule], contributions(rows, samples), base)["w"]


def test_the_rules_that_there_are():
    assert sorted(RULES) == [
        "fedavg", "geometric-median", "krum", "median", "multi-krum", "norm-bounded", "trimmed-mean",
    ]  # fmt: skip
    with pytest.raises(Misconfigured, match="there are: fedavg, geometric-median, krum"):
        aggregation_rule("mean-of-nothing")


FIVE = [[1, 10], [2, 20], [3, 30], [4, 40], [100, -900]]


@pytest.mark.parametrize(
    ("rule", "expected"),
    [
        ("fedavg", [22, -160]),
        ("median", [3, 20]),
        ("trimmed-mean", [3, 20]),  # (2 + 3 + 4) / 3 and (10 + 20 + 30) / 3
        ("krum", [2, 20]),  # n = 5, f = 1: two nearest others; 2 and 3 tie, the first device wins
        ("multi-krum", [2.5, 25]),  # without the fifth
    ],
)
def test_a_rule_on_five_updates_worked_by_hand(rule, expected):
    np.testing.assert_allclose(combined(rule, FIVE), expected, rtol=1e-6)


def test_fedavg_and_the_norm_bound_weigh_by_samples():
    rows = [[1, 2], [4, 8]]
    np.testing.assert_allclose(combined("fedavg", rows, [10, 30]), [3.25, 6.5])
    # From the base (1, 0) the changes are (3, 4), (0, 10) and (0, 0) long 5, 10 and 0: the second is halved.
    bounded = combined("norm-bounded", [[4, 4], [1, 10], [1, 0]], [1, 2, 1], base=[1, 0])
    np.testing.assert_allclose(bounded, [1 + 3 / 4, 4 / 4 + 5 * 2 / 4])


def test_four_updates_are_trimmed_too_where_a_share_alone_would_trim_nothing():
    np.testing.assert_allclose(combined("trimmed-mean", [[1], [1], [1], [100]]), [1])
    np.testing.assert_allclose(combined("trimmed-mean", [[at] for at in range(10)]), [4.5])  # two on each side


def test_krum_scores_sum_the_squares_to_the_nearest():
    # n = 5, f = 1: two neighbours. 0: 1 + 4; 1: 1 + 1; 2: 1 + 1; 3: 1 + 4; 10: 49 + 64.
    stack = Stack(np.array([[0.0], [1], [2], [3], [10]]), np.ones(5), np.zeros(1))
    np.testing.assert_allclose(krum_scores(stack), [5, 2, 2, 5, 113])


def test_the_geometric_median_is_where_the_summed_distance_is_least():
    rows = np.random.default_rng(4).normal(size=(6, 3)) * 3
    found = combined("geometric-median", rows)
    best = minimize(lambda x: np.linalg.norm(rows - x, axis=1).sum(), rows.mean(axis=0), tol=1e-12).x
    np.testing.assert_allclose(found, best, atol=1e-4)
    # Of three points on a line it is the middle one, however far the third is.
    np.testing.assert_allclose(combined("geometric-median", [[0.0, 0], [1, 0], [1e6, 0]]), [1, 0], atol=1e-3)


@pytest.mark.parametrize("rule", sorted(RULES))
def test_below_its_bound_a_rule_raises_and_says_what_it_needs(rule):
    least = RULES[rule].at_least
    assert least == {"fedavg": 1, "krum": 5, "multi-krum": 5}.get(rule, 3)
    assert np.isfinite(combined(rule, [[1.0]] * least)).all()
    with pytest.raises(AggregationRefused, match=f"{rule} needs at least {least} updates, there are {least - 1}"):
        aggregate(RULES[rule], contributions([[1.0]] * (least - 1)), {"w": np.zeros(1, np.float32)})


@pytest.mark.parametrize("rule", ["fedavg", "norm-bounded"])
def test_a_mean_by_samples_refuses_updates_without_any(rule):
    with pytest.raises(AggregationRefused, match="at least one update with samples"):
        combined(rule, [[1.0]] * 3, [0, 0, 0])


@pytest.mark.parametrize("rule", sorted(RULES))
def test_names_shapes_and_types_come_back(rule):
    rng = np.random.default_rng(0)
    base = {"b": np.zeros((2, 3), np.float32), "a": np.zeros(1, np.float32), "c": np.float32(0)}
    rows = [{name: rng.normal(size=array.shape).astype(np.float32) for name, array in base.items()} for _ in range(5)]
    made = aggregate(RULES[rule], [Contribution(f"d{at}", row, 5) for at, row in enumerate(rows)], base)
    assert {name: (array.shape, array.dtype) for name, array in made.items()} == {
        name: (array.shape, np.dtype(np.float32)) for name, array in base.items()
    }
    same = aggregate(RULES[rule], [Contribution(f"d{at}", rows[0], 5) for at in range(5)], base)
    if rule != "norm-bounded":
        for name in base:
            np.testing.assert_allclose(same[name], rows[0][name], rtol=1e-6)


@pytest.mark.parametrize("rule", sorted(RULES))
def test_what_nobody_trains_is_in_no_rule_and_comes_back_bit_for_bit(rule):
    """The context's statistics travel with the detector's network; here some updates bring others, as no screened one does."""
    rng = np.random.default_rng(3)
    base = {
        "context_mean": np.full(4, 0.1, np.float32), "w": np.zeros(6, np.float32),
        "context_sd": np.full(4, 1e6, np.float32),
    }  # fmt: skip
    rows = [rng.normal(size=6).astype(np.float32) for _ in range(5)]
    others = [{**base, "w": row} for row in rows]
    made = aggregate(RULES[rule], [Contribution(f"d{at}", one, 5 + at) for at, one in enumerate(others)], base)
    assert list(made) == list(base)
    for name in ("context_mean", "context_sd"):
        np.testing.assert_array_equal(made[name], base[name])
    changed = [{**one, "context_mean": rng.normal(0, 1e5, 4).astype(np.float32)} for one in others]
    again = aggregate(RULES[rule], [Contribution(f"d{at}", one, 5 + at) for at, one in enumerate(changed)], base)
    for name in base:
        np.testing.assert_array_equal(again[name], made[name])


# --- what holds for all -------------------------------------------------------------------------------------------

values = st.integers(-1000, 1000).map(lambda whole: whole / 8)  # sums of these are exact
matrices = st.integers(5, 8).flatmap(
    lambda count: st.lists(st.lists(values, min_size=3, max_size=3), min_size=count, max_size=count)
)


@settings(max_examples=40)
@given(rows=matrices, data=st.data())
def test_the_order_of_arrival_leaves_no_trace_in_the_bits(rows, data):
    parts = contributions(rows, list(range(1, len(rows) + 1)))
    shuffled = data.draw(st.permutations(parts))
    base = {"w": np.zeros(3, np.float32)}
    for rule in RULES.values():
        np.testing.assert_array_equal(aggregate(rule, parts, base)["w"], aggregate(rule, shuffled, base)["w"])


@settings(max_examples=40)
@given(rows=matrices, shift=values)
def test_a_shift_of_everything_shifts_the_result(rows, shift):
    for rule in RULES:
        moved = combined(rule, np.array(rows) + shift, base=np.full(3, shift))
        np.testing.assert_allclose(moved, combined(rule, rows) + shift, atol=2e-2)


@settings(max_examples=40)
@given(rows=matrices)
def test_the_result_lies_within_the_updates(rows):
    for rule in set(RULES) - {"norm-bounded"}:
        made = combined(rule, rows)
        assert (made >= np.min(rows, axis=0) - 1e-3).all()
        assert (made <= np.max(rows, axis=0) + 1e-3).all()


@pytest.mark.parametrize("size", [1e3, 1e6])
@pytest.mark.parametrize("rule", [*ROBUST, "norm-bounded"])
def test_a_liar_however_loud_hardly_moves_a_robust_rule_wherever_he_stands(rule, size):
    honest = 1 + np.random.default_rng(2).normal(size=(4, 6)) / 10
    for at, sign in combinations(range(5), 2):
        rows = np.insert(honest, at, size * (-1) ** sign, axis=0)
        assert np.abs(combined(rule, rows) - 1).max() < 0.8
        assert np.abs(combined("fedavg", rows) - 1).max() > 100


def test_as_many_liars_as_the_bound_allows_are_borne_and_no_more():
    honest = 1 + np.random.default_rng(2).normal(size=(7, 6)) / 10
    for rule in ("median", "geometric-median", "krum", "multi-krum"):
        four_of_eleven = np.concatenate([honest, np.full((4, 6), 1e4)])
        assert np.abs(combined(rule, four_of_eleven) - 1).max() < 0.6
    six_of_eleven = np.concatenate([honest[:5], np.full((6, 6), 1e4)])
    for rule in ROBUST:
        assert np.abs(combined(rule, six_of_eleven) - 1).max() > 100
    three_of_eleven = np.concatenate([honest[:7], honest[:1], np.full((3, 6), 1e4)])  # a fifth of eleven is two
    assert np.abs(combined("trimmed-mean", three_of_eleven) - 1).max() > 100


# --- the look at the cohort ---------------------------------------------------------------------------------------


def screened(*changes, size: int = 2) -> dict[str, str]:
    base = {"w": np.ones(size, np.float32)}
    return dict(outlier_updates(contributions([np.add(1, change) for change in changes]), base))


def test_a_change_much_longer_than_the_others_is_out():
    assert screened([1, 0], [2, 0], [0.5, 0.1], [4.9 * 1.5, 0]) == {}
    assert screened([1, 0], [2, 0], [1, 0.1], [1, 0], [5.1, 0]) == {"d4": "norm"}


def test_a_change_against_the_others_is_out_and_one_across_is_not():
    assert screened([1, 0], [1, 0.2], [1, -0.2], [0, 1]) == {}
    assert screened([1, 0], [1, 0.2], [1, -0.2], [-1, 0]) == {"d3": "cosine"}
    assert screened([1, 0], [1, 0.2], [1, -0.2], [-90, 0]) == {"d3": "norm"}


def test_two_of_five_who_pull_together_against_the_rest_are_out():
    assert screened([1, 0], [1, 0.2], [1, -0.2], [-1, 0.1], [-1, -0.1]) == {"d3": "camp", "d4": "camp"}
    assert screened([1, 0], [1, 0.2], [1, -0.2], [0, 1], [0, 1.1]) == {}, "across is not against"


def test_the_median_is_of_those_that_no_camp_has_turned():
    """With the two liars in it, the middle would be (0.3, 0.9), and d0 would be against it."""
    assert screened([0.3, -1], [1, 0.2], [1, 0.9], [-3, 2], [-3, 2.1]) == {"d3": "camp", "d4": "camp"}


def test_a_camp_is_no_minority_when_it_is_half_or_more():
    assert "camp" not in screened([1, 0], [1, 0.2], [1, -0.2], [-1, 0], [-1, 0.1], [-1, -0.1]).values()
    assert set(screened([1, 0], [1, 0.2], [-1, 0.2], [-1, 0], [-1, 0.1])) == {"d0", "d1"}, "the more are believed"


@pytest.mark.parametrize("seed", range(20))
def test_devices_that_share_nothing_form_no_camp(seed):
    """In so many dimensions what has nothing in common is across, never against."""
    rng = np.random.default_rng(seed)
    assert screened(*rng.normal(size=(int(rng.integers(5, 12)), 400)), size=400) == {}


def test_no_change_at_all_is_not_odd():
    assert screened([0, 0], [0, 0], [0, 0]) == {}
    assert screened([1, 0], [1, 0], [0, 0]) == {}


def test_two_cannot_tell_which_of_them_is_odd():
    assert screened([1, 0], [-900, 0]) == {}


# --- the page that says how to add one ----------------------------------------------------------------------------

PAGE = Path(__file__).parents[3] / "docs" / "adding-an-aggregator.md"


def test_the_example_of_the_page_is_a_rule_that_is_found(monkeypatch, tmp_path):
    (code,) = re.findall(r"```python\n(.*?)```", PAGE.read_text(), re.DOTALL)
    (tmp_path / "midrange.py").write_text(code)
    package = import_module("fl_coordinator.aggregation")
    monkeypatch.setattr(package, "__path__", [*package.__path__, str(tmp_path)])
    rule = aggregation_rule("midrange")
    assert rule.name in {found.name for found in aggregation_rules().values()}
    made = aggregate(rule, contributions([[0, 1], [4, 9], [1, 1]]), {"w": np.zeros(2, np.float32)})
    np.testing.assert_array_equal(made["w"], [2, 5])


def test_the_page_lists_every_rule_with_its_bound():
    table = re.findall(r"^\| `([a-z-]+)`[^|]*\|[^|]*\| (\d) \|", PAGE.read_text(), re.MULTILINE)
    assert {name: int(least) for name, least in table} == {name: rule.at_least for name, rule in RULES.items()}
