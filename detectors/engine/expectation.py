"""What the network expects of a device's minutes, for people to look at."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from contracts.verdicts import DeviceProfile
from detectors.engine.model import profile_from
from detectors.minutes.cleaning import clean
from detectors.minutes.windows import FIRST_MIN, STEP_MIN, WINDOW_MIN
from detectors.network.runtime import DensityNetwork
from detectors.statistics.windows import WINDOW, rows_of_stream
from detectors.types import Floats, Ints


def expected_minutes(
    network: DensityNetwork,
    profile: DeviceProfile,
    first_event_minute: int,
    heart_rate_bpm: ArrayLike,
    resp_rate_bpm: ArrayLike,
) -> tuple[Ints, Floats]:
    """Return (event minutes int64[n], float64[n, 2] in bpm and breaths/min) of the minutes that lie in a decision's block.

    Arguments as of `minutes.cleaning.clean`; the network sees 7 minutes more on the late side, so the last minutes have none.
    """
    minutes = clean(first_event_minute, heart_rate_bpm, resp_rate_bpm)
    if len(minutes) < WINDOW_MIN:
        return np.empty(0, np.int64), np.empty((0, 2))
    rows = rows_of_stream(minutes.values, minutes.weight, profile_from(profile))
    z = network.expected(
        np.ascontiguousarray(rows.z[:, WINDOW], np.float32),
        np.ascontiguousarray(rows.weight[:, WINDOW], np.float32),
        np.ascontiguousarray(rows.context, np.float32),
    )
    at = STEP_MIN * rows.decision[:, None] + np.arange(FIRST_MIN, FIRST_MIN + STEP_MIN)
    expected = z.astype(np.float64) * np.array(profile.scale) + np.array(profile.median)
    return minutes.event_minute[at.ravel()], expected.reshape(-1, 2)
