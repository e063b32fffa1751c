"""Scales and threshold: folds that weigh alike, votes out of sample, and a budget that binds."""

from __future__ import annotations

import numpy as np
import pytest
from small_tables import table

from detectors.scoring.components import SCORED
from detectors.training.calibration import calibrated, dealt, out_of_sample


def test_patients_are_dealt_by_length_of_stay():
    lengths = np.arange(100, 0, -10)
    fold = dealt(lengths, 5, np.random.default_rng(3))
    assert sorted(fold[:5]) == sorted(fold[5:]) == [0, 1, 2, 3, 4]
    np.testing.assert_array_equal(fold, dealt(lengths, 5, np.random.default_rng(3)))


def test_each_patient_is_scored_without_his_fold():
    found = table(patients=4, count=12)
    fold = np.array([0, 1, 0, -1])
    asked = []

    def score(out, rows):
        asked.append((out.tolist(), sorted(set(found.who[rows].tolist()))))
        return {kind: np.where(np.isin(np.arange(len(found)), rows), float(out[0]), np.nan) for kind in SCORED}

    votes = out_of_sample(found, fold, score, np.array([0, 1, 2]))
    assert asked == [([0, 2], [0, 2]), ([1], [1])]
    assert np.isnan(votes["fast"][found.who == 3]).all()
    assert (votes["fast"][found.who == 1] == 1).all()


def test_the_threshold_costs_what_the_budget_says():
    found = table(patients=3, count=1000)
    rng = np.random.default_rng(7)
    votes = {kind: found.votes(rng.standard_normal(len(found)), 2) for kind in SCORED}
    for budget in (1.0, 3.0):
        calibration = calibrated(found, votes, np.arange(3), budget)
        over = calibration.combined(votes) >= calibration.threshold
        events = sum(
            (np.diff(np.flatnonzero(over[part] & found.judged[part]), prepend=-99) > 16).sum()
            for part in found.clean_streams(np.arange(3))
        )
        assert events == pytest.approx(budget * calibration.weeks, abs=1.5)
        assert calibration.threshold == pytest.approx(-np.log10(budget), abs=0.1)


def test_a_budget_smaller_than_the_calibration_can_show_is_reached_on_the_scales_tail():
    found = table(patients=1, count=400)
    votes = {kind: np.random.default_rng(3).standard_normal(len(found)) for kind in SCORED}
    assert calibrated(found, votes, np.array([0]), 0.01).threshold == pytest.approx(2.0)


def test_too_short_streams_set_no_threshold():
    found = table(patients=1, count=12)
    votes = {kind: np.zeros(len(found)) for kind in SCORED}
    with pytest.raises(ValueError, match="less than a day"):
        calibrated(found, votes, np.array([0]), 0.2)
