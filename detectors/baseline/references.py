"""How far a decision lies from what its device's own past foretells, in the spread that reference devices showed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from detectors.array_types import Floats
from detectors.baseline.own_past import OwnPast

LARGEST_R: Final = 25.0
FEW: Final = 24
"""Below so many windows the device's own sd is shrunk to the references', which weighs as 16 windows: without it,
devices enrolled for 3 h gave 90 false exclusions in 3.9 weeks, with it 2."""
SHRINK: Final = 16


@dataclass(frozen=True, slots=True)
class Standardisation:
    """r = (f - mean - slope (M - own_mean)) / s(V), fitted on the days of reference devices. Each is float64[C].

    M and V are the mean and sd of the device's own past; log s = log_sd + sd_slope (log V - own_log_sd).
    `own_sd` is the references' mean V, `own_variance` their mean V^2, `between_sd` how far reference devices' M lie apart.
    """

    mean: Floats
    own_mean: Floats
    slope: Floats
    own_sd: Floats
    own_variance: Floats
    own_log_sd: Floats
    log_sd: Floats
    sd_slope: Floats
    between_sd: Floats

    def of(self, values: Floats, past: OwnPast) -> Floats:
        """Return r float64[R, C], clipped to +-25, of values float64[R, C]."""
        own = np.sqrt((past.decisions * past.sd**2 + SHRINK * self.own_variance) / (past.decisions + SHRINK))
        sd = np.where(past.decisions < FEW, own, past.sd)
        spread = np.exp(self.log_sd + self.sd_slope * (self.log_of(sd) - self.own_log_sd))
        expected = self.mean + self.slope * (past.mean - self.own_mean)
        return np.clip((values - expected) / spread, -LARGEST_R, LARGEST_R)

    def log_of(self, sd: Floats) -> Floats:
        """Return log V with the floor that keeps a constant past from counting as endless precision."""
        return np.asarray(np.log(sd + 0.03 * self.own_sd + 1e-6))
