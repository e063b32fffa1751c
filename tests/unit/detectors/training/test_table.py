"""The table of decisions: which past a trace has, votes inside a stream, and how rows are weighed."""

from __future__ import annotations

import numpy as np
import pytest
from small_tables import table

from detectors.baseline.own_past import own_past
from detectors.training.scores.scoring_fit import DISTORTED_WEIGHT, _labelled
from detectors.training.scores.table import CLEAN, DISTORTED


def test_a_trace_is_held_against_the_clean_past_of_the_same_place():
    found = table(patients=2, count=120, onsets=(900,))
    past = found.own_past(found.values)
    clean = slice(int(found.start[2]), int(found.stop[2]))
    trace = slice(int(found.start[3]), int(found.stop[3]))
    expected = own_past(found.values[clean].astype(np.float64), 10, np.ones(120, np.bool_))
    first = int(found.decision[trace][0])
    np.testing.assert_array_equal(past.mean[trace], expected.mean[first:])
    np.testing.assert_array_equal(past.sd[trace], expected.sd[first:])


def test_a_vote_does_not_reach_into_another_stream():
    found = table(patients=2, count=5)
    values = np.array([3.0, 2, 5, 4, 6, 9, 9, 9, 9, 9])
    np.testing.assert_array_equal(found.votes(values, 2), [-1e3, 2, 2, 4, 4, -1e3, 9, 9, 9, 9])


def test_weeks_count_judged_decisions_of_fifteen_minutes():
    found = table(patients=1, count=682)
    assert found.weeks(found.clean_streams(np.array([0]))) == pytest.approx(1.0)


def test_a_populations_attacked_rows_weigh_as_its_clean_ones_and_populations_the_same():
    found = table(patients=3, count=120, onsets=(900,), population=[0, 0, 1])
    rows = np.flatnonzero(found.judged & (found.is_clean | (found.since >= 30)))
    labelled = _labelled(found, rows, np.zeros((len(rows), 1), np.float32))
    population = found.population[found.who[rows]]
    totals = [
        labelled.weight[(population == place) & (labelled.attacked == label)].sum()
        for place in (0, 1)
        for label in (0, 1)
    ]
    np.testing.assert_allclose(totals, totals[0], rtol=1e-5)


def test_distortions_count_less_and_deteriorations_more():
    found = table(patients=1, count=120, onsets=(900, 1000))
    found.case[2] = DISTORTED
    found.deteriorating[:60] = True
    assert found.case[0] == CLEAN
    rows = np.flatnonzero(found.judged & (found.is_clean | (found.since >= 30)))
    weight = _labelled(found, rows, np.zeros((len(rows), 1), np.float32)).weight
    by_stream = [weight[found.stream[rows] == place] for place in (0, 1, 2)]
    assert by_stream[2][0] / by_stream[1][0] == pytest.approx(DISTORTED_WEIGHT)
    assert by_stream[0][0] / by_stream[0][-1] == pytest.approx(4.0)
