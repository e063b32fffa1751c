"""The paper's Fig. 3 and 11 on our data: adaptive thresholds, and the scores and errors that they are held against."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import NullLocator, PercentFormatter
from numpy.typing import NDArray

from detectors.decisions.paper_fig3_rule import EXCLUDE_ABOVE, HIGHEST, LOWEST
from experiments.paper.autoencoders import DEVICE_SHOWN
from experiments.paper.inputs import CASES, last_day
from experiments.paper.results import PAPER_THRESHOLDS, DeviceRun, Results, device_run
from experiments.paper.study import Study
from experiments.report.figures import BLUE, GREY, ORANGE, VERMILION, canvas, legend_above

BINS: Final = 30
LEAST_SHARE: Final = 5e-4  # of a logarithmic axis: less than one window of a day


def distribution_figure(study: Study, results: Results) -> Figure:
    """Return Fig. 11: the second device's scores with its threshold, and its errors, a column a run."""
    figure, grid = canvas(4.4, 2, len(CASES), sharey="row", sharex="row")
    rows = study.known.rows
    errors = [rows["error"][last_day(rows, DEVICE_SHOWN, case)] for case in range(len(CASES))]
    edges = np.geomspace(min(map(np.min, errors)), max(map(np.max, errors)) * 1.01, BINS + 1)
    for case, name in enumerate(CASES):
        run = device_run(results.paper_runs, case)
        above, below = grid[:, case]
        scores = study.classifiers.device_score[last_day(rows, DEVICE_SHOWN, case)]
        _draw_shares(above, scores, np.linspace(0, 1, BINS + 1), BLUE)
        above.axvline(run.threshold, color=VERMILION, linestyle="--", linewidth=1.3)
        above.set_title(f"Run {case + 1}: {name}\nT = {run.threshold:.3f}, {run.flagged:.0%} flagged", fontsize=8)
        above.set_xticks((0, 0.5, 1))
        _draw_shares(below, errors[case], edges, ORANGE)
        below.set_xscale("log")
        below.xaxis.set_minor_locator(NullLocator())
    grid[0, 2].set_xlabel("anomaly score (dashed: threshold)")
    grid[1, 2].set_xlabel("reconstruction error (logarithmic)")
    for axes in grid[:, 0]:
        axes.set_ylabel("share of windows (log.)")
        axes.set_yscale("log")
        axes.yaxis.set_minor_locator(NullLocator())
        axes.set_ylim(LEAST_SHARE, 1.2)
    return figure


def threshold_figure(results: Results) -> Figure:
    """Return Fig. 3 in numbers: every device's adaptive threshold by run. Beside it the share of windows flagged."""
    figure, (left, right) = canvas(3.3, 1, 2)
    _draw_dots(left, results.paper_runs, "threshold", -0.0, (BLUE, "o"), "our devices")
    at = np.arange(len(CASES))
    left.scatter(at + 0.25, PAPER_THRESHOLDS, color=VERMILION, marker="x", s=36, label="printed in the paper (Dev2)")
    left.set_ylim(LOWEST - 0.01, HIGHEST + 0.01)
    left.set_ylabel("threshold over 24 h")
    _draw_dots(right, results.paper_runs, "flagged", -0.12, (BLUE, "o"), "the paper's rule")
    _draw_dots(right, results.honest_runs, "flagged", 0.12, (ORANGE, "s"), "patients left out, fixed threshold")
    right.axhline(EXCLUDE_ABOVE, color=GREY, linewidth=0.9, linestyle="--")
    right.annotate("excluded above", (len(CASES) - 0.5, EXCLUDE_ABOVE), ha="right", va="bottom", fontsize=7)
    right.yaxis.set_major_formatter(PercentFormatter(1.0, decimals=0))
    right.set_ylim(-0.03, 1.03)
    right.set_ylabel("windows flagged in 24 h")
    for axes in (left, right):
        axes.set_xticks(
            at, [f"{case + 1}\n{name.replace('-p', chr(10) + 'p')}" for case, name in enumerate(CASES)], fontsize=7
        )
        axes.set_xlim(-0.5, len(CASES) - 0.5)
        legend_above(axes, 2, fontsize=8)
    return figure


def _draw_shares(axes: Axes, values: NDArray[np.float64], edges: NDArray[np.float64], colour: str) -> None:
    share = np.histogram(values, bins=edges)[0] / max(1, len(values))
    axes.stairs(share, edges, color=colour, fill=True, alpha=0.8, baseline=LEAST_SHARE)


def _draw_dots(
    axes: Axes, runs: Sequence[DeviceRun], field: str, aside: float, style: tuple[str, str], label: str
) -> None:
    patients = max(run.patient for run in runs) + 1
    spread = np.linspace(-0.08, 0.08, patients)
    across = [run.case + aside + spread[run.patient] for run in runs]
    up = [getattr(run, field) for run in runs]
    axes.scatter(across, up, color=style[0], marker=style[1], s=16, alpha=0.8, linewidths=0, label=label, clip_on=False)
