"""The paper's labels and the two ways to split windows, on hand-worked errors."""

from __future__ import annotations

import numpy as np
import pytest

from experiments.paper.labels import (
    decide,
    grouped_folds,
    label_threshold,
    mean_decision,
    paper_labels,
    random_folds,
    share_on_one_day,
    standardised,
)


def test_the_threshold_is_the_larger_of_mean_plus_two_sd_and_the_95th_percentile():
    spread = np.arange(101.0)  # mean 50, sd sqrt(850) = 29.15: above the percentile
    assert label_threshold(spread) == pytest.approx(50 + 2 * np.sqrt(850))
    skewed = np.array([0.0] * 90 + [10.0] * 10)  # mean 1, sd 3: below the 95th percentile
    assert label_threshold(skewed) == 10.0


def test_each_patient_has_its_own_threshold():
    errors = np.array([1.0] * 49 + [2.0] + [10.0] * 49 + [2.0])
    patient = np.repeat([0, 1], 50)
    labels = paper_labels(errors, patient)
    assert np.flatnonzero(labels).tolist() == [49]


def test_labels_that_mark_one_day_are_told_from_labels_that_are_spread():
    patient = np.repeat([0, 1], 6)
    end_minute = 1440 * np.array([7, 7, 8, 8, 9, 9, 7, 7, 8, 8, 9, 9]) + 5
    one_day = np.array([0, 0, 0, 0, 1, 1, 1, 0, 0, 0, 0, 0], np.bool_)
    assert share_on_one_day(one_day, patient, end_minute) == (1.0, 4 / 12)
    spread = np.array([1, 0, 1, 0, 1, 1, 0, 0, 0, 0, 0, 1], np.bool_)
    assert share_on_one_day(spread, patient, end_minute) == (3 / 5, 4 / 12)
    assert share_on_one_day(np.zeros(12, np.bool_), patient, end_minute) == (0.0, 0.0)


def test_errors_are_standardised_by_the_patients_own_clean_windows():
    errors = np.array([1.0, 3.0, 8.0, 10.0, 30.0, 50.0])
    patient = np.array([0, 0, 0, 1, 1, 1])
    clean = np.array([True, True, False, True, True, False])
    assert standardised(errors, patient, clean).tolist() == pytest.approx([-1, 1, 6, -1, 1, 3])
    with pytest.raises(ValueError, match="patient 1"):
        standardised(errors, patient, clean & (patient == 0))


def test_grouped_folds_never_share_a_patient():
    patient = np.array([2, 0, 1, 0, 2, 2, 1])
    folds = grouped_folds(patient)
    assert [set(patient[tested]) for _, tested in folds] == [{0}, {1}, {2}]
    for trained, tested in folds:
        assert not set(patient[trained]) & set(patient[tested])
        assert len(trained) + len(tested) == len(patient)


def test_random_folds_test_every_window_once_and_share_patients():
    patient = np.repeat([0, 1], 50)
    folds = random_folds(100, seed=3)
    assert sorted(np.concatenate([tested for _, tested in folds])) == list(range(100))
    assert all(set(patient[trained]) & set(patient[tested]) for trained, tested in folds)
    assert [tested.tolist() for _, tested in folds] == [tested.tolist() for _, tested in random_folds(100, seed=3)]


def test_a_decision_counts_weights_and_a_fold_without_anomalies_has_no_auc():
    label = np.array([False, True, True, True])
    score = np.array([0.2, 0.9, 0.8, 0.1])
    plain = decide(label, score)
    assert (plain.accuracy, plain.precision, plain.recall) == (0.75, 1.0, pytest.approx(2 / 3))
    assert plain.f1 == pytest.approx(0.8)
    assert plain.auc == pytest.approx(2 / 3)
    assert decide(label, score, np.array([3.0, 1, 1, 1])).accuracy == pytest.approx(5 / 6)
    quiet = decide(np.zeros(4, np.bool_), score)
    assert np.isnan(quiet.auc)
    assert mean_decision([plain, quiet]).auc == plain.auc
    assert mean_decision([plain, quiet]).accuracy == pytest.approx((0.75 + 0.5) / 2)
