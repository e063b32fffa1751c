"""Each kind of deterioration contains what its name claims, held against the same patient without it."""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest
from numpy.typing import NDArray

from replay.recording import Recording
from replay.sources.synthetic import DETERIORATIONS, synthetic_stay, synthetic_stays

PATIENTS, MINUTES = 40, 5760


@cache
def changes(kind: str) -> dict[str, NDArray[np.float64]]:
    """Per patient, at the height of the course (the tenth of its minutes that changes most): median change, noise."""
    rows = []
    for index in range(PATIENTS):
        ill, well = (synthetic_stay(21, index, MINUTES, deterioration=name) for name in (kind, None))
        heart = (ill.recording.heart_rate_bpm - well.recording.heart_rate_bpm)[ill.deteriorating]
        breath = (ill.recording.resp_rate_bpm - well.recording.resp_rate_bpm)[ill.deteriorating]
        rows.append((height(heart), height(breath), roughness(ill.recording, ill.deteriorating)))
    return dict(zip(("heart", "breath", "roughness"), np.array(rows).T, strict=True))


def height(change: NDArray[np.float64]) -> float:
    low, high = np.nanquantile(change, [0.1, 0.9])
    return float(high if high > -low else low)


def roughness(recording: Recording, active: NDArray[np.bool_]) -> float:
    """How much larger minute differences of the heart rate are during the course than outside it."""
    steps = np.abs(np.diff(recording.heart_rate_bpm))
    return float(np.nanmedian(steps[active[1:]]) / max(0.1, np.nanmedian(steps[~active[1:]])))


def middle(values: NDArray[np.float64]) -> tuple[float, float, float]:
    low, median, high = np.quantile(values, [0.25, 0.5, 0.75])
    return float(low), float(median), float(high)


def test_tachycardia_raises_the_heart_rate_by_25_to_60_bpm_and_breathing_by_4_at_most():
    low, median, high = middle(changes("tachycardia")["heart"])
    assert 25 <= low <= median <= high <= 60
    assert -1 < middle(changes("tachycardia")["breath"])[1] < 4


def test_atrial_fibrillation_raises_the_heart_rate_and_makes_every_minute_irregular():
    low, median, high = middle(changes("atrial-fibrillation")["heart"])
    assert 10 <= low <= median <= high <= 60  # 50 bpm and the irregularity itself
    assert np.median(changes("atrial-fibrillation")["roughness"]) > 2.5
    assert np.median(changes("tachycardia")["roughness"]) < 1.5


def test_respiratory_failure_raises_breathing_by_8_to_18_and_the_heart_rate_with_it():
    found = changes("respiratory-failure")
    low, median, high = middle(found["breath"])
    assert 7 <= low <= median <= high <= 20
    assert 5 <= middle(found["heart"])[1] <= 25


def test_bradycardia_lowers_the_heart_rate_by_15_to_35_bpm():
    low, median, high = middle(changes("bradycardia")["heart"])
    assert -35 <= low <= median <= high <= -9  # episodes reach 60 to 100 % of the patient's depth, the floor bends them
    assert np.all(changes("bradycardia")["heart"] < 5)


def test_sepsis_raises_heart_rate_and_breathing_together_over_hours():
    found = changes("sepsis")
    assert 18 <= middle(found["heart"])[1] <= 45
    assert 4 <= middle(found["breath"])[1] <= 12
    stay = synthetic_stay(21, 0, MINUTES, deterioration="sepsis")
    assert stay.deteriorating.sum() > 12 * 60


@pytest.mark.parametrize("kind", DETERIORATIONS)
def test_the_marked_minutes_are_those_that_differ_from_the_patient_without_it(kind: str):
    changed = []
    for index in range(9):
        ill, well = (synthetic_stay(22, index, MINUTES, deterioration=name) for name in (kind, None))
        same = np.isclose(ill.recording.heart_rate_bpm, well.recording.heart_rate_bpm, atol=1.05, equal_nan=True)
        assert same[~ill.deteriorating].mean() > 0.999
        changed.append(1 - same[ill.deteriorating].mean())
    assert np.median(changed) > 0.9


def test_a_pacemaker_hides_bradycardia_from_some_patients_and_from_few():
    unseen = np.abs(changes("bradycardia")["heart"]) < 3
    assert 0 < unseen.mean() <= 0.15


def test_a_cohort_of_the_training_mixture_holds_every_kind_and_the_well_stay_well():
    stays = synthetic_stays(23, 40, 2880, deteriorating_share=0.25)
    kinds = [stay.recording.origin.removeprefix("synthetic patient").removeprefix(" with ") for stay in stays]
    assert {kind: kinds.count(kind) for kind in DETERIORATIONS} == dict.fromkeys(DETERIORATIONS, 2)
    assert [stay.deteriorating.any() for stay in stays] == [kind in DETERIORATIONS for kind in kinds]
