"""The picture of an evaluation: attacks by levels, and how many of the attacked devices were excluded in 2, 4 and 12 hours."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from matplotlib.layout_engine import ConstrainedLayoutEngine
from numpy.typing import NDArray

from experiments.grid_figures import heat_panel
from experiments.grid_protocol import CORE, LEVELS, WITHIN_H
from experiments.grid_style import GREY
from experiments.grid_summary_attacks import Cells, attacks_of, named, tenths_cells


def map_figure(document: Mapping[str, Any]) -> Figure:
    """Return a panel for 2, 4 and 12 h: an attack a row, core attacks above the line, a level a column (devices in tenths)."""
    cells = tenths_cells(document)
    attacks = attacks_of(cells)
    figure = Figure(figsize=(9.6, 1.5 + 0.3 * len(attacks)), layout=ConstrainedLayoutEngine(w_pad=0.1, h_pad=0.1))
    panels = figure.subplots(1, len(WITHIN_H), sharey=True)
    for axes, hours in zip(panels, WITHIN_H, strict=True):
        heat_panel(axes, _shares(cells, attacks, hours))
        axes.axhline(sum(name in CORE for name in attacks), color=GREY, linewidth=1.2, clip_on=False)
        axes.set_title(f"within {hours} hours", fontsize=10)
        axes.set_xticks(np.arange(len(LEVELS)) + 0.5, LEVELS, fontsize=9)
    panels[0].set_yticks(np.arange(len(attacks)) + 0.5, list(map(named, attacks)), fontsize=9)
    panels[0].invert_yaxis()
    figure.suptitle("Attacked devices that were excluded, per cent", fontsize=11)
    figure.supxlabel(describe_map(document), fontsize=8)
    return figure


def describe_map(document: Mapping[str, Any]) -> str:
    """Return what the picture rests on, in one line."""
    devices = sorted({int(one["devices"]) for one in tenths_cells(document).values()})
    span = "–".join(map(str, dict.fromkeys((devices[0], devices[-1])))) if devices else "no"
    hours = document["protocol"]["enrolment_min"] // 60
    return (
        f"{span} devices a cell, monitors in tenths, {hours} h enrolment, no PULSE; core attacks above the line; "
        f"bundle {document['bundle_sha256'][:12]}"
    )


def _shares(cells: Cells, attacks: list[str], hours: int) -> NDArray[np.float64]:
    shares = np.full((len(attacks), len(LEVELS)), np.nan)
    for (attack, level), one in cells.items():
        found = one[f"within_{hours}_h"]["value"]
        if level in LEVELS and found is not None:
            shares[attacks.index(attack), LEVELS.index(level)] = found
    return shares
