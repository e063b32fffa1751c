"""The figures that hold distributions against each other: statistics, memory, coupling, gaps."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Final

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, LogLocator, MultipleLocator, NullLocator
from numpy.typing import NDArray

from experiments.cohort.groups import Measured, Table
from experiments.cohort.statistics import (
    Statistic,
    Values,
    autocorrelation,
    gap_lengths,
    hourly_values,
    without_artefacts,
)
from experiments.report.figures import BLUE, GREY, ORANGE, PURPLE, VERMILION, canvas, legend_above, shared_legend
from replay.recording import Recording

# Every pair also differs in line style or marker.
SYNTHETIC: Final = BLUE
REAL: Final[tuple[tuple[str, str, str], ...]] = ((VERMILION, "-", "o"), (ORANGE, "--", "s"), (PURPLE, ":", "^"))
COLUMNS: Final = 4
DOTS: Final = 80  # more synthetic patients would only hide each other
CHANNEL_NAMES: Final = ("heart rate", "respiratory rate")
LAGS_SHOWN_MIN: Final = (1, 2, 3, 5, 8, 12, 15, 20, 30, 45, 60, 90, 120, 180, 240, 360)
LAGS_SHOWN_H: Final = tuple(range(1, 19))


def distribution_figure(measured: Measured) -> Figure:
    """Return a panel a statistic: the share of patients at or below each value, synthetic and real.

    HR and RR stand side by side. A group of one to three recordings is marked record by record. Correlations are left
    to the figures of memory and coupling.
    """
    shown = sorted(filter(partial(_can_be_drawn, measured), measured.catalogue), key=_without_channel(measured))
    rows = -(-len(shown) // COLUMNS)
    figure, grid = canvas(0.5 + 1.45 * rows, rows, COLUMNS, squeeze=False, sharey=True)
    for axes, statistic in zip(grid.flat, shown, strict=False):
        _draw_distribution(axes, statistic, measured)
    for axes in grid.flat[len(shown) :]:
        axes.set_axis_off()
    for axes in grid[:, 0]:
        axes.set_ylabel("share of patients", fontsize=7)
    shared_legend(figure, grid.flat[0], 4)
    return figure


def memory_figure(measured: Measured) -> Figure:
    """Return the autocorrelation by lag: the synthetic patients' median and 10th to 90th percentile, real beside."""
    figure, panels = canvas(3.0, 1, 2, sharey=True)
    for channel, axes in enumerate(panels):
        lags, synthetic = _autocorrelations(measured.synthetic, channel, measured)
        _, real = _autocorrelations(measured.group.recordings, channel, measured)
        _draw_band(axes, lags, synthetic, SYNTHETIC, f"synthetic (n={len(synthetic)})", "-")
        if _one_by_one(measured):
            for (colour, line, marker), row, recording in zip(REAL, real, measured.group.recordings, strict=False):
                axes.plot(
                    lags, row, color=colour, linestyle=line, marker=marker, markersize=3, label=recording.device_id
                )
        else:
            _draw_band(axes, lags, real, REAL[0][0], f"{measured.group.name} (n={len(real)})", "--")
        axes.axhline(0, color=GREY, linewidth=0.6)
        axes.set_title(CHANNEL_NAMES[channel], fontsize=9)
        axes.set_xlabel("lag (minutes, logarithmic)" if measured.group.scale == "minute" else "lag (hours)")
        if measured.group.scale == "minute":
            _log(axes)
        else:
            axes.xaxis.set_major_locator(MultipleLocator(3))
    panels[0].set_ylabel("autocorrelation")
    shared_legend(figure, panels[0], 4)
    return figure


def coupling_figure(measured: Sequence[Measured]) -> Figure:
    """Return a panel a group: correlation of HR with RR in levels against that in differences, a dot a patient."""
    figure = Figure(figsize=(9.6, 3.4), layout="constrained")
    panels = figure.subplots(1, len(measured), sharex=True, sharey=True, squeeze=False)[0]
    for axes, panel in zip(panels, measured, strict=True):
        axes.axhline(0, color=GREY, linewidth=0.6)
        axes.axvline(0, color=GREY, linewidth=0.6)
        synthetic = [side[:DOTS] for side in _coupling(panel.synthetic_table)]
        axes.scatter(*synthetic, s=7, color=SYNTHETIC, alpha=0.45, linewidths=0, clip_on=False, label="synthetic")
        levels, steps = _coupling(panel.real_table)
        if _one_by_one(panel):
            for at, recording in enumerate(panel.group.recordings[: len(REAL)]):
                colour, _, marker = REAL[at]
                axes.scatter(levels[at], steps[at], s=55, color=colour, marker=marker, label=recording.device_id)
        else:
            axes.scatter(levels, steps, s=16, color=REAL[0][0], marker="x", linewidths=0.9, clip_on=False, label="real")
        interval = "minutes" if panel.group.scale == "minute" else "hours"
        axes.set_title(f"{panel.group.name} ({interval})", fontsize=9, pad=22)
        axes.set_xlabel("correlation of hourly levels")
        legend_above(axes, 3, fontsize=7, handletextpad=0.2)
    panels[0].set_ylabel("correlation of differences")
    return figure


