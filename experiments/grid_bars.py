"""Figures that compare detectors: ablations, baselines, left-one-out families, training seeds, each with its intervals."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from experiments.grid_ablations import WHOLE
from experiments.grid_cells import share_within
from experiments.grid_clean import fleet_of_rulings
from experiments.grid_intervals import Estimate
from experiments.grid_protocol import CORE, Case
from experiments.grid_results import Results
from experiments.grid_rulings import Rulings
from experiments.grid_style import BLUE, GREY, ORANGE, VERMILION, percent_axis

PANELS: Final = (
    ("core strong, 2 h", "strong", 2),
    ("core medium, 12 h", "medium", 12),
    ("core subtle, 12 h", "subtle", 12),
)
BUDGET: Final = 0.2


def comparison_figure(results: Results, group: Mapping[str, Rulings]) -> Figure:
    """Return a row a detector: found in time at three levels and false exclusions a device-week, on tenths, with intervals."""
    names = list(group)
    figure = Figure(figsize=(9.6, 1.0 + 0.27 * len(names)), layout="constrained")
    panels = figure.subplots(1, len(PANELS) + 1, sharey=True)
    for axes, (title, level, hours) in zip(panels, PANELS, strict=False):
        cases = [(name, level) for name in CORE]
        estimates = [share_within(group[name].delays_of(results.cases, cases), hours) for name in names]
        _bars(axes, estimates, BLUE)
        axes.set_title(title, fontsize=9)
        percent_axis(axes, y=False)
        axes.set_xlabel("devices excluded", fontsize=8)
    rates = [fleet_of_rulings("", 0, group[name], tenths=True).per_device_week for name in names]
    _bars(panels[-1], rates, ORANGE)
    panels[-1].axvline(BUDGET, color=VERMILION, linewidth=1.0, linestyle="--")
    panels[-1].set_title("false exclusions", fontsize=9)
    panels[-1].set_xlabel("a device-week", fontsize=8)
    panels[-1].set_xlim(
        0, max(0.5, min(3.0, 1.15 * max((one.high for one in rates if not np.isnan(one.high)), default=0.5)))
    )
    panels[0].set_yticks(range(len(names)), names, fontsize=8)
    panels[0].invert_yaxis()
    return figure


def family_figure(results: Results) -> Figure:
    """Return, by family, found in time with everything learnt and with the family left out, strong and medium (tenths)."""
    families = [name for name in dict.fromkeys(name for name, _ in results.cases) if name in results.judged.lofo]
    figure = Figure(figsize=(9.6, 1.0 + 0.4 * len(families)), layout="constrained")
    panels = figure.subplots(1, 3, sharey=True)
    for axes, (level, hours) in zip(panels, (("strong", 2), ("strong", 12), ("medium", 12)), strict=True):
        known = [share_within(results.delays((name, level)), hours) for name in families]
        alone = [_lofo(results, (name, level), hours) for name in families]
        _bars(axes, known, GREY, offset=-0.18, height=0.34, label="all families learnt")
        _bars(axes, alone, BLUE, offset=0.18, height=0.34, label="this family never learnt")
        axes.set_title(f"{level}, within {hours} h", fontsize=9)
        axes.set_xlabel("devices excluded", fontsize=8)
        percent_axis(axes, y=False)
    panels[0].set_yticks(range(len(families)), families, fontsize=8)
    panels[0].invert_yaxis()
    handles, labels = panels[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside upper left", ncols=2, fontsize=8)
    return figure


def compared_baselines(results: Results) -> dict[str, Rulings]:
    """Return the detector itself, calibrated on the same fleet, above the baselines."""
    return {"this detector": results.judged.ablations[WHOLE], **results.judged.baselines}


def _lofo(results: Results, case: Case, hours: int) -> Estimate:
    return share_within(results.judged.lofo[case[0]].delays_of(results.cases, [case]), hours)


def _bars(
    axes: Axes,
    estimates: Sequence[Estimate],
    colour: str,
    *,
    offset: float = 0.0,
    height: float = 0.62,
    label: str | None = None,
) -> None:
    places = np.arange(len(estimates)) + offset
    values = np.array([one.value for one in estimates])
    axes.barh(places, np.nan_to_num(values), height=height, color=colour, alpha=0.75, label=label)
    axes.set_ylim(-0.7, len(estimates) - 0.3)
    for place, one in zip(places, estimates, strict=True):
        if not np.isnan(one.value):
            axes.plot([one.low, one.high], [place, place], color="#404040", linewidth=1.1)
