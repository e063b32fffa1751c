"""How a device's last decisions become a score: on the common scale, and as the paper does it."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from plain_detector import level_parameters

from contracts.errors import Misconfigured
from detectors.decisions.common_scale_rule import COMMON_SCALE
from detectors.decisions.paper_fig3_rule import PAPER_FIG3
from detectors.decisions.rule import Judged, Rule
from detectors.decisions.votes import KINDS, no_votes
from detectors.detector import RULES, rule_named
from detectors.scoring.common_scale import CommonScale

PARAMETERS = level_parameters(threshold=2.0)
AS_IT_IS = CommonScale(np.array([-10.0, 10.0]), np.array([-10.0, 10.0]), 1.0)
SCALES = dict.fromkeys(("fast", "slow", "family_free", "combined"), AS_IT_IS)


def last_of(**kinds: list[float]) -> np.ndarray:
    """Return one device's last four decisions: these kinds, the others 0."""
    last = np.zeros_like(no_votes(1))
    for kind, values in kinds.items():
        last[0, :, KINDS.index(kind)] = values
    return last


def judged(rule: Rule, last: np.ndarray, threshold: float = 2.0) -> Judged:
    return rule.judge(replace(PARAMETERS, scales=SCALES), last, np.array([threshold]))


def logit(probability: float) -> float:
    return math.log(probability / (1 - probability))


# --- the common scale ----------------------------------------------------------------------------------------------------


def test_the_score_is_the_mean_of_the_three_kinds_votes() -> None:
    found = judged(COMMON_SCALE, last_of(fast=[6, 3, 4, 5], slow=[6, 7, 6, 9], family_free=[3, 3, 3, 3]))
    assert found.score[0] == pytest.approx((3 + 6 + 3) / 3)
    assert found.kinds[0].tolist() == [3, 6, 3, 0, 0, 0, 0]


@pytest.mark.parametrize("rule", ["copy", "frozen", "replay", "pulse"])
@pytest.mark.parametrize(
    ("values", "expected"), [([0, 0, 1.0, 1.5], 2.0), ([0, 0, 0.99, 9], 1.98), ([9, 9, 9, 0.5], 1.0)]
)
def test_a_rule_over_its_limit_twice_is_over_the_threshold_alone(
    rule: str, values: list[float], expected: float
) -> None:
    found = judged(COMMON_SCALE, last_of(**{rule: values}))
    assert found.score[0] == pytest.approx(expected)
    assert (found.score[0] >= 2.0) == (expected >= 2.0)
    assert found.kinds[0, KINDS.index(rule)] == pytest.approx(expected)


@pytest.mark.parametrize(("value", "expected"), [(1.0, 0.5), (1.2, 0.7), (0.7, 0.2), (0.0, -0.5)])
def test_under_a_low_threshold_a_rule_that_is_not_near_its_limit_is_not_near_the_threshold(
    value: float, expected: float
) -> None:
    found = judged(COMMON_SCALE, last_of(fast=[-9] * 4, frozen=[0, 0, value, value]), threshold=0.5)
    assert found.kinds[0, KINDS.index("frozen")] == pytest.approx(expected)
    assert found.score[0] == pytest.approx(expected)


def test_nothing_speaks_for_a_device_more_than_a_rule_that_sees_nothing() -> None:
    found = judged(COMMON_SCALE, last_of(fast=[-9] * 4, copy=[-40.0] * 4), threshold=2.0)
    assert found.kinds[0, KINDS.index("copy")] == 0.0


def test_each_of_the_last_decisions_is_held_against_the_threshold_by_itself() -> None:
    found = judged(COMMON_SCALE, last_of(fast=[9, 0, 9, 9], frozen=[0, 1, 0, 0]))
    assert found.over[0].tolist() == [True, True, True, True]
    assert judged(COMMON_SCALE, last_of(fast=[5, 5, 7, 5])).over[0].tolist() == [False, False, True, False]


def test_nothing_decided_yet_is_over_nothing() -> None:
    found = judged(COMMON_SCALE, no_votes(1))
    assert found.score[0] < 2.0
    assert not found.over.any()


def test_its_threshold_is_the_populations_whatever_the_enrolment() -> None:
    assert COMMON_SCALE.threshold(PARAMETERS, np.array([9.0, 9.0])) == 2.0
    assert COMMON_SCALE.threshold(PARAMETERS, np.empty(0)) == 2.0
    assert COMMON_SCALE.margin == 0.3


# --- the paper's -----------------------------------------------------------------------------------------------------------


def test_the_papers_threshold_is_worked_from_the_enrolments_own_probabilities() -> None:
    # mean 0.2, sd 0.1, |first - last| 0.2
    expected = 0.99 - 0.5 * 0.1 - 0.3 * 0.2 - 0.2 * 0.2
    assert PAPER_FIG3.threshold(PARAMETERS, np.array([logit(0.1), logit(0.3)])) == pytest.approx(expected)


def test_it_looks_back_24_hours_of_decisions() -> None:
    enrolment = np.array([logit(0.9)] * 100 + [logit(0.2)] * 96)
    assert PAPER_FIG3.threshold(PARAMETERS, enrolment) == pytest.approx(0.99 - 0.3 * 0.2)


def test_without_a_score_it_is_the_lowest_that_the_rule_knows() -> None:
    assert PAPER_FIG3.threshold(PARAMETERS, np.empty(0)) == 0.8


@pytest.mark.parametrize(
    ("decisions", "is_flagged"),
    [
        pytest.param([0.95, 0.95, 0.1, 0.95], True, id="three of four"),
        pytest.param([0.95, 0.1, 0.1, 0.95], False, id="two of four are not more than half"),
        pytest.param([0.9, 0.9, 0.9, 0.9], False, id="at the threshold is not above it"),
    ],
)
def test_more_than_half_of_the_hours_decisions_exclude(decisions: list[float], is_flagged: bool) -> None:
    found = judged(PAPER_FIG3, last_of(fast=[logit(value) for value in decisions]), threshold=0.9)
    assert (found.score[0] >= 0.9) == is_flagged
    assert found.over[0].tolist() == [value > 0.9 for value in decisions]


def test_it_reads_the_fast_dnn_and_nothing_else() -> None:
    last = last_of(fast=[0, 0, 0, 0], slow=[99] * 4, family_free=[99] * 4, copy=[9] * 4, frozen=[9] * 4, replay=[9] * 4)
    found = judged(PAPER_FIG3, last, threshold=0.8)
    assert found.score[0] == 0.5
    assert [kind for kind, value in zip(KINDS, found.kinds[0], strict=True) if not math.isnan(value)] == ["fast"]
    assert not judged(PAPER_FIG3, no_votes(1), threshold=0.8).over.any()


def test_a_rule_is_found_by_its_name() -> None:
    assert [rule_named(name) for name in RULES] == [COMMON_SCALE, PAPER_FIG3]
    with pytest.raises(Misconfigured, match="no decision rule 'paper'; there are: common-scale, paper-fig3"):
        rule_named("paper")
