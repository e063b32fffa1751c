"""Folds by patient and their limits, on tables small enough to count by hand."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest
from small_tables import table

from detectors.scoring.common_scale import NOTHING, CommonScale
from detectors.scoring.components import SCORED
from experiments.evaluation.judging import folds as module
from experiments.evaluation.judging.folds import (
    CombinedScale,
    FoldDetector,
    FoldPlan,
    InUse,
    combined_scale,
    judged_folds,
    said_in_use,
)
from experiments.evaluation.measurement.material import streams_of_table

STRAIGHT = CommonScale(np.array([-10.0, 10.0]), np.array([-10.0, 10.0]), 1.0)


@pytest.mark.parametrize(("strict", "models"), [(True, 15), (False, 5)])
def test_no_model_sees_whom_it_scores_nor_whom_its_limit_judges(monkeypatch, strict, models):
    found = table(patients=12, count=100, onsets=(900,))
    plan = FoldPlan(np.array([*range(5), *range(5), 0, 1]), frozenset({0}), seed=2, epochs=1, budget=0.5)
    fitted, scored = [], []

    def fit(table, past, patients, learnt, seed, epochs):
        fitted.append(set(patients.tolist()))
        return fitted[-1]

    def vote(table, past, fitted, rows):
        scored.append((fitted, set(table.who[rows].tolist())))
        values = np.where(np.isin(np.arange(len(table)), rows), table.values[:, 0].astype(np.float64), np.nan)
        return dict.fromkeys(SCORED, values)

    def said(table, past, fitted, rows):
        return vote(table, past, fitted, rows)

    monkeypatch.setattr(module, "fit_scores", fit)
    monkeypatch.setattr(module, "voted_components", vote)
    monkeypatch.setattr(module, "raw_components", said)
    use = InUse(found.judged, np.zeros(len(found), np.bool_))
    folds = judged_folds(found, plan, use, strict=strict)
    assert len(fitted) == models
    assert all(not known & judged for known, judged in scored)
    for place, fold in enumerate(folds):
        judged = set(np.flatnonzero(plan.fold == place).tolist())
        assert set(found.who[fold.rows].tolist()) == judged
        assert not judged & set(fold.patients.tolist())
        assert all(np.isnan(fold.calibration[kind][fold.rows]).all() for kind in SCORED)
        assert all(np.isfinite(fold.scores[kind][fold.rows]).all() for kind in SCORED)


def test_a_limit_is_fixed_by_the_other_patients():
    found = table(patients=2, count=682)
    votes = np.full(len(found), np.nan)
    clean = found.clean_streams(np.array([1]))[0]
    votes[clean] = np.where(np.arange(682) % 40 == 20, np.linspace(0, 1, 682), NOTHING)
    scale = combined_scale(found, dict.fromkeys(SCORED, votes), np.array([1]))
    assert scale.weeks == pytest.approx(1.0)
    assert scale.limit(5.0) < scale.limit(1.0)
    first, second = sorted(votes[clean])[:-3:-1]
    assert scale.limit(1.0) == pytest.approx(float(scale.scale.of(np.array((first + second) / 2))))


def test_equal_limits_of_other_kinds_come_from_their_own_mean():
    found = table(patients=1, count=682)
    one, other = (np.where(np.arange(682) % 40 == place, 1.0 + place, 0.0) for place in (10, 20))
    votes = {"fast": one, "slow": other}
    alone = combined_scale(found, votes, np.array([0]), ("fast",))
    both = combined_scale(found, votes, np.array([0]), ("fast", "slow"))
    assert alone.peaks[0] == 11.0
    assert both.peaks[0] == 10.5
    assert isinstance(both, CombinedScale)


@pytest.fixture
def level_detector(monkeypatch) -> FoldDetector:
    """A detector whose every kind says how far the first statistic lies above the device's own past, in bpm say."""

    def raw(table, past, fitted, rows):
        return dict.fromkeys(SCORED, table.values[:, 0].astype(np.float64) - past.mean[:, 0])

    monkeypatch.setattr(module, "raw_components", raw)
    return FoldDetector(SimpleNamespace(), dict.fromkeys(SCORED, STRAIGHT), STRAIGHT, 0.9)


def test_what_is_flagged_never_joins_the_baseline(level_detector):
    found = table(patients=1, count=300)
    found.values[:] = 0
    found.values[100:, 0] = 1  # one bpm higher from now on
    use = np.zeros(300, np.bool_)
    said = said_in_use(found, np.array([True]), level_detector, use)["fast"]
    assert (said[:100] == 0).all()
    np.testing.assert_allclose(said[104:], 1.0, atol=0.04)  # the first ones are learnt: their votes are not unanimous
    learnt = level_detector.said(found)["fast"]
    assert learnt[-1] < 0.5


def test_a_step_below_the_limit_is_learnt(level_detector):
    found = table(patients=1, count=300)
    found.values[:] = 0
    found.values[100:, 0] = 0.8
    said = said_in_use(found, np.array([True]), level_detector, np.zeros(300, np.bool_))["fast"]
    assert said[110] == pytest.approx(0.8)
    assert said[-1] < 0.4


def test_streams_can_be_taken_out_of_a_table():
    found = table(patients=2, count=100, onsets=(900, 1001))
    part = streams_of_table(found, found.patient == 1)
    assert len(part) == (found.who == 1).sum()
    assert part.case.tolist() == [-1, 0, 0]
    np.testing.assert_array_equal(part.values, found.values[found.who == 1])
    np.testing.assert_array_equal(part.who, 1)
    assert part.start[0] == 0
