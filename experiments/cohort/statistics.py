"""What one recording looks like in numbers: levels, variability, memory, coupling, gaps and artefacts, and how they are called."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from detectors.minutes.cleaning import HIGHEST, LOWEST

Values = NDArray[np.float64]

CHANNELS: Final = ("hr", "rr")
LAGS_MIN: Final = (1, 5, 15, 60, 240)
LAGS_H: Final = (1, 4, 12)
LEAST_VALUES: Final = 5  # fewer say nothing about a spread
LEAST_PAIRS: Final = 12  # fewer say nothing about a correlation
LEAST_FOR_TAILS: Final = 30  # fewer say nothing about a kurtosis
SHORTEST_FOR_GAPS_MIN: Final = 360  # a rate per day from a shorter recording is mostly zero or absurd
DAY_MIN: Final = 1440
_FLOAT_NOISE: Final = 1e-6


def minute_statistics(heart_rate_bpm: Values, resp_rate_bpm: Values) -> dict[str, float]:
    """Return the statistics of `MINUTE` for float64[minutes], NaN = missing.

    Artefacts (outside the detector's bounds) are counted and then left out. A statistic that the recording is too
    short or too constant for is NaN.
    """
    raw = (heart_rate_bpm, resp_rate_bpm)
    clean = tuple(without_artefacts(values, channel) for channel, values in enumerate(raw))
    by_name: dict[str, float] = {}
    for channel, name in enumerate(CHANNELS):
        values = clean[channel]
        by_name |= {f"{name}_{key}": value for key, value in _shape(values).items()}
        by_name |= {f"{name}_autocorrelation_{lag}_min": autocorrelation(values, lag) for lag in LAGS_MIN}
        by_name[f"{name}_whole_share"] = whole_share(values)
        by_name |= {f"{name}_{key}": value for key, value in _losses(raw[channel], channel).items()}
    by_name["level_correlation"] = correlation(hourly_means(clean[0]), hourly_means(clean[1]))
    by_name["step_correlation"] = correlation(np.diff(clean[0]), np.diff(clean[1]))
    return by_name


def hourly_statistics(heart_rate_bpm: Values, resp_rate_bpm: Values) -> dict[str, float]:
    """Return the statistics of `HOURLY` for charted float64[minutes], NaN = missing."""
    heart, breath = hourly_values(heart_rate_bpm, resp_rate_bpm)
    by_name: dict[str, float] = {}
    for name, values in zip(CHANNELS, (heart, breath), strict=True):
        by_name |= {f"{name}_{key}": value for key, value in _shape(values).items()}
        by_name |= {f"{name}_autocorrelation_{lag}_h": autocorrelation(values, lag) for lag in LAGS_H}
    by_name["level_correlation"] = correlation(heart, breath)
    by_name["step_correlation"] = correlation(np.diff(heart), np.diff(breath))
    return by_name


def without_artefacts(values: Values, channel: int) -> Values:
    """Return a copy in which values outside the detector's bounds of channel 0 (HR) or 1 (RR) are missing."""
    inside = (values >= LOWEST[channel]) & (values <= HIGHEST[channel])
    return np.where(inside, values, np.nan)


def hourly_values(heart_rate_bpm: Values, resp_rate_bpm: Values) -> tuple[Values, Values]:
    """Return a charted recording's values at one minute of every hour. float64[hours] each, NaN = none.

    Between what was charted, a recording holds straight lines, which vary less. So the minute of the hour is taken at
    which the values differ most from hour to hour (the product of both channels' variances): there most were charted.
    """
    both = (heart_rate_bpm, resp_rate_bpm)
    varied = [float(np.prod([_variance(np.diff(values[minute::60])) for values in both])) for minute in range(60)]
    chosen = int(np.argmax(varied))
    return heart_rate_bpm[chosen::60], resp_rate_bpm[chosen::60]


def hourly_means(values: Values) -> Values:
    """Return the mean of each hour with at least 30 measured minutes, NaN for the others. float64[whole hours]."""
    hours = values[: len(values) // 60 * 60].reshape(-1, 60)
    known = ~np.isnan(hours)
    count = known.sum(axis=1)
    total = np.where(known, hours, 0.0).sum(axis=1)
    return np.where(count >= 30, total / np.maximum(count, 1), np.nan)


def autocorrelation(values: Values, lag: int) -> float:
    """Return the correlation of the values with those `lag` later, over the pairs that are both measured."""
    return correlation(values[:-lag], values[lag:])


def correlation(first: Values, second: Values) -> float:
    """Return Pearson's correlation over the pairs without NaN. NaN below 12 pairs or where a side is constant."""
    both = ~np.isnan(first) & ~np.isnan(second)
    if both.sum() < LEAST_PAIRS:
        return float("nan")
    a, b = (side[both] - side[both].mean() for side in (first, second))
    spread = float(np.sqrt((a**2).sum() * (b**2).sum()))
    return float((a * b).sum() / spread) if spread > _FLOAT_NOISE else float("nan")


def kurtosis(values: Values) -> float:
    """Return the fourth standardised moment (3 for a normal distribution), NaN for fewer than 30 or equal values."""
    known = values[~np.isnan(values)]
    if len(known) < LEAST_FOR_TAILS or known.std() < _FLOAT_NOISE:
        return float("nan")
    return float(np.mean((known - known.mean()) ** 4) / known.var() ** 2)


def whole_share(values: Values) -> float:
    """Return the share of measured values that are whole numbers."""
    known = values[~np.isnan(values)]
    return _mean(np.abs(known - np.round(known)) < _FLOAT_NOISE)


def gap_lengths(values: Values) -> NDArray[np.int64]:
    """Return the length in minutes of every run of missing values, in order."""
    edges = np.diff(np.concatenate([[False], np.isnan(values), [False]]).astype(np.int8))
    return (np.flatnonzero(edges == -1) - np.flatnonzero(edges == 1)).astype(np.int64)


def _shape(values: Values) -> dict[str, float]:
    """Level and spread of the values, and spread, tails and zeros of their differences."""
    known, differences = values[~np.isnan(values)], np.diff(values)
    differences = differences[~np.isnan(differences)]
    return {
        "mean": _mean(known),
        "within_sd": float(known.std()) if len(known) >= LEAST_VALUES else float("nan"),
        "step_sd": float(differences.std()) if len(differences) >= LEAST_VALUES else float("nan"),
        "step_kurtosis": kurtosis(differences),
        "zero_step_share": _mean(np.abs(differences) < _FLOAT_NOISE),
    }


def _losses(raw: Values, channel: int) -> dict[str, float]:
    """What is missing or wrong. Only the missing share says anything about a recording shorter than six hours."""
    gaps = gap_lengths(raw)
    artefacts = ~np.isnan(raw) & np.isnan(without_artefacts(raw, channel))
    long = len(raw) >= SHORTEST_FOR_GAPS_MIN
    days = len(raw) / DAY_MIN if long else float("nan")
    return {
        "missing_share": _mean(np.isnan(raw)),
        "gaps_per_day": len(gaps) / days,
        "gap_median_min": float(np.median(gaps)) if long and len(gaps) else float("nan"),
        "gap_longest_min": float(gaps.max()) if long and len(gaps) else float("nan"),
        "artefacts_per_day": float(artefacts.sum()) / days,
    }


def _variance(values: Values) -> float:
    known = values[~np.isnan(values)]
    return float(known.var()) if len(known) >= LEAST_VALUES else 0.0


def _mean(values: NDArray[np.float64] | NDArray[np.bool_]) -> float:
    return float(values.mean()) if len(values) >= LEAST_VALUES else float("nan")


@dataclass(frozen=True, slots=True)
class Statistic:
    """One number per recording. `name` is its key, `unit` empty for a pure number, `log_axis` for a long tail."""

    name: str
    label: str
    unit: str = ""
    log_axis: bool = False

    @property
    def axis(self) -> str:
        """The label with its unit."""
        return f"{self.label} ({self.unit})" if self.unit else self.label


_UNIT: Final = {"hr": "bpm", "rr": "breaths/min"}


def _shape_statistics(channel: str, interval: str) -> tuple[Statistic, ...]:
    shown, unit = channel.upper(), _UNIT[channel]
    return (
        Statistic(f"{channel}_mean", f"{shown}: mean of the stay", unit),
        Statistic(f"{channel}_within_sd", f"{shown}: sd within the stay", unit, log_axis=True),
        Statistic(f"{channel}_step_sd", f"{shown}: sd of {interval} differences", unit, log_axis=True),
        Statistic(f"{channel}_step_kurtosis", f"{shown}: kurtosis of differences (normal: 3)", log_axis=True),
        Statistic(f"{channel}_zero_step_share", f"{shown}: share of zero differences"),
    )


def _memory_statistics(channel: str, lags: tuple[int, ...], unit: str) -> tuple[Statistic, ...]:
    return tuple(
        Statistic(f"{channel}_autocorrelation_{lag}_{unit}", f"{channel.upper()}: autocorrelation at {lag} {unit}")
        for lag in lags
    )


def _losses_statistics(channel: str) -> tuple[Statistic, ...]:
    shown = channel.upper()
    return (
        Statistic(f"{channel}_whole_share", f"{shown}: share of whole numbers"),
        Statistic(f"{channel}_missing_share", f"{shown}: share of minutes missing"),
        Statistic(f"{channel}_gaps_per_day", f"{shown}: gaps", "per day"),
        Statistic(f"{channel}_gap_median_min", f"{shown}: median gap", "min"),
        Statistic(f"{channel}_gap_longest_min", f"{shown}: longest gap", "min"),
        Statistic(f"{channel}_artefacts_per_day", f"{shown}: artefacts", "minutes per day"),
    )


def _coupling_statistics(levels: str) -> tuple[Statistic, ...]:
    return (
        Statistic("level_correlation", f"HR with RR: correlation of {levels}"),
        Statistic("step_correlation", "HR with RR: correlation of differences"),
    )


MINUTE: Final = (
    *(
        statistic
        for channel in _UNIT
        for statistic in (
            *_shape_statistics(channel, "minute"),
            *_memory_statistics(channel, LAGS_MIN, "min"),
            *_losses_statistics(channel),
        )
    ),
    *_coupling_statistics("hourly means"),
)
HOURLY: Final = (
    *(
        statistic
        for channel in _UNIT
        for statistic in (*_shape_statistics(channel, "hourly"), *_memory_statistics(channel, LAGS_H, "h"))
    ),
    *_coupling_statistics("hourly values"),
)
