"""Find the population's statistics and thresholds on clean patients that no model has seen."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import msgspec
import numpy as np
from numpy.typing import NDArray

from detectors.bundle import Bundle, PopulationStats
from detectors.device_state import SUSPECT_ABOVE, VOTE_LIMIT
from detectors.preprocessing import Rows
from detectors.scoring.runtime import WindowScorer
from detectors.training.cohort import Stay
from detectors.training.fleet import Judged, false_rate, judge_enrolled, judge_enrolling, profile_after
from detectors.training.labelled_rows import Yardstick
from detectors.training.series import ENROLMENTS_MIN, rows_of

FALSE_EXCLUSIONS_A_WEEK: Final = 0.15  # the budget is .20; the margin is for patients that calibration did not meet
SUSPECTS_A_WEEK: Final = 0.45
GRID: Final = np.arange(0.0, 60.0, 0.05)

Report = Callable[[float, str], None]


@dataclass(frozen=True, slots=True)
class Model:
    """A scorer with the population statistics it is used with (see `detectors.scorer.TrainedModel`)."""

    scorer: WindowScorer
    population: PopulationStats
    bundle_sha: str = ""


@dataclass(frozen=True, slots=True)
class Calibration:
    """The statistics found, and how the calibration fleet fares under them."""

    population: PopulationStats
    metrics: Mapping[str, float | int]


def calibrate(
    autoencoder: Mapping[str, NDArray[np.float32]],
    classifier: Mapping[str, NDArray[np.float32]],
    measure: Yardstick,
    fleet: Sequence[Stay],
    report: Report,
) -> Calibration:
    """Return statistics under which clean devices are hardly ever excluded, before any attack is looked at.

    `measure` holds the population's scale and usual residuals. Blocks for a minute or so a hundred device-days.
    """
    start = _without_thresholds(measure)
    scorer = WindowScorer(Bundle(dict(autoencoder), dict(classifier), start, {}), buckets=(512,))
    rows = [rows_of(stay.recording) for stay in fleet]
    stats = _with_logit_scale(rows, Model(scorer, start))
    model = Model(scorer, stats)
    enrolling = [judge_enrolling(each, ENROLMENTS_MIN[-1], model) for each in rows]
    enrolled: dict[int, list[Judged]] = {length: [] for length in ENROLMENTS_MIN}
    for index, each in enumerate(rows):
        for length in ENROLMENTS_MIN:
            enrolled[length].append(judge_enrolled(each, profile_after(each, length, model), model))
        report((index + 1) / len(rows), f"{index + 1} of {len(rows)} devices judged")
    threshold = max(lowest_threshold(devices, SUSPECTS_A_WEEK) for devices in enrolled.values())
    enrolling_threshold = lowest_threshold(enrolling, np.inf)
    found = msgspec.structs.replace(stats, threshold=threshold, enrolling_threshold=enrolling_threshold)
    return Calibration(found, _metrics(found, enrolling, enrolled))


def lowest_threshold(fleet: Sequence[Judged], suspects_a_week: float) -> float:
    """Return the lowest threshold on the grid at which a clean fleet stays within both budgets, from there upwards."""

    def within(threshold: float) -> bool:
        return (
            false_rate(fleet, threshold, VOTE_LIMIT)[1] <= FALSE_EXCLUSIONS_A_WEEK
            and false_rate(fleet, threshold, SUSPECT_ABOVE)[1] <= suspects_a_week
        )

    low, high = 0, len(GRID) - 1
    while low < high:
        middle = (low + high) // 2
        low, high = (low, middle) if within(GRID[middle]) else (middle + 1, high)
    return round(float(GRID[low]), 4)


def _without_thresholds(measure: Yardstick) -> PopulationStats:
    return PopulationStats(
        median=_pair(measure.scale.median),
        scale=_pair(measure.scale.scale),
        residual_rms=_pair(measure.residual_rms),
        logit_mean=0.0,
        logit_sd=1.0,
        logit_sd_floor=1e-6,
        enrolling_threshold=-np.inf,
        threshold=-np.inf,
    )


def _with_logit_scale(rows: Sequence[Rows], model: Model) -> PopulationStats:
    """Add the logits' mean and sd over all enrolling devices, and half the typical sd within one as the floor."""
    logits = np.concatenate([judge_enrolling(each, ENROLMENTS_MIN[0], model).score for each in rows])
    within = [profile_after(each, ENROLMENTS_MIN[0], model).logit_sd for each in rows]
    return msgspec.structs.replace(
        model.population,
        logit_mean=float(logits.mean()),
        logit_sd=float(logits.std()),
        logit_sd_floor=float(np.median(within)) / 2,
    )


def _metrics(
    stats: PopulationStats, enrolling: Sequence[Judged], enrolled: Mapping[int, Sequence[Judged]]
) -> dict[str, float | int]:
    metrics: dict[str, float | int] = {"devices": len(enrolling)}
    for name, devices, threshold in (
        ("enrolling", enrolling, stats.enrolling_threshold),
        *((f"enrolled_{length}_min", devices, stats.threshold) for length, devices in enrolled.items()),
    ):
        episodes, rate = false_rate(devices, threshold, VOTE_LIMIT)
        metrics[f"{name}_false_exclusions"] = episodes
        metrics[f"{name}_false_exclusions_per_device_week"] = round(rate, 4)
        metrics[f"{name}_suspects_per_device_week"] = round(false_rate(devices, threshold, SUSPECT_ABOVE)[1], 4)
        metrics[f"{name}_device_days"] = round(sum(len(judged.event_minute) for judged in devices) / 1440, 1)
    return metrics


def _pair(values: NDArray[np.float64]) -> tuple[float, float]:
    return float(values[0]), float(values[1])
