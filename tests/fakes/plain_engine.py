"""The real engine with a model that anyone can compute: no TensorFlow, and yet every transition can happen."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from contracts.settings import Settings
from detectors.bundle import PopulationStats
from detectors.tracks import DeviceTracks

BUNDLE_SHA = "5" * 64


@dataclass(frozen=True)
class PlainScores:
    mean_squared_residual: np.ndarray
    logit: np.ndarray


class PlainScorer:
    """The logit is how fast the heart beats over the hour, so that the whole history of a window matters."""

    def score(self, window_z, event_minute, residual_rms):
        z = np.asarray(window_z, np.float32)
        weights = np.linspace(0.5, 1.5, z.shape[1], dtype=np.float32)
        return PlainScores((z**2).mean(axis=1), (z[:, :, 0] * weights).mean(axis=1) - 4.0)


class PlainModel:
    bundle_sha = BUNDLE_SHA
    scorer = PlainScorer()
    population = PopulationStats(
        median=(84.0, 18.0),
        scale=(14.0, 4.0),
        residual_rms=(0.4, 0.5),
        logit_mean=-4.0,
        logit_sd=1.0,
        logit_sd_floor=0.5,
        enrolling_threshold=2.5,
        threshold=2.5,
    )


class PlainEngine(DeviceTracks):
    bundle_sha = BUNDLE_SHA

    def __init__(self, settings: Settings) -> None:
        super().__init__(
            PlainModel(), enrolment_min=settings.enrolment_min, max_invalid_in_row=settings.max_invalid_in_row
        )