def gap_figure(measured: Measured) -> Figure:
    """Return the share of gaps that last longer than a length, over all gaps of a side, by channel."""
    figure, panels = canvas(2.8, 1, 2, sharex=True, sharey=True)
    for channel, axes in enumerate(panels):
        _draw_gaps(axes, measured.synthetic, channel, (SYNTHETIC, "-", ""), "synthetic")
        for style, recording in zip(REAL, measured.group.recordings, strict=False):
            _draw_gaps(axes, [recording], channel, style, recording.device_id)
        axes.set_title(CHANNEL_NAMES[channel], fontsize=9, pad=20)
        axes.set_xlabel("length of the gap (minutes, logarithmic)")
        legend_above(axes, 3, fontsize=7)
        _log(axes)
    panels[0].set_ylabel("share of gaps that last longer")
    return figure


def _can_be_drawn(measured: Measured, statistic: Statistic) -> bool:
    sides = [_drawn(table, statistic) for table in (measured.synthetic_table, measured.real_table)]
    return "correlation" not in statistic.name and all(len(side) for side in sides)


def _without_channel(measured: Measured) -> Callable[[Statistic], int]:
    """A sort key: the statistics in the catalogue's order, but a channel's beside the other's."""
    keys = [statistic.name.partition("_")[2] for statistic in measured.catalogue]
    return lambda statistic: keys.index(statistic.name.partition("_")[2])


def _one_by_one(measured: Measured) -> bool:
    return len(measured.group.recordings) <= len(REAL)


def _draw_distribution(axes: Axes, statistic: Statistic, measured: Measured) -> None:
    synthetic = _drawn(measured.synthetic_table, statistic)
    real = _drawn(measured.real_table, statistic)
    _draw_shares(axes, synthetic, SYNTHETIC, "-", f"synthetic ({len(measured.synthetic)} patients)")
    if _one_by_one(measured):
        for (colour, line, _), value, recording in zip(
            REAL, measured.real_table[statistic.name], measured.group.recordings, strict=False
        ):
            if not np.isnan(value):
                axes.axvline(value, color=colour, linestyle=line, linewidth=1.4, label=recording.device_id)
    elif len(real):
        label = f"{measured.group.name} ({len(measured.group.recordings)} patients)"
        _draw_shares(axes, real, REAL[0][0], "--", label)
    axes.set_title(statistic.label, fontsize=7)
    axes.set_xlabel(statistic.unit, fontsize=7, labelpad=1)
    axes.tick_params(labelsize=7)
    if statistic.log_axis:
        _log(axes)
    else:
        axes.set_xlim(*_middle(np.concatenate([synthetic, real]), real if _one_by_one(measured) else real[:0]))


def _draw_shares(axes: Axes, values: NDArray[np.float64], colour: str, line: str, label: str) -> None:
    """The share of patients at or below each value, by at most fifty points: each costs its place in the page."""
    shares = np.linspace(0, 1, min(50, len(values) + 1))
    axes.plot(np.quantile(values, shares), shares, color=colour, linestyle=line, linewidth=1.4, label=label)


def _middle(values: NDArray[np.float64], always: NDArray[np.float64]) -> tuple[float, float]:
    """Limits that leave out the furthest 1 % on either side, but none of `always`."""
    low, high = np.quantile(values, [0.01, 0.99])
    low, high = min([low, *always]), max([high, *always])
    margin = 0.04 * (high - low) or 0.5
    return float(low - margin), float(high + margin)


def _drawn(table: Table, statistic: Statistic) -> NDArray[np.float64]:
    """The values that can be drawn: measured, and above zero on a logarithmic axis."""
    values = table[statistic.name]
    return values[(values > 0) if statistic.log_axis else ~np.isnan(values)]


def _autocorrelations(
    recordings: Sequence[Recording], channel: int, measured: Measured
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Lags, and float64[recordings, lags]."""
    lags = np.array(LAGS_SHOWN_MIN if measured.group.scale == "minute" else LAGS_SHOWN_H)
    rows = [_series(recording, measured)[channel] for recording in recordings]
    return lags, np.array([[autocorrelation(row, lag) for lag in lags.tolist()] for row in rows])


def _series(recording: Recording, measured: Measured) -> tuple[Values, ...]:
    both = (recording.heart_rate_bpm, recording.resp_rate_bpm)
    if measured.group.scale == "hourly":
        return hourly_values(*both)
    return tuple(without_artefacts(values, channel) for channel, values in enumerate(both))


def _draw_band(
    axes: Axes, lags: NDArray[np.int64], rows: NDArray[np.float64], colour: str, label: str, line: str
) -> None:
    measured = ~np.isnan(rows).all(axis=0)  # the longest lags may have too few pairs in every recording
    low, middle, high = np.nanquantile(rows[:, measured], [0.1, 0.5, 0.9], axis=0)
    lags = lags[measured]
    axes.fill_between(lags, low, high, facecolor=colour, alpha=0.18, linewidth=0)
    for edge in (low, high):
        axes.plot(lags, edge, color=colour, linestyle=line, linewidth=0.7)
    axes.plot(lags, middle, color=colour, linestyle=line, linewidth=1.8, label=f"{label}: median, 10 to 90 % shaded")


def _coupling(table: Table) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    return table["level_correlation"], table["step_correlation"]


def _draw_gaps(
    axes: Axes, recordings: Sequence[Recording], channel: int, style: tuple[str, str, str], label: str
) -> None:
    lengths = [gap_lengths((recording.heart_rate_bpm, recording.resp_rate_bpm)[channel]) for recording in recordings]
    pooled = np.concatenate(lengths)
    if len(pooled):
        axes.ecdf(pooled, complementary=True, color=style[0], linestyle=style[1], label=f"{label} ({len(pooled)} gaps)")


def _log(axes: Axes) -> None:
    axes.set_xscale("log")
    axes.xaxis.set_major_locator(LogLocator(subs=(1.0, 3.0)))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axes.xaxis.set_minor_locator(NullLocator())
