"""Features in a device's own terms: how far each lies from what the device's enrolment lets one expect.

r = (f - mu - w (M_i - am)) / sc_i: M_i is the device's mean over its enrolment, am the population's mean of those, mu the
population's mean afterwards, w how much of M_i carries over (0: nothing, 1: all), sc_i the spread to expect: an ordinary
device's times (v_i / v)^(s/2), v_i the variance within the device's enrolment, v an ordinary device's, s how much of that carries
over, learnt as w is.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]

LEAST_RATIO: Final = 0.02
LARGEST_RATIO: Final = 50.0
FEWEST_WINDOWS: Final = 20
FLOOR: Final = 1e-3


@dataclass(frozen=True, slots=True)
class Expectations:
    """What the population lets one expect of F features after an enrolment of one length; float32[F] each.

    `mean` is mu, `anchor` am, `carried` w. `spread` is an ordinary device's deviation from the expected value and
    `enrolment_variance` its variance within the enrolment (medians over devices); `own_share` is s; `wide_spread` is the deviation
    over all devices, odd ones included, and `population_spread` the deviation from mu of a device that has no profile.
    """

    mean: Floats
    anchor: Floats
    carried: Floats
    spread: Floats
    enrolment_variance: Floats
    own_share: Floats
    wide_spread: Floats
    population_spread: Floats

    def of_population(self) -> tuple[Floats, Floats]:
        """Return (centre, spread) of a device without a profile."""
        return self.mean, self.population_spread

    def of_device(self, enrolment: Floats, flat: NDArray[np.bool_]) -> tuple[Floats, Floats]:
        """Return (centre, spread), float32[F] each, learnt from enrolment windows float32[n, F], NaN = not known.

        A feature known in fewer than 20 windows keeps what the population expects. `flat` bool[F] tells the features of a
        channel that stood still for most of the enrolment (paced, ventilated): such an hour says little about the next, so
        they get the wide spread.
        """
        known = np.isfinite(enrolment)
        count = known.sum(axis=0)
        enough = count >= FEWEST_WINDOWS
        values = np.where(known, enrolment, 0).astype(np.float64)
        own_mean = values.sum(axis=0) / np.maximum(count, 1)
        own_variance = np.square(np.where(known, enrolment - own_mean, 0)).sum(axis=0) / np.maximum(count, 1)
        spread = self.spread * np.exp(self.own_share / 2 * _log_ratio(own_variance, self.enrolment_variance))
        spread = np.where(flat, np.maximum(self.wide_spread, spread), spread)
        centre = self.mean + self.carried * (own_mean - self.anchor)
        return (
            np.where(enough, centre, self.mean).astype(np.float32),
            np.where(enough, spread, self.population_spread).astype(np.float32),
        )


def fit_expectations(enrolments: Sequence[Floats], afterwards: Sequence[Floats]) -> Expectations:
    """Learn what to expect from reference devices: enrolment windows and later clean windows, float32[n, F] a device."""
    first = np.stack([np.nanmean(windows, axis=0, dtype=np.float64) for windows in enrolments])
    later = np.stack([np.nanmean(windows, axis=0, dtype=np.float64) for windows in afterwards])
    variances = np.stack([np.nanvar(windows, axis=0, dtype=np.float64) for windows in enrolments])
    variance = np.maximum(np.median(variances, axis=0), FLOOR**2)
    anchor, mean = first.mean(axis=0), later.mean(axis=0)
    carried = _slope(first - anchor, later - mean)
    expected = mean + carried * (first - anchor)
    deviation = np.stack(
        [np.nanmean(np.square(windows - centre), axis=0) for windows, centre in zip(afterwards, expected, strict=True)]
    )
    usual = np.square(np.sqrt(np.median(deviation, axis=0)) + FLOOR)
    own, afterwards_own = _log_ratio(variances, variance), _log_ratio(deviation, usual)
    total = np.mean([np.nanmean(np.square(windows - mean), axis=0) for windows in afterwards], axis=0)
    arrays = (
        mean,
        anchor,
        carried,
        np.sqrt(usual),
        variance,
        _slope(own - own.mean(axis=0), afterwards_own - afterwards_own.mean(axis=0)),
        np.sqrt(deviation.mean(axis=0)) + FLOOR,
        np.sqrt(total) + FLOOR,
    )
    return Expectations(*(array.astype(np.float32) for array in arrays))


def _log_ratio(variance: NDArray[np.floating], usual: NDArray[np.floating]) -> NDArray[np.float64]:
    """The logarithm of a variance in units of the usual one, limited."""
    limited: NDArray[np.float64] = np.log(np.clip(variance / usual, LEAST_RATIO, LARGEST_RATIO))
    return limited


def _slope(first: NDArray[np.float64], later: NDArray[np.float64]) -> NDArray[np.float64]:
    """The regression of later means on enrolment means, 0..1, devices beyond three standard deviations pulled in."""
    limit = 3 * first.std(axis=0)
    first = np.clip(first, -limit, limit)
    slope = (first * later).sum(axis=0) / np.maximum(np.square(first).sum(axis=0), 1e-9)
    limited: NDArray[np.float64] = np.clip(slope, 0.0, 1.0)
    return limited
