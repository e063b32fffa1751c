"""The paper's adaptive threshold on hand-worked scores."""

from __future__ import annotations

import numpy as np
import pytest

from detectors.decisions.paper_fig3_rule import flagged_share, is_excluded, paper_threshold


def test_scores_of_zero_keep_the_highest_threshold_of_the_papers_run_1():
    assert paper_threshold(np.zeros(100)) == 0.99


def test_a_constant_lowers_it_by_three_tenths_of_the_mean():
    assert paper_threshold([0.1, 0.1, 0.1]) == pytest.approx(0.99 - 0.3 * 0.1)


def test_spread_mean_and_the_change_from_first_to_last_each_lower_it():
    # mean 0.1, sd 0.1, |first - last| 0.2
    assert paper_threshold([0.0, 0.2]) == pytest.approx(0.99 - 0.5 * 0.1 - 0.3 * 0.1 - 0.2 * 0.2)
    # the same values in an order that ends where it began: mean 0.2/3, sd sqrt(2)/15, no change
    assert paper_threshold([0.0, 0.2, 0.0]) == pytest.approx(0.99 - 0.5 * np.sqrt(2) / 15 - 0.3 * 0.2 / 3)


def test_it_never_falls_below_its_lowest():
    assert paper_threshold([1.0, 1.0, 1.0]) == 0.8


def test_only_the_last_24_hours_count():
    scores = np.concatenate([np.ones(500), np.full(1440, 0.2)])
    assert paper_threshold(scores) == pytest.approx(0.99 - 0.3 * 0.2)
    assert flagged_share(scores, 0.8) == 0.0
    assert flagged_share(scores[:-1], 0.8) == pytest.approx(1 / 1440)


def test_a_score_equal_to_the_threshold_is_not_flagged():
    assert flagged_share([0.7, 0.8, 0.9, 1.0], 0.8) == 0.5


def test_a_device_is_excluded_only_above_half():
    assert not is_excluded(0.5)
    assert is_excluded(0.51)


@pytest.mark.parametrize("scores", [[], [0.5, 1.2], [-0.1], [float("nan"), 0.5]])
def test_what_is_no_score_is_refused(scores):
    with pytest.raises(ValueError, match="each from 0 to 1"):
        paper_threshold(scores)
