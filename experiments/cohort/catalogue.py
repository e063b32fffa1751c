"""The statistics that a cohort report compares: their names, and how people read them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from experiments.cohort.statistics import LAGS_H, LAGS_MIN


@dataclass(frozen=True, slots=True)
class Statistic:
    """One number per recording; `name` is its key, `unit` empty for a pure number, `log_axis` for a long tail."""

    name: str
    label: str
    unit: str = ""
    log_axis: bool = False

    @property
    def axis(self) -> str:
        """The label with its unit."""
        return f"{self.label} ({self.unit})" if self.unit else self.label


_UNIT: Final = {"hr": "bpm", "rr": "breaths/min"}


def _shape(channel: str, interval: str) -> tuple[Statistic, ...]:
    shown, unit = channel.upper(), _UNIT[channel]
    return (
        Statistic(f"{channel}_mean", f"{shown}: mean of the stay", unit),
        Statistic(f"{channel}_within_sd", f"{shown}: sd within the stay", unit, log_axis=True),
        Statistic(f"{channel}_step_sd", f"{shown}: sd of {interval} differences", unit, log_axis=True),
        Statistic(f"{channel}_step_kurtosis", f"{shown}: kurtosis of differences (normal: 3)", log_axis=True),
        Statistic(f"{channel}_zero_step_share", f"{shown}: share of zero differences"),
    )


def _memory(channel: str, lags: tuple[int, ...], unit: str) -> tuple[Statistic, ...]:
    return tuple(
        Statistic(f"{channel}_autocorrelation_{lag}_{unit}", f"{channel.upper()}: autocorrelation at {lag} {unit}")
        for lag in lags
    )


def _losses(channel: str) -> tuple[Statistic, ...]:
    shown = channel.upper()
    return (
        Statistic(f"{channel}_whole_share", f"{shown}: share of whole numbers"),
        Statistic(f"{channel}_missing_share", f"{shown}: share of minutes missing"),
        Statistic(f"{channel}_gaps_per_day", f"{shown}: gaps", "per day"),
        Statistic(f"{channel}_gap_median_min", f"{shown}: median gap", "min"),
        Statistic(f"{channel}_gap_longest_min", f"{shown}: longest gap", "min"),
        Statistic(f"{channel}_artefacts_per_day", f"{shown}: artefacts", "minutes per day"),
    )


def _coupling(levels: str) -> tuple[Statistic, ...]:
    return (
        Statistic("level_correlation", f"HR with RR: correlation of {levels}"),
        Statistic("step_correlation", "HR with RR: correlation of differences"),
    )


MINUTE: Final = (
    *(
        statistic
        for channel in _UNIT
        for statistic in (*_shape(channel, "minute"), *_memory(channel, LAGS_MIN, "min"), *_losses(channel))
    ),
    *_coupling("hourly means"),
)
HOURLY: Final = (
    *(statistic for channel in _UNIT for statistic in (*_shape(channel, "hourly"), *_memory(channel, LAGS_H, "h"))),
    *_coupling("hourly values"),
)
