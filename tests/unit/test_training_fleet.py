"""Calibration judges whole recordings at once: the same scores, flags and votes as the engine gives minute by minute."""

from __future__ import annotations

import numpy as np
import pytest

from detectors import Detector
from detectors.scoring.runtime import WindowScorer
from detectors.training.calibration import GRID, Model, lowest_threshold
from detectors.training.fleet import Judged, false_rate, judge_enrolled, judge_enrolling, profile_after
from detectors.training.series import rows_of
from replay.sources.synthetic import synthetic_recording

ENROLMENT_MIN = 300


@pytest.fixture(scope="module")
def recording():
    return synthetic_recording(3, 1, 700)


@pytest.fixture(scope="module")
def model(untrained_bundle):
    bundle = untrained_bundle(4)
    return Model(WindowScorer(bundle, buckets=(64,)), bundle.population, "abc")


@pytest.fixture(scope="module")
def engine(model, recording):
    vitals = (recording.heart_rate_bpm, recording.resp_rate_bpm)
    detector = Detector(model.scorer, model.population, "abc")
    return detector.score("x", recording.first_event_minute, *vitals, enrolment_min=ENROLMENT_MIN)


def at(verdicts, judged):
    return judged.event_minute - verdicts.event_minute[0]


def test_scores_after_enrolment_equal_the_engines(model, recording, engine):
    rows = rows_of(recording)
    judged = judge_enrolled(rows, profile_after(rows, ENROLMENT_MIN, model), model)
    assert len(judged.event_minute) > 300
    np.testing.assert_allclose(judged.score, engine.score[at(engine, judged)], atol=1e-3)
    threshold = max(judged.own_threshold, model.population.threshold)
    assert engine.threshold[-1] == pytest.approx(threshold, abs=1e-3)


def test_scores_while_enrolling_equal_the_engines(model, recording, engine):
    judged = judge_enrolling(rows_of(recording), ENROLMENT_MIN, model)
    np.testing.assert_allclose(judged.score, engine.score[at(engine, judged)], atol=1e-3)


def test_the_vote_equals_the_engines(model, recording, engine):
    rows = rows_of(recording)
    judged = judge_enrolled(rows, profile_after(rows, ENROLMENT_MIN, model), model)
    assert judged.event_minute[-1] == engine.event_minute[-1]
    assert judged.share(model.population.threshold)[-1] == pytest.approx(engine.flagged_share)


def made(score, own=-np.inf):
    return Judged(np.arange(len(score)), np.asarray(score, float), own)


def test_a_vote_counts_the_last_two_hours_over_at_least_sixty_windows():
    share = made([1.0] * 30 + [0.0] * 200).share(0.5)
    assert share[29] == pytest.approx(30 / 60)
    assert share[119] == pytest.approx(30 / 120)
    assert share[149] == pytest.approx(0.0)


def test_a_device_is_held_to_its_own_quantile_when_that_is_higher():
    assert made([3.0], own=2.0).flagged(1.0).all()
    assert not made([3.0], own=4.0).flagged(1.0).any()


def test_one_long_episode_counts_once_and_two_far_apart_twice():
    once = [0.0] * 200 + [9.0] * 600 + [0.0] * 400
    assert false_rate([made(once)], 5.0, 0.5)[0] == 1
    assert false_rate([made(once + once)], 5.0, 0.5)[0] == 2


def test_the_lowest_threshold_within_the_budget_is_found():
    quiet, loud = [0.0] * 10_080, [0.0] * 5000 + [7.0] * 200 + [0.0] * 4880
    fleet = [made(quiet) for _ in range(4)] + [made(loud)]
    assert lowest_threshold(fleet, np.inf) == pytest.approx(7.0, abs=0.051)
    assert lowest_threshold([made(quiet)] * 9 + [made(loud)], np.inf) == GRID[0]
