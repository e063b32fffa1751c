"""What makes one synthetic patient differ from another: levels, variability, memory, and what the patient is treated with."""

from __future__ import annotations

import numpy as np

PACED_SHARE = 0.14
VENTILATED_SHARE = 0.18
CHRONIC_AF_SHARE = 0.05
WHOLE_NUMBER_SHARE = 0.25


class Traits:
    """One patient of the population, spread wide enough that real stays are ordinary members of it.

    Spreads are standard deviations, HR is in bpm, RR in breaths/min, memories in minutes.
    """

    def __init__(self, rng: np.random.Generator) -> None:
        def around(median: float, spread: float, low: float, high: float) -> float:
            return float(np.clip(median * np.exp(spread * rng.standard_normal()), low, high))

        self.heart_rate_bpm = float(np.clip(rng.normal(81, 18), 42, 130))
        self.resp_rate_bpm = around(17.5, 0.24, 9.5, 32)
        self.heart_rate_drift_bpm = around(2.8, 0.65, 0.6, 10)
        self.resp_rate_drift_bpm = around(1.7, 0.65, 0.3, 6)
        self.heart_rate_shift_bpm = around(2.6, 0.7, 0.4, 10)
        self.resp_rate_shift_bpm = around(1.8, 0.95, 0.2, 7)
        self.drift_memory_min = around(300, 0.7, 60, 1500)
        self.heart_rate_noise_bpm = around(1.1, 0.6, 0.2, 4)
        self.resp_rate_noise_bpm = around(2.0, 0.45, 0.5, 5)
        self.heart_rate_memory_min = around(7, 0.6, 1.5, 40)
        self.resp_rate_memory_min = around(4, 0.8, 1, 40)
        self.independent_share = float(rng.uniform(0.1, 0.75))
        self.tail_freedom = float(rng.uniform(4, 25))
        self.noise_swing = float(rng.uniform(0.05, 0.6))
        self.fast_coupling = float(rng.uniform(0.0, 0.6))
        self.slow_coupling = float(rng.uniform(-0.9, 0.85))
        self.circadian_bpm = float(rng.uniform(0, 5))
        self.night_calm = float(rng.uniform(0, 0.6))
        self.arousals_per_hour = around(1.3, 0.8, 0.1, 6)
        self.arousal_bpm = around(4.2, 0.65, 0.7, 14)
        self.arousal_fall_min = around(2.2, 0.5, 0.6, 8)
        self.arousal_breaths = around(1.8, 0.8, 0.2, 7)
        self.care_per_day = float(rng.uniform(3, 11))
        self.care_bpm = around(5, 0.65, 0.5, 16)
        self.care_breaths = around(2.0, 0.8, 0.2, 7)
        self.heart_shifts_per_day = float(rng.uniform(0.3, 4))
        self.breath_shifts_per_day = around(3.5, 0.9, 0.3, 18)
        self.gaps_per_day = around(6, 0.7, 0.5, 30)
        self.artefacts_per_day = around(3.5, 1.0, 0.2, 30)
        self.pulse_missing_share = float(rng.uniform(0.05, 0.6))
        self.paced = bool(rng.random() < PACED_SHARE)
        self.ventilated = bool(rng.random() < VENTILATED_SHARE)
        self.fibrillating = bool(rng.random() < CHRONIC_AF_SHARE)
        self.whole_numbers = bool(rng.random() < WHOLE_NUMBER_SHARE)
