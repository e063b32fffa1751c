"""The study's pictures: loss by round, devices by run (the paper's Fig. 10), and what each defence is worth."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import PercentFormatter, ScalarFormatter

from experiments.federation_plan import BASELINE, SHOWN
from experiments.federation_results import Row, rows
from experiments.federation_study import Study
from experiments.grid_style import BLUE, GREEN, GREY, ORANGE, PURPLE, VERMILION

STYLES: Final = ((GREY, "-"), (VERMILION, "--"), (BLUE, "-"), (GREEN, ":"), (ORANGE, "-."), (PURPLE, "--"))


def round_figure(study: Study) -> Figure:
    """Return global loss and tolerance accuracy by round of the baseline and each attack, with and without the gate."""
    figure = Figure(figsize=(9.6, 2.7 * len(study.plan.attacks)), layout="constrained")
    grid = figure.subplots(len(study.plan.attacks), 2, sharex=True, squeeze=False)
    for (left, right), attack in zip(grid, study.plan.attacks, strict=True):
        shown = (BASELINE, f"{attack}, no gate", f"{attack}, live gate", f"{attack}, oracle gate")
        _curves(left, study, shown, "loss")
        _curves(right, study, shown, "tolerance")
        left.set_yscale("log")
        left.yaxis.set_major_formatter(ScalarFormatter())
        left.yaxis.set_minor_formatter(ScalarFormatter())
        left.set_ylabel("loss, all devices")
        right.yaxis.set_major_formatter(PercentFormatter(1.0, decimals=0))
        right.set_ylabel("minutes within tolerance")
        left.set_title(attack, pad=22)
        left.legend(loc="lower left", bbox_to_anchor=(0, 1.0), borderaxespad=0.1, ncols=4, fontsize=8)
    for axes in grid[-1]:
        axes.set_xlabel("round")
    return figure


def device_figure(study: Study) -> Figure:
    """Return Fig. 10: final loss and tolerance accuracy of the poisoned device and of another, by run."""
    found = {row.run: row for row in rows(study)}
    names = [BASELINE, *(f"{attack}, {gate}" for attack in study.plan.attacks for gate in ("no gate", "live gate"))]
    figure = Figure(figsize=(9.6, 3.2), layout="constrained")
    left, right = figure.subplots(1, 2)
    for axes, field, title in ((left, "devices", "loss"), (right, "tolerances", "minutes within tolerance")):
        for place, at in enumerate(SHOWN):
            values = [getattr(found[name], field)[at] for name in names]
            x = np.arange(len(names)) + 0.38 * (place - 0.5)
            axes.bar(x, values, 0.36, color=(VERMILION, BLUE)[place], label=f"Dev{at + 1}")
        axes.set_xticks(np.arange(len(names)), [name.replace(", ", "\n") for name in names], fontsize=7, rotation=60)
        axes.set_ylabel(title)
    right.yaxis.set_major_formatter(PercentFormatter(1.0, decimals=0))
    left.legend(loc="upper left", fontsize=8)
    return figure


def ratio_figure(study: Study) -> Figure:
    """Return every run's loss in units of the baseline's, with its interval over seeds."""
    found = [row for row in rows(study) if row.run != BASELINE]
    figure = Figure(figsize=(9.6, 0.6 + 0.24 * len(found)), layout="constrained")
    axes = figure.subplots()
    for place, row in enumerate(reversed(found)):
        _dot(axes, place, row)
    axes.set_yticks(range(len(found)), [row.run for row in reversed(found)], fontsize=8)
    axes.axvline(1.0, color=GREY, linewidth=0.8)
    axes.set_xscale("log")
    axes.xaxis.set_major_formatter(ScalarFormatter())
    axes.xaxis.set_minor_formatter(ScalarFormatter())
    axes.set_xlabel("loss / baseline (logarithmic)")
    return figure


def _dot(axes: Axes, place: int, row: Row) -> None:
    is_attacked = not row.run.startswith("no attack")
    is_open = row.run.endswith(("no gate", "no defence"))
    colour = VERMILION if is_attacked and is_open else BLUE
    if not np.isnan(row.ratio.low):
        axes.plot([row.ratio.low, row.ratio.high], [place, place], color=colour, linewidth=1.2)
    axes.plot(row.ratio.value, place, marker="s" if is_open else "o", color=colour, markersize=5)


def _curves(axes: Axes, study: Study, names: Sequence[str], field: str) -> None:
    for (colour, line), name in zip(STYLES, names, strict=False):
        by_seed = np.stack([getattr(one, field).mean(axis=1) for one in study.outcomes[name]])
        x = np.arange(1, by_seed.shape[1] + 1)
        label = name.rpartition(", ")[2] if name != BASELINE else name
        axes.plot(x, by_seed.mean(axis=0), color=colour, linestyle=line, label=label, linewidth=1.3)
        if len(by_seed) > 1:
            axes.fill_between(x, by_seed.min(axis=0), by_seed.max(axis=0), color=colour, alpha=0.12, linewidth=0)
