"""What an enrolment says of a device, in 27 numbers: the network's widths rest on them alone."""

from __future__ import annotations

from typing import Final

import numpy as np

from detectors.array_types import Floats, Floats32

HOUR_MIN: Final = 60
QUANTILES: Final = (0.05, 0.25, 0.75, 0.95)
_LEAST_MINUTES: Final = 2
_LEAST_STEP_SD: Final = 0.02
_LEAST_HOUR_SD: Final = 0.03
_LEAST_VARIANCE: Final = 1e-4


def context_of(
    z: Floats, e1: Floats, residual_size: Floats, scale: Floats, unchanged_share: Floats, grid_bpm: Floats
) -> Floats32:
    """Return float32[27] from the n >= 1 minutes of an enrolment.

    `z` float[n, 2] scaled values, `e1` float[n, 2] what the two next minutes leave unexplained, `residual_size`
    float[3, 2] the sizes of the residuals at lags 1, 6 and 16 (scaled units), `scale` and `grid_bpm` float[2]
    in bpm and breaths/min, `unchanged_share` float[2].
    """
    step = np.diff(z, axis=0) if len(z) > _LEAST_MINUTES else np.zeros((_LEAST_MINUTES, z.shape[1]))
    own = [
        np.log(scale),
        np.log(residual_size[0]),
        np.log(residual_size[1]),
        np.log(step.std(axis=0) + _LEAST_STEP_SD),
        unchanged_share,
        np.log(grid_bpm / scale),
        np.log(_hourly_means(z).std(axis=0) + _LEAST_HOUR_SD),
        (step[1:] * step[:-1]).mean(axis=0) / (step.var(axis=0) + _LEAST_VARIANCE),
        np.quantile(np.abs(e1), 0.9, axis=0) / residual_size[0],
        *np.quantile(z, QUANTILES, axis=0),
    ]
    coupling = step.prod(axis=1).mean() / (step.std(axis=0).prod() + _LEAST_VARIANCE)
    return np.concatenate([*own, [coupling]]).astype(np.float32)


def _hourly_means(z: Floats) -> Floats:
    """Return float[hours, 2] of the whole hours. Of less than one hour its single mean."""
    hours = len(z) // HOUR_MIN
    whole = z[: hours * HOUR_MIN].reshape(hours, HOUR_MIN, -1) if hours else z[None]
    means: Floats = whole.mean(axis=1)
    return means
