"""Find the maps to the common scale and the thresholds on clean devices that no network has seen, before any attack is looked at."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from detectors.common_scale import Series, fit_common_scale
from detectors.knowledge import Situation
from detectors.scorer import SCORED_KINDS
from detectors.training.judging import Judged, false_rate, judge, weeks_of
from detectors.training.traces import Trace

Floats = NDArray[np.float32]

FALSE_EXCLUSIONS_A_WEEK: Final = 0.13  # the budget is .20; the margin is for patients that calibration did not meet
LOWEST_THRESHOLD: Final = -1.0
HIGHEST_THRESHOLD: Final = 8.0
PRECISION: Final = 0.01
LEAST_THRESHOLD: Final = 0.05  # guards are measured in thresholds, so it must lie above zero


@dataclass(frozen=True, slots=True)
class Calibrated:
    """The situation found, and how its own fleet fares in it."""

    situation: Situation
    fleet: Sequence[Judged]


def calibrate(traces: Sequence[Trace], raws: Sequence[Floats], budget: float = FALSE_EXCLUSIONS_A_WEEK) -> Calibrated:
    """Return the situation under which these clean devices are excluded at most `budget` times a device-week."""
    scales = {}
    for place, kind in enumerate(SCORED_KINDS):
        series = [Series(trace.block, raw[:, place]) for trace, raw in zip(traces, raws, strict=True)]
        scales[kind] = fit_common_scale(series, kind)
    fleet = [judge(trace, raw, scales) for trace, raw in zip(traces, raws, strict=True)]
    return Calibrated(Situation(scales, lowest_threshold(fleet, budget)), fleet)


def lowest_threshold(fleet: Sequence[Judged], budget: float, kinds: Sequence[str] = SCORED_KINDS) -> float:
    """Return the lowest threshold on the common scale at which a clean fleet stays within the budget."""
    low, high = LOWEST_THRESHOLD, HIGHEST_THRESHOLD
    while high - low > PRECISION:
        middle = (low + high) / 2
        low, high = (low, middle) if false_rate(fleet, middle, kinds) <= budget else (middle, high)
    return max(round(high, 3), LEAST_THRESHOLD)


def summary(fleet: Sequence[Judged], threshold: float) -> Mapping[str, float | int]:
    """Return what there is to say of a clean fleet: devices, device-weeks, exclusions, their rate, devices with any."""
    episodes = np.array([one.episodes(threshold) for one in fleet])
    weeks = weeks_of(fleet)
    return {
        "devices": len(fleet),
        "device_weeks": round(weeks, 2),
        "episodes": int(episodes.sum()),
        "per_device_week": round(float(episodes.sum()) / max(weeks, 1e-9), 4),
        "devices_with_any": int((episodes > 0).sum()),
    }
