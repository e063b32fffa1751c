"""The synthetic cohort is reproducible, and real stays look like ordinary members of it."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from contracts.errors import Misconfigured
from replay.recording import Recording
from replay.sources.synthetic import (
    DETERIORATIONS,
    synthetic_cohort,
    synthetic_recording,
    synthetic_stay,
    synthetic_stays,
)

COHORT_SEED, PATIENTS, STAY_MIN = 1, 150, 1600


def correlation(first: NDArray, second: NDArray) -> float:
    both = ~np.isnan(first) & ~np.isnan(second)
    return float(np.corrcoef(first[both], second[both])[0, 1])


def hours(values: NDArray) -> NDArray:
    """Whole hours with at least half of their minutes, as rows."""
    rows = values[: len(values) // 60 * 60].reshape(-1, 60)
    return rows[(~np.isnan(rows)).sum(axis=1) >= 30]


def channel_statistics(values: NDArray) -> dict[str, float]:
    steps = np.diff(values)
    known = steps[~np.isnan(steps)]
    return {
        "mean": float(np.nanmean(values)),
        "sd": float(np.nanstd(values)),
        "step_sd": float(known.std()),
        "step_99th": float(np.quantile(np.abs(known), 0.99)),
        "step_largest": float(np.abs(known).max()),
        "step_kurtosis": float(np.mean((known - known.mean()) ** 4) / known.var() ** 2),
        "step_lag_1": correlation(steps[:-1], steps[1:]),
        "same_as_before": float(np.mean(np.abs(known) < 0.05)),
        "sd_within_hour": float(np.median(np.nanstd(hours(values), axis=1))),
        "hourly_mean_step": float(np.std(np.diff(np.nanmean(hours(values), axis=1)))),
        **{f"lag_{lag}": correlation(values[:-lag], values[lag:]) for lag in (1, 5, 15, 60, 240)},
    }


def statistics(recording: Recording) -> dict[str, float]:
    heart, breath = recording.heart_rate_bpm, recording.resp_rate_bpm
    lost = np.isnan(heart) | np.isnan(breath)
    return {
        **{f"hr_{name}": value for name, value in channel_statistics(heart).items()},
        **{f"rr_{name}": value for name, value in channel_statistics(breath).items()},
        "hr_with_rr": correlation(heart, breath),
        "hr_steps_with_rr_steps": correlation(np.diff(heart), np.diff(breath)),
        "missing_share": float(lost.mean()),
        "gaps_a_day": float((np.diff(lost.astype(int)) == 1).sum() * 1440 / len(lost)),
    }


@pytest.fixture(scope="module")
def cohort_statistics() -> list[dict[str, float]]:
    return [statistics(one) for one in synthetic_cohort(COHORT_SEED, PATIENTS, STAY_MIN, resolution_bpm=0.1)]


# A line a statistic: of p000020 (MIMIC-III, 1315 minutes), and of s00001 (MIMIC-II, 1936 minutes). The records are not here.
REAL_STAYS = """
hr_mean 78.57 56.32
hr_sd 3.573 3.72
hr_step_sd 1.496 2.663
hr_step_99th 6.674 9.734
hr_step_largest 18.5 24.4
hr_step_kurtosis 43.49 14.46
hr_step_lag_1 -0.2861 -0.2161
hr_same_as_before 0.6438 0.03875
hr_sd_within_hour 0.4686 2.63
hr_hourly_mean_step 2.175 1.94
hr_lag_1 0.9113 0.7215
hr_lag_5 0.8074 0.306
hr_lag_15 0.6653 0.2108
hr_lag_60 0.4865 0.1109
hr_lag_240 0.08337 0.01913
rr_mean 16.44 12.15
rr_sd 5.021 2.487
rr_step_sd 3.213 2.303
rr_step_99th 10.48 6.916
rr_step_largest 17 12.1
rr_step_kurtosis 6.248 4.668
rr_step_lag_1 -0.3194 -0.3188
rr_same_as_before 0.08181 0.02971
rr_sd_within_hour 2.803 2.052
rr_hourly_mean_step 4.205 1.073
rr_lag_1 0.7885 0.57
rr_lag_5 0.6448 0.3337
rr_lag_15 0.5618 0.268
rr_lag_60 0.2393 0.2323
rr_lag_240 -0.08674 0.1175
hr_with_rr -0.1668 0.4438
hr_steps_with_rr_steps 0.06352 0.2927
missing_share 0.03118 0.02428
gaps_a_day 15.33 3.719
"""
REAL = {name: tuple(map(float, values)) for name, *values in map(str.split, REAL_STAYS.split("\n")[1:-1])}


@pytest.mark.parametrize("stay", [0, 1])
def test_a_real_stay_is_an_ordinary_member_of_the_cohort(stay: int, cohort_statistics: list[dict[str, float]]) -> None:
    assert REAL.keys() == cohort_statistics[0].keys()
    outside = []
    for name, values in REAL.items():
        low, high = np.quantile([patient[name] for patient in cohort_statistics], [0.025, 0.975])
        if not low <= values[stay] <= high:
            outside.append(f"{name}: {values[stay]:.3f} outside {low:.3f}..{high:.3f}")
    # A member drawn from the cohort itself has one statistic in twenty outside, so 1.7 of 34; three is its 95 % point.
    assert len(outside) <= 3, outside


def test_levels_are_those_of_ninety_real_icu_stays(cohort_statistics: list[dict[str, float]]) -> None:
    # 10th, 50th and 90th percentile over the stays of CinC 2012 set A that chart HR and RR hourly
    for name, real, tolerance in (("hr_mean", [60.7, 84.2, 108.1], 9.0), ("rr_mean", [16.0, 19.6, 24.0], 4.0)):
        ours = np.quantile([patient[name] for patient in cohort_statistics], [0.1, 0.5, 0.9])
        np.testing.assert_allclose(ours, real, atol=tolerance)


def test_the_same_seed_gives_the_same_patient_alone_or_in_a_cohort() -> None:
    cohort = synthetic_cohort(3, 4, 300)
    alone = synthetic_recording(3, 2, 300)
    assert cohort[2].device_id == alone.device_id == "synthetic-3-0002"
    for name, values in cohort[2].channels().items():
        np.testing.assert_array_equal(values, alone.channels()[name])
    assert not np.array_equal(alone.heart_rate_bpm, synthetic_recording(4, 2, 300).heart_rate_bpm, equal_nan=True)
    assert not np.array_equal(alone.heart_rate_bpm, synthetic_recording(3, 1, 300).heart_rate_bpm, equal_nan=True)


def test_a_cohort_has_whole_number_and_tenths_monitors_and_values_on_their_grid() -> None:
    cohort = synthetic_cohort(1, 40, 200)
    assert {one.resolution_bpm for one in cohort} == {0.1, 1.0}
    for one in cohort:
        for values in one.channels().values():
            steps = values[~np.isnan(values)] / one.resolution_bpm
            np.testing.assert_allclose(steps, np.round(steps), atol=1e-6)
    assert {one.resolution_bpm for one in synthetic_cohort(1, 20, 60, resolution_bpm=1.0)} == {1.0}


def test_values_are_those_of_living_patients() -> None:
    for stay in synthetic_stays(9, 40, 3000, deteriorating_share=0.5):
        heart, breath = stay.recording.heart_rate_bpm, stay.recording.resp_rate_bpm
        assert 20 < np.nanquantile(heart, 0.001) <= np.nanquantile(heart, 0.999) < 240
        assert 3 <= np.nanquantile(breath, 0.01) <= np.nanquantile(breath, 0.999) < 70


def test_the_hour_of_day_moves_the_heart_rate() -> None:
    first = synthetic_recording(2, 0, 1440).heart_rate_bpm
    shifted = synthetic_recording(2, 0, 1440, first_event_minute=720).heart_rate_bpm
    assert not np.array_equal(first, shifted, equal_nan=True)


@pytest.mark.parametrize(
    ("kind", "heart_rises", "breath_rises"),
    [
        ("tachycardia", True, None),
        ("atrial-fibrillation", True, None),
        ("respiratory-failure", True, True),
        ("bradycardia", False, None),
        ("sepsis", True, True),
    ],
)
def test_deterioration_moves_the_vitals_its_way_while_it_lasts(
    kind: str, heart_rises: bool, breath_rises: bool | None
) -> None:
    rises = []
    for index in range(12):
        ill, well = (synthetic_stay(8, index, 6000, deterioration=name) for name in (kind, None))
        active = ill.deteriorating
        assert 0 < active.mean() < 0.8
        assert not well.deteriorating.any()
        rises.append(
            [
                np.nanmean(getattr(ill.recording, name)[active]) - np.nanmean(getattr(well.recording, name)[active])
                for name in ("heart_rate_bpm", "resp_rate_bpm")
            ]
        )
    heart, breath = np.median(rises, axis=0)
    assert (heart > 5) if heart_rises else (heart < -5)
    if breath_rises is not None:
        assert (breath > 2) is np.bool_(breath_rises)


def test_a_share_of_the_cohort_deteriorates_each_kind_in_turn() -> None:
    stays = synthetic_stays(5, 12, 4000, deteriorating_share=0.5)
    assert [stay.deteriorating.any() for stay in stays] == [True] * 6 + [False] * 6
    assert [stay.recording.origin.removeprefix("synthetic patient with ") for stay in stays[:5]] == list(DETERIORATIONS)


def test_wrong_wishes_are_refused() -> None:
    with pytest.raises(Misconfigured, match="the kinds are tachycardia, atrial-fibrillation"):
        synthetic_recording(0, 0, 100, deterioration="flu")
    with pytest.raises(Misconfigured, match="minutes >= 1"):
        synthetic_cohort(0, 1, 0)
    with pytest.raises(Misconfigured, match="seed >= 0"):
        synthetic_recording(-1, 0, 10)
