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
    start = _before_calibration(measure)
    model = Model(WindowScorer(Bundle(dict(autoencoder), dict(classifier), start, {}), buckets=(512,)), start)
    enrolling: list[Judged] = []
    enrolled: dict[int, list[Judged]] = {length: [] for length in ENROLMENTS_MIN}
    own_sd: dict[int, list[float]] = {length: [] for length in ENROLMENTS_MIN}
    for index, stay in enumerate(fleet):
        rows = rows_of(stay.recording)
        enrolling.append(judge_enrolling(rows, ENROLMENTS_MIN[-1], model))
        for length in ENROLMENTS_MIN:
            profile = profile_after(rows, length, model)
            enrolled[length].append(judge_enrolled(rows, profile, model))
            own_sd[length].append(profile.logit_sd)
        report((index + 1) / len(fleet), f"{index + 1} of {len(fleet)} devices judged")
    return _calibrated(start, enrolling, enrolled, own_sd)


def _calibrated(
    start: PopulationStats,
    enrolling: Sequence[Judged],
    enrolled: Mapping[int, Sequence[Judged]],
    own_sd: Mapping[int, Sequence[float]],
) -> Calibration:
    """Find the scales of the scores, put the judged devices on them, then find the thresholds."""
    floor = _logit_sd_floor(enrolled[ENROLMENTS_MIN[0]], own_sd[ENROLMENTS_MIN[0]])
    scaled = {
        length: [judged.rescaled(0.0, max(sd, floor) / sd) for judged, sd in zip(devices, own_sd[length], strict=True)]
        for length, devices in enrolled.items()
    }
    logits = np.concatenate([judged.score for judged in enrolling])
    mean, sd = float(logits.mean()), float(logits.std())
    anchored = [judged.rescaled(mean, sd) for judged in enrolling]
    found = msgspec.structs.replace(
        start,
        logit_mean=mean,
        logit_sd=sd,
        logit_sd_floor=floor,
        threshold=max(lowest_threshold(devices, SUSPECTS_A_WEEK) for devices in scaled.values()),
        enrolling_threshold=lowest_threshold(anchored, np.inf),
    )
    return Calibration(found, _metrics(found, anchored, scaled))


def _logit_sd_floor(enrolled: Sequence[Judged], own_sd: Sequence[float]) -> float:
    """Return the spread of all devices' logits after enrolment about their enrolment means.

    A device that was calm for ten hours must not be blamed for becoming an ordinary one.
    """
    after = np.concatenate([judged.score * sd for judged, sd in zip(enrolled, own_sd, strict=True)])
    return float(np.sqrt(np.mean(after**2)))


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


def _before_calibration(measure: Yardstick) -> PopulationStats:
    """Statistics under which a score is a bare logit and nothing but a device's own quantile is a threshold."""
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
