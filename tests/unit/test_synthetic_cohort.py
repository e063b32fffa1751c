"""The synthetic cohort is reproducible, and real stays look like ordinary members of it."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from contracts.errors import Misconfigured
from replay.recording import Recording
from replay.sources.shipped import shipped_recordings
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


@pytest.mark.parametrize("device_id", ["p000020", "s00001"])
def test_a_real_stay_is_an_ordinary_member_of_the_cohort(
    device_id: str, cohort_statistics: list[dict[str, float]]
) -> None:
    (real,) = (statistics(one) for one in shipped_recordings() if one.device_id == device_id)
    outside = []
    for name, value in real.items():
        low, high = np.quantile([patient[name] for patient in cohort_statistics], [0.025, 0.975])
        if not low <= value <= high:
            outside.append(f"{name}: {value:.3f} outside {low:.3f}..{high:.3f}")
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
