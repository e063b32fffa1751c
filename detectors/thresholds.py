"""A device's own scale and threshold: the population's while it enrols, then frozen from its enrolment rows."""

from __future__ import annotations

from typing import Final, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from contracts.verdicts import DeviceProfile
from detectors.bundle import PopulationStats
from detectors.preprocessing import Rows, cut_windows, robust_scale, scaled, usable_window_ends
from detectors.scorer import Scorer, Scores, TrainedModel

OWN_QUANTILE: Final = 0.995
FEWEST_WINDOWS: Final = 30


class Yardstick(NamedTuple):
    """What a device's windows are measured with now: scale of the vitals, usual residuals, scale and limit of the score."""

    median: tuple[float, float]
    scale: tuple[float, float]
    residual_rms: tuple[float, float]
    logit_mean: float
    logit_sd: float
    threshold: float

    def score(self, logit: float) -> float:
        """Return the anomaly score z of a window: its logit in standard deviations above the usual."""
        return (logit - self.logit_mean) / self.logit_sd


def yardstick(profile: DeviceProfile | None, population: PopulationStats) -> Yardstick:
    """Return a device's yardstick: its profile, or the population while it has none."""
    if profile is None:
        stats = population
        return Yardstick(
            stats.median, stats.scale, stats.residual_rms, stats.logit_mean, stats.logit_sd, stats.enrolling_threshold
        )
    return Yardstick(
        profile.median, profile.scale, profile.residual_rms, profile.logit_mean, profile.logit_sd, profile.threshold
    )


def freeze_profile(rows: Rows, model: TrainedModel) -> DeviceProfile:
    """Return the profile learnt from enrolment rows (at least one); two scorer calls over their windows.

    The threshold is the device's own 99.5 % quantile, but never below the population's: a device that was poisoned
    from its first minute does not teach us that poison is normal. With fewer than 30 usable windows only the scale of
    the vitals is the device's own.
    """
    median, scale = robust_scale(rows.values)
    residual_rms, logit_mean, logit_sd, threshold = _usual_scores(rows, median, scale, model)
    return DeviceProfile(
        median=_pair(median),
        scale=_pair(scale),
        residual_rms=residual_rms,
        logit_mean=logit_mean,
        logit_sd=logit_sd,
        threshold=threshold,
        first_event_minute=int(rows.event_minute[0]),
        last_event_minute=int(rows.event_minute[-1]),
        bundle_sha=model.bundle_sha,
    )


def _usual_scores(
    rows: Rows, median: NDArray[np.float64], scale: NDArray[np.float64], model: TrainedModel
) -> tuple[tuple[float, float], float, float, float]:
    population = model.population
    windows, event_minute = cut_windows(rows, usable_window_ends(rows))
    if len(windows) < FEWEST_WINDOWS:
        return population.residual_rms, population.logit_mean, population.logit_sd, population.threshold
    window_z = scaled(windows, median, scale)
    first_pass = _score(model.scorer, window_z, event_minute, population.residual_rms)
    residual_rms = _pair(np.sqrt(first_pass.mean_squared_residual.astype(np.float64).mean(axis=0)))
    logit = _score(model.scorer, window_z, event_minute, residual_rms).logit.astype(np.float64)
    mean, sd = float(logit.mean()), max(float(logit.std()), population.logit_sd_floor)
    own_quantile = (float(np.quantile(logit, OWN_QUANTILE)) - mean) / sd
    return residual_rms, mean, sd, max(own_quantile, population.threshold)


def _score(
    scorer: Scorer, window_z: NDArray[np.float32], event_minute: NDArray[np.int64], residual_rms: ArrayLike
) -> Scores:
    each = np.broadcast_to(np.asarray(residual_rms, np.float32), (len(window_z), 2))
    return scorer.score(window_z, event_minute, each)


def _pair(values: NDArray[np.float64]) -> tuple[float, float]:
    return float(values[0]), float(values[1])
