"""The study's pictures: loss by round, devices by run (the paper's Fig. 10), and what each defence is worth."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Final

import numpy as np
from matplotlib.axes import Axes
from matplotlib.axis import Axis
from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator, NullFormatter, PercentFormatter, StrMethodFormatter
from numpy.typing import NDArray

from experiments.federation.plan import BASELINE, OTHER_NETWORKS, SHOWN, WORST
from experiments.federation.results import Row, rows
from experiments.federation.study import Study
from experiments.report.figures import BLUE, GREEN, GREY, ORANGE, PURPLE, VERMILION, canvas, legend_above

STYLES: Final = ((GREY, "-"), (VERMILION, "--"), (BLUE, "-"), (GREEN, ":"), (ORANGE, "-."), (PURPLE, "--"))


def round_figure(study: Study) -> Figure:
    """Return global loss and tolerance accuracy by round of the baseline and each attack, with and without the gate."""
    shown = [
        (attack, (BASELINE, *(f"{attack}, {gate} gate" for gate in ("no", "live", "oracle"))))
        for attack in study.plan.attacks
    ]
    return _rounds_of(study, shown)


def network_figure(study: Study) -> Figure:
    """Return the same of the other networks under the worst attack."""
    shown = [
        (
            f"{task}, {attack}",
            tuple(f"{task}, {name}" for name in (BASELINE, f"{attack}, no gate", f"{attack}, live gate")),
        )
        for task in OTHER_NETWORKS
        for attack in study.plan.attacks
        if attack == WORST
    ]
    return _rounds_of(study, shown)


def _rounds_of(study: Study, panels: Sequence[tuple[str, Sequence[str]]]) -> Figure:
    """Draw a row a panel: its title and its runs."""
    figure, grid = canvas(2.7 * len(panels), len(panels), 2, sharex=True, squeeze=False)
    for (left, right), (title, shown) in zip(grid, panels, strict=True):
        _curves(left, study, shown, "loss")
        _curves(right, study, shown, "accuracy")
        left.set_yscale("log")
        _plain_numbers(left.yaxis)
        left.set_ylabel("loss, all devices")
        right.yaxis.set_major_formatter(PercentFormatter(1.0, decimals=0))
        right.set_ylabel("minutes within tolerance")
        left.set_title(title, pad=22)
        legend_above(left, 4, fontsize=8)
    for axes in grid[-1]:
        axes.set_xlabel("round")
    return figure


def device_figure(study: Study) -> Figure:
    """Return Fig. 10: final loss and tolerance accuracy of the poisoned device and of another, by run."""
    by_run = {row.run: row for row in rows(study)}
    names = [BASELINE, *(f"{attack}, {gate}" for attack in study.plan.attacks for gate in ("no gate", "live gate"))]
    figure, (left, right) = canvas(3.2, 1, 2)
    for axes, field, title in ((left, "devices", "loss"), (right, "accuracies", "minutes within tolerance")):
        for place, at in enumerate(SHOWN):
            values = [getattr(by_run[name], field)[at] for name in names]
            x = np.arange(len(names)) + 0.38 * (place - 0.5)
            axes.bar(x, values, 0.36, color=(VERMILION, BLUE)[place], label=f"Dev{at + 1}")
        axes.set_xticks(np.arange(len(names)), [name.replace(", ", "\n") for name in names], fontsize=7, rotation=60)
        axes.set_ylabel(title)
    right.yaxis.set_major_formatter(PercentFormatter(1.0, decimals=0))
    legend_above(left, 2, fontsize=8)
    return figure


def victim_figure(study: Study) -> Figure:
    """Return Fig. 11: the frozen detector's scores and errors of the poisoned device's hours, clean and under each attack."""
    names = [BASELINE, *(f"{attack}, no gate" for attack in study.plan.attacks)]
    figure, (left, right) = canvas(0.9 + 0.36 * len(names), 1, 2, sharey=True)
    for axes, field in ((left, "margin"), (right, "error")):
        for place, name in enumerate(reversed(names)):
            values = np.concatenate([getattr(outcome, field) for outcome in study.outcomes[name]])
            if len(values):
                _box(
                    axes,
                    place,
                    np.quantile(values, (0.05, 0.25, 0.5, 0.75, 0.95)),
                    GREY if name == BASELINE else VERMILION,
                )
    left.set_yticks(range(len(names)), [name.removesuffix(", no gate") for name in reversed(names)])
    left.axvline(0.0, color=GREY, linewidth=0.8)
    left.set_xlabel("score above threshold")
    right.set_xscale("log")
    right.set_xlabel("mean square of normal scores (logarithmic)")
    return figure


def _box(axes: Axes, place: int, marks: NDArray[np.float64], colour: str) -> None:
    low, quarter, median, three_quarters, high = marks
    axes.plot([low, high], [place, place], color=colour, linewidth=1.2)
    axes.plot([quarter, three_quarters], [place, place], color=colour, linewidth=7, alpha=0.5, solid_capstyle="butt")
    axes.plot(median, place, marker="|", color=colour, markersize=11, markeredgewidth=2)


def ratio_figure(study: Study) -> Figure:
    """Return every run's loss in units of the baseline's, with its interval over seeds."""
    shown = [row for row in rows(study) if not row.run.endswith(BASELINE)]
    figure, axes = canvas(0.6 + 0.24 * len(shown))
    for place, row in enumerate(reversed(shown)):
        _dot(axes, place, row)
    axes.set_yticks(range(len(shown)), [row.run for row in reversed(shown)], fontsize=8)
    axes.axvline(1.0, color=GREY, linewidth=0.8)
    axes.set_xscale("log")
    _plain_numbers(axes.xaxis)
    values = [row.ratio.value for row in shown]
    axes.set_xlim(min(0.5, 0.7 * min(values)), max(2, 1.4 * max(values)))
    axes.margins(y=0.01)
    axes.set_xlabel("loss / baseline (logarithmic; longer intervals are cut; results.json holds them)")
    return figure


def _plain_numbers(axis: Axis) -> None:
    """Write 0.1, 0.2, 0.5, 1, 2, 5 ... along a logarithmic axis."""
    axis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    axis.set_major_formatter(StrMethodFormatter("{x:g}"))
    axis.set_minor_formatter(NullFormatter())


def _dot(axes: Axes, place: int, row: Row) -> None:
    is_attacked = "no attack" not in row.run
    is_open = row.run.endswith(("no gate", "no defence"))
    colour = VERMILION if is_attacked and is_open else BLUE
    if not np.isnan(row.ratio.low):
        axes.plot([row.ratio.low, row.ratio.high], [place, place], color=colour, linewidth=1.2)
    axes.plot(row.ratio.value, place, marker="s" if is_open else "o", color=colour, markersize=5)


def _curves(axes: Axes, study: Study, names: Sequence[str], field: str) -> None:
    for (colour, line), name in zip(STYLES, names, strict=False):
        by_seed = np.stack([getattr(outcome, field).mean(axis=1) for outcome in study.outcomes[name]])
        x = np.arange(1, by_seed.shape[1] + 1)
        label = name.rpartition(", ")[2]
        axes.plot(x, by_seed.mean(axis=0), color=colour, linestyle=line, label=label, linewidth=1.3)
        if len(by_seed) > 1:
            axes.fill_between(x, by_seed.min(axis=0), by_seed.max(axis=0), color=colour, alpha=0.12, linewidth=0)


DRAWN: Final[Mapping[str, Callable[[Study], Figure]]] = {
    "rounds": round_figure,
    "networks": network_figure,
    "devices": device_figure,
    "dev2": victim_figure,
    "ratios": ratio_figure,
}
"""The pictures by their names on the page."""
