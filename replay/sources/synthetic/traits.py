"""What makes one synthetic patient differ from another: levels, variability, memory, and what the patient is treated with."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

PACED_SHARE = 0.14
VENTILATED_SHARE = 0.18
CHRONIC_AF_SHARE = 0.05
WHOLE_NUMBER_SHARE = 0.25


@dataclass(frozen=True, slots=True)
class Traits:
    """One patient. Spreads are standard deviations, HR is in bpm, RR in breaths/min, memories in minutes."""

    heart_rate_bpm: float
    resp_rate_bpm: float
    heart_rate_drift_bpm: float
    resp_rate_drift_bpm: float
    heart_rate_shift_bpm: float
    resp_rate_shift_bpm: float
    drift_memory_min: float
    heart_rate_noise_bpm: float
    resp_rate_noise_bpm: float
    heart_rate_memory_min: float
    resp_rate_memory_min: float
    independent_share: float
    tail_freedom: float
    noise_swing: float
    fast_coupling: float
    slow_coupling: float
    circadian_bpm: float
    night_calm: float
    arousals_per_hour: float
    arousal_bpm: float
    arousal_fall_min: float
    arousal_breaths: float
    care_per_day: float
    care_bpm: float
    care_breaths: float
    heart_shifts_per_day: float
    breath_shifts_per_day: float
    gaps_per_day: float
    artefacts_per_day: float
    pulse_missing_share: float
    paced: bool
    ventilated: bool
    fibrillating: bool
    whole_numbers: bool


def draw_traits(rng: np.random.Generator) -> Traits:
    """Return one patient of the population, spread wide enough that real stays are ordinary members of it."""

    def around(median: float, spread: float, low: float, high: float) -> float:
        return float(np.clip(median * np.exp(spread * rng.standard_normal()), low, high))

    return Traits(
        heart_rate_bpm=float(np.clip(rng.normal(81, 18), 42, 130)),
        resp_rate_bpm=around(17.5, 0.24, 9.5, 32),
        heart_rate_drift_bpm=around(2.8, 0.65, 0.6, 10),
        resp_rate_drift_bpm=around(1.7, 0.65, 0.3, 6),
        heart_rate_shift_bpm=around(2.6, 0.7, 0.4, 10),
        resp_rate_shift_bpm=around(1.8, 0.95, 0.2, 7),
        drift_memory_min=around(300, 0.7, 60, 1500),
        heart_rate_noise_bpm=around(1.1, 0.6, 0.2, 4),
        resp_rate_noise_bpm=around(2.0, 0.45, 0.5, 5),
        heart_rate_memory_min=around(7, 0.6, 1.5, 40),
        resp_rate_memory_min=around(4, 0.8, 1, 40),
        independent_share=float(rng.uniform(0.1, 0.75)),
        tail_freedom=float(rng.uniform(4, 25)),
        noise_swing=float(rng.uniform(0.05, 0.6)),
        fast_coupling=float(rng.uniform(0.0, 0.6)),
        slow_coupling=float(rng.uniform(-0.9, 0.85)),
        circadian_bpm=float(rng.uniform(0, 5)),
        night_calm=float(rng.uniform(0, 0.6)),
        arousals_per_hour=around(1.3, 0.8, 0.1, 6),
        arousal_bpm=around(4.2, 0.65, 0.7, 14),
        arousal_fall_min=around(2.2, 0.5, 0.6, 8),
        arousal_breaths=around(1.8, 0.8, 0.2, 7),
        care_per_day=float(rng.uniform(3, 11)),
        care_bpm=around(5, 0.65, 0.5, 16),
        care_breaths=around(2.0, 0.8, 0.2, 7),
        heart_shifts_per_day=float(rng.uniform(0.3, 4)),
        breath_shifts_per_day=around(3.5, 0.9, 0.3, 18),
        gaps_per_day=around(6, 0.7, 0.5, 30),
        artefacts_per_day=around(3.5, 1.0, 0.2, 30),
        pulse_missing_share=float(rng.uniform(0.05, 0.6)),
        paced=bool(rng.random() < PACED_SHARE),
        ventilated=bool(rng.random() < VENTILATED_SHARE),
        fibrillating=bool(rng.random() < CHRONIC_AF_SHARE),
        whole_numbers=bool(rng.random() < WHOLE_NUMBER_SHARE),
    )
