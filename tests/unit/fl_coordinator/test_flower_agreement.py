"""Our aggregation rules against Flower's on the same arrays, and every difference that is meant.

Flower pins rich, cryptography and protobuf to versions that this project's own pins exclude, so that it cannot be installed
beside it. Its own functions made tests/data/flower/aggregates.json in an environment of their own (tests/data/README.md).
"""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from fl_coordinator.aggregation.base import aggregate, aggregation_rules
from fl_coordinator.aggregation.stacking import Contribution
from fl_coordinator.errors import AggregationRefused

FLOWER = json.loads((Path(__file__).parents[2] / "data" / "flower" / "aggregates.json").read_text())
CASES = FLOWER["cases"]
RULES = aggregation_rules()
AGREE = ("fedavg", "median", "trimmed-mean", "krum", "multi-krum")


def ours(rule: str, case: dict) -> list[np.ndarray]:
    contributions = [
        Contribution(f"d{at:02}", {str(name): np.float32(layer) for name, layer in enumerate(layers)}, samples)
        for at, (layers, samples) in enumerate(zip(case["updates"], case["samples"], strict=True))
    ]
    base = {name: np.zeros_like(array) for name, array in contributions[0].weights.items()}
    return list(aggregate(RULES[rule], contributions, base).values())


def differ(rule: str, case: dict, flowers: str = "") -> float:
    """The largest difference between our result and Flower's."""
    made = case["made"][flowers or rule]
    return max(np.abs(mine - np.array(theirs)).max() for mine, theirs in zip(ours(rule, case), made, strict=True))


def of(rule: str) -> list:
    cases = [case for case in CASES if rule in case["made"]]
    if rule == "trimmed-mean":
        cases = [case for case in cases if len(case["updates"]) >= 5]  # below, a fifth is less than one update
    return [pytest.param(rule, case, id=f"{rule}-{len(case['updates'])}-seed{case['seed']}") for case in cases]


@pytest.mark.parametrize(("rule", "case"), [each for rule in AGREE for each in of(rule)])
def test_a_rule_makes_of_the_same_arrays_what_flower_makes(rule, case):
    assert differ(rule, case) <= 2e-5  # float32 sums of values up to 50


def test_every_rule_was_compared_on_arrays_with_and_without_outliers():
    assert FLOWER["flwr"] == "1.41.0"
    assert [len(of(rule)) for rule in AGREE] == [10, 10, 8, 8, 8]
    far = [np.max(np.abs(case["updates"][-1][0])) > 10 for case in CASES]
    assert any(far)
    assert not all(far)


# --- where ours differs, and is meant to --------------------------------------------------------------------------


@pytest.mark.parametrize("case", [case for case in CASES if len(case["updates"]) < 5], ids=lambda case: case["seed"])
def test_below_five_updates_flowers_trimmed_mean_trims_nothing_and_ours_one_on_each_side(case):
    plain = np.mean([np.float32(layers[1]) for layers in case["updates"]], axis=0)
    np.testing.assert_allclose(case["made"]["trimmed-mean"][1], plain, rtol=1e-5)
    middle = np.sort([np.float32(layers[1]) for layers in case["updates"]], axis=0)[1:-1].mean(axis=0)
    np.testing.assert_allclose(ours("trimmed-mean", case)[1], middle, rtol=1e-5)
    assert differ("trimmed-mean", case) > 0.1


def test_flowers_multi_krum_weighs_the_chosen_by_the_samples_they_claim_and_ours_counts_each_once():
    for case in (case for case in CASES if "multi-krum" in case["made"]):
        assert differ("multi-krum", case, "multi-krum weighted by samples") > 0.01


@pytest.mark.parametrize("case", [case for case in CASES if len(case["updates"]) < 5], ids=lambda case: case["seed"])
def test_below_krums_bound_flower_picks_one_all_the_same_and_ours_refuses(case):
    assert case["made"]["krum below its bound"] in case["updates"]
    for rule in ("krum", "multi-krum"):
        with pytest.raises(AggregationRefused, match="needs at least 5 updates, there are"):
            ours(rule, case)
