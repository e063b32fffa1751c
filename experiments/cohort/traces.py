"""The figures that show vital signs themselves: real beside synthetic, and each deterioration beside its own twin."""

from __future__ import annotations

from typing import Final

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from experiments.cohort.distances import percentile
from experiments.cohort.groups import Measured
from experiments.cohort.statistics import CHANNELS
from experiments.report.figures import BLUE, GREY, ORANGE, PURPLE, canvas, shared_legend
from replay.recording import Recording, Vitals
from replay.sources.synthetic import DETERIORATIONS, Stay, synthetic_stay

HEART: Final = BLUE
BREATH: Final = ORANGE
TWIN: Final = GREY
ILL: Final = PURPLE
SHOWN_MIN: Final = 8 * 60
BIN_MIN: Final = 30
ALIKE_IN: Final = ("mean", "within_sd", "step_sd", "zero_step_share", "autocorrelation_5_min")
TRIED: Final = 15


def example_figure(measured: Measured, rng: np.random.Generator) -> Figure:
    """Return eight hours of up to two real minute records, each beside its most similar synthetic stay, and of two others.

    The two others are drawn at random.
    """
    real = measured.group.recordings[:2]
    near = [measured.synthetic[_most_similar(measured, at)] for at in range(len(real))]
    drawn = [measured.synthetic[at] for at in rng.choice(len(measured.synthetic), 2, replace=False)]
    figure, grid = canvas(6.2, len(real) + 1, 2, sharex=True, squeeze=False)
    for row, (real_stay, other) in enumerate(zip(real, near, strict=True)):
        _draw_trace(grid[row, 0], real_stay, f"real: {real_stay.device_id}")
        _draw_trace(grid[row, 1], other, f"synthetic, most similar to {real_stay.device_id}")
        _share_limits(grid[row, 0], grid[row, 1])
    for axes, stay in zip(grid[-1], drawn, strict=True):
        _draw_trace(axes, stay, "synthetic, drawn at random")
        axes.set_xlabel("hours")
    shared_legend(figure, grid[0, 0], 2)
    return figure


def deterioration_figure(seed: int, minutes: int) -> Figure:
    """Return a row a deterioration: a typical patient that deteriorates, and the same patient without, in 30-min medians."""
    figure, rows = canvas(8.6, len(DETERIORATIONS), 1, sharex=True)
    for axes, kind in zip(rows, DETERIORATIONS, strict=True):
        _draw_illness(axes, *_typical(seed, minutes, kind))
        axes.set_title(kind.replace("-", " "), fontsize=9)
        axes.set_ylabel("per minute")
    rows[-1].set_xlabel("hours since the start of the stay")
    shared_legend(figure, rows[0], 4)
    return figure


def _most_similar(measured: Measured, at: int) -> int:
    """Index of the synthetic stay whose ranks are nearest to recording `at`: levels, spreads, memory of both channels."""
    far = np.zeros(len(measured.synthetic))
    for name in (f"{channel}_{key}" for channel in CHANNELS for key in ALIKE_IN):
        column, value = measured.synthetic_table[name], measured.real_table[name][at]
        ranks = np.array([percentile(value_there, column) for value_there in column])
        far += (ranks - percentile(value, column)) ** 2
    return int(np.argmin(far))


def _typical(seed: int, minutes: int, kind: str) -> tuple[Stay, Stay]:
    """The patient whose vital signs change by the median of the first fifteen, with the deterioration and without."""
    pairs = [
        (synthetic_stay(seed, index, minutes, deterioration=kind), synthetic_stay(seed, index, minutes))
        for index in range(TRIED)
    ]
    changes = [_change(ill, well) for ill, well in pairs]
    return pairs[int(np.argsort(changes)[TRIED // 2])]


def _change(ill: Stay, well: Stay) -> float:
    """Mean change in bpm plus mean change in breaths/min while it lasts, whichever way."""
    return sum(
        abs(float(np.nanmean((ill.recording.channels()[name] - well.recording.channels()[name])[ill.deteriorating])))
        for name in ("heart_rate_bpm", "resp_rate_bpm")
    )


def _draw_trace(axes: Axes, recording: Recording, title: str) -> None:
    middle = recording.sliced(max(0, (recording.minutes - SHOWN_MIN) // 2), SHOWN_MIN)
    hours = np.arange(middle.minutes) / 60
    axes.plot(hours, middle.heart_rate_bpm, color=HEART, linewidth=0.7, label="heart rate (bpm)")
    axes.plot(hours, middle.resp_rate_bpm, color=BREATH, linewidth=0.7, label="respiratory rate (breaths/min)")
    axes.set_title(title, fontsize=9)
    axes.set_ylabel("per minute")


def _share_limits(left: Axes, right: Axes) -> None:
    limits = [*left.get_ylim(), *right.get_ylim()]
    for axes in (left, right):
        axes.set_ylim(min(limits), max(limits))


def _draw_illness(axes: Axes, ill: Stay, well: Stay) -> None:
    for name, colour, label in (
        ("heart_rate_bpm", HEART, "heart rate (bpm)"),
        ("resp_rate_bpm", BREATH, "respiratory rate (breaths/min)"),
    ):
        hours, twin = _medians(getattr(well.recording, name))
        shown = "the same patient without it" if name == "heart_rate_bpm" else None
        axes.plot(hours, twin, color=TWIN, linewidth=0.7, linestyle="--", label=shown)
        axes.plot(hours, _medians(getattr(ill.recording, name))[1], color=colour, linewidth=1.0, label=label)
    edges = np.flatnonzero(np.diff(np.concatenate([[False], ill.deteriorating, [False]]).astype(np.int8)))
    for at, (start, end) in enumerate(edges.reshape(-1, 2) / 60):
        once = "deteriorating" if at == 0 else None
        axes.axvspan(start, end, facecolor=ILL, alpha=0.25, linewidth=0, label=once)


def _medians(values: Vitals) -> tuple[Vitals, Vitals]:
    """Hours since the start, and the median of each half hour. NaN where more than half of it is missing."""
    rows = values[: len(values) // BIN_MIN * BIN_MIN].reshape(-1, BIN_MIN)
    known = ~np.isnan(rows)
    filled = np.sort(np.where(known, rows, np.inf), axis=1)
    count = known.sum(axis=1)
    middle = filled[np.arange(len(rows)), np.maximum(count - 1, 0) // 2]
    return (np.arange(len(rows)) + 0.5) * BIN_MIN / 60, np.where(count * 2 > BIN_MIN, middle, np.nan)
