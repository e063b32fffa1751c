"""The figures of the grid: heat map, detection delays, ROC, score distributions."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from numpy.typing import NDArray

from detectors.training.judging import Judged
from experiments.grid_headline import Headline, Sighting
from experiments.grid_protocol import CORE, DAY_MIN, LEVELS
from experiments.grid_results import Results
from experiments.grid_rulings import delay_of
from experiments.grid_style import (
    BLUE,
    GREEN,
    GREY,
    LEVEL_STYLES,
    ORANGE,
    PURPLE,
    SHARES,
    VERMILION,
    percent_axis,
)

COLUMNS: Final = 5
ATTACK_H: Final = 12
ROC_THRESHOLDS: Final = np.round(np.concatenate([np.linspace(-1, 3, 33), np.linspace(3.5, 8, 10)]), 3)
ROC_STYLES: Final = (
    (BLUE, "-"),
    (VERMILION, "--"),
    (GREEN, "-."),
    (ORANGE, ":"),
    (PURPLE, (0, (5, 1, 1, 1))),
    (GREY, (0, (1, 1))),
)
HARD: Final = ("backdoor-1", "backdoor-2", "spoof", "time-shift", "mirror-flip", "jittered-replay")
BUDGET: Final = 0.2
CORE_HOURS: Final = (("subtle", 12), ("medium", 12), ("strong", 2))
SCORE_EDGES: Final = np.linspace(-1.5, 8, 120)


def heat_figure(results: Results) -> Figure:
    """Return shares found within 2, 4 and 12 h of every attack (rows) and level (columns), tenths and whole side by side."""
    attacks = list(dict.fromkeys(name for name, _ in results.cases))
    figure = Figure(figsize=(9.6, 1.3 + 0.3 * len(attacks)), layout="constrained")
    panels = figure.subplots(1, 4, sharey=True)
    for axes, (monitor, hours) in zip(
        panels, (("tenths", 2), ("tenths", 4), ("tenths", 12), ("whole", 12)), strict=True
    ):
        shares = np.full((len(attacks), len(LEVELS)), np.nan)
        for one in results.cells:
            if one.monitor == monitor and one.level in LEVELS:
                shares[attacks.index(one.attack), LEVELS.index(one.level)] = one.within[hours].value
        heat_panel(axes, shares)
        axes.set_title(f"within {hours} h, {'tenths' if monitor == 'tenths' else 'whole numbers'}", fontsize=9)
        axes.set_xticks(np.arange(len(LEVELS)) + 0.5, LEVELS, fontsize=8)
    panels[0].set_yticks(np.arange(len(attacks)) + 0.5, attacks, fontsize=8)
    panels[0].invert_yaxis()
    return figure


def heat_panel(axes: Axes, shares: NDArray[np.float64]) -> None:
    """Draw shares (NaN: not measured) as cells, each with its per cent; darker is more."""
    axes.pcolormesh(np.ma.masked_invalid(shares), cmap=SHARES, vmin=0, vmax=1, edgecolors="white", linewidth=1)
    for (row, column), share in np.ndenumerate(shares):
        if not np.isnan(share):
            axes.text(
                column + 0.5,
                row + 0.5,
                f"{100 * share:.0f}",
                ha="center",
                va="center",
                fontsize=8,
                color="white" if share > 0.8 else "black",
            )
    axes.tick_params(length=0)
    axes.spines[:].set_visible(False)


def delay_figure(results: Results) -> Figure:
    """Return a panel an attack: the share of devices excluded by so many hours after the onset, a line a level (tenths)."""
    attacks = list(dict.fromkeys(name for name, _ in results.cases))
    rows = -(-len(attacks) // COLUMNS)
    figure = Figure(figsize=(9.6, 0.6 + 1.75 * rows), layout="constrained")
    grid = figure.subplots(rows, COLUMNS, squeeze=False, sharex=True, sharey=True)
    for axes, name in zip(grid.flat, attacks, strict=False):
        for level in LEVELS:
            delays = results.delays((name, level))
            if len(delays):
                colour, line, _ = LEVEL_STYLES[level]
                _stepped(axes, delays, colour, line)
        axes.set_title(name, fontsize=9)
        axes.set_xticks((0, 2, 4, 8, 12))
        axes.grid(visible=True, color=GREY, alpha=0.25, linewidth=0.5)
        percent_axis(axes)
    for axes in grid.flat[len(attacks) :]:
        axes.set_axis_off()
    for axes in grid[:, 0]:
        axes.set_ylabel("devices excluded", fontsize=8)
    for axes in grid[-1]:
        axes.set_xlabel("hours since the onset", fontsize=8)
    styles = [Line2D([], [], color=colour, linestyle=line) for colour, line, _ in LEVEL_STYLES.values()]
    figure.legend(styles, list(LEVEL_STYLES), loc="outside upper left", ncols=3, fontsize=8)
    return figure


def _stepped(axes: Axes, delays: NDArray[np.float64], colour: str, line: str) -> None:
    hours = np.linspace(0, ATTACK_H, 145)
    shares = [(delays <= hour * 60).mean() for hour in hours]
    axes.plot(hours, shares, color=colour, linestyle=line, linewidth=1.5)


def roc_figure(results: Results) -> Figure:
    """Return, as the threshold moves, devices excluded in time against false exclusions a device-week (tenths)."""
    figure = Figure(figsize=(9.6, 4.4), layout="constrained")
    panels = figure.subplots(1, 2, sharex=True, sharey=True)
    rates = false_rates(results.headline)
    core = [(f"{level}, within {hours} h", [(name, level) for name in CORE], hours) for level, hours in CORE_HOURS]
    hard = [(f"{name}, within 12 h", [(name, "strong")], 12) for name in HARD]
    for axes, lines in zip(panels, (core, hard), strict=True):
        for (colour, style), (label, cases, hours) in zip(ROC_STYLES, lines, strict=False):
            seen = [one for one in results.headline.attacked if one.case in cases and one.tenths]
            if seen:
                shares = found_shares(results.headline, seen, hours)
                axes.plot(rates, shares, color=colour, linestyle=style, linewidth=1.5, label=label)
        _rate_axis(axes)
    panels[0].set_title("core families", fontsize=9)
    panels[1].set_title("other families, strong", fontsize=9)
    panels[0].set_ylabel("devices excluded in time")
    return figure


def _rate_axis(axes: Axes) -> None:
    axes.axvline(BUDGET, color=GREY, linewidth=0.8)
    axes.set_xscale("symlog", linthresh=0.05)
    axes.set_xticks((0, 0.05, 0.2, 1, 5), ("0", "0.05", "0.2", "1", "5"))
    axes.set_xlim(0, 8)
    axes.set_xlabel("false exclusions a device-week")
    axes.grid(visible=True, color=GREY, alpha=0.25, linewidth=0.5)
    percent_axis(axes)
    if len(axes.lines) > 1:
        axes.legend(loc="upper center", bbox_to_anchor=(0.5, -0.18), ncols=2, fontsize=8)


def false_rates(headline: Headline) -> NDArray[np.float64]:
    """Return false exclusions a device-week of the clean devices in tenths at each of ROC_THRESHOLDS."""
    fleet = [one.judged for one in headline.clean if one.tenths]
    weeks = sum(len(one.block) for one in fleet) * 5 / (7 * DAY_MIN)
    episodes = [sum(one.episodes(limit, headline.judge.kinds) for one in fleet) for limit in ROC_THRESHOLDS]
    # Below some threshold a device is hardly ever back, which counts as ever fewer exclusions: the rate stays where it was.
    rising = np.maximum.accumulate(np.array(episodes, np.float64)[::-1])[::-1]
    rates: NDArray[np.float64] = rising / max(weeks, 1e-9)
    return rates


def found_shares(headline: Headline, seen: Sequence[Sighting], hours: int) -> NDArray[np.float64]:
    """Return the share of attacked devices excluded within so many hours at each of ROC_THRESHOLDS."""
    found = [[_delay(one.judged, one, limit, headline) <= hours * 60 for one in seen] for limit in ROC_THRESHOLDS]
    shares: NDArray[np.float64] = np.array(found).mean(axis=1)
    return shares


def _delay(judged: Judged, one: Sighting, threshold: float, headline: Headline) -> float:
    """Minutes to the exclusion; a device that is excluded already at the onset counts as found: at low thresholds all are."""
    delay_min, _ = delay_of(judged, one.onset_event_minute, float(threshold), headline.judge.kinds)
    return 0.0 if np.isnan(delay_min) else delay_min


def score_figure(results: Results) -> Figure:
    """Return the share of windows that score at least a value: clean ones, and those within attacks of each level (tenths)."""
    figure = Figure(figsize=(9.6, 3.3), layout="constrained")
    panels = figure.subplots(1, 2, sharex=True, sharey=True)
    clean = np.concatenate([one.g for one in results.headline.clean if one.tenths])
    for axes, core in zip(panels, (True, False), strict=True):
        _at_least(axes, clean, GREY, "-", "clean")
        for level in LEVELS:
            seen = [one.attacked_g for one in results.headline.attacked if _belongs(one, level, core=core)]
            if seen:
                colour, line, _ = LEVEL_STYLES[level]
                _at_least(axes, np.concatenate(seen), colour, line, level)
        axes.axvline(results.headline.judge.threshold, color=VERMILION, linewidth=1.2, label="threshold")
        axes.set_title("core families" if core else "other families", fontsize=9)
        axes.set_xlabel("score: -log10 of false exclusions a device-week")
        axes.grid(visible=True, color=GREY, alpha=0.25, linewidth=0.5)
        percent_axis(axes)
    panels[0].set_ylabel("windows at or above the score")
    handles, labels = panels[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside upper left", ncols=5, fontsize=8)
    return figure


def _belongs(one: Sighting, level: str, *, core: bool) -> bool:
    return one.tenths and one.case[1] == level and (one.case[0] in CORE) == core


def _at_least(axes: Axes, values: NDArray[np.float64], colour: str, line: str, label: str) -> None:
    shares = [(values >= edge).mean() if len(values) else 0.0 for edge in SCORE_EDGES]
    axes.plot(SCORE_EDGES, shares, color=colour, linestyle=line, linewidth=1.6, label=label)
