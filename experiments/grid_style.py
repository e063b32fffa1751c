"""Colours and small helpers that the evaluation's figures share: told apart without colour vision, by line and marker too."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, Literal

from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.ticker import PercentFormatter

# Okabe-Ito.
BLUE: Final = "#0072B2"
SKY: Final = "#56B4E9"
GREEN: Final = "#009E73"
ORANGE: Final = "#E69F00"
VERMILION: Final = "#D55E00"
PURPLE: Final = "#CC79A7"
GREY: Final = "#8C8C8C"
Line = Literal["-", "--", ":"]
LEVEL_STYLES: Final[Mapping[str, tuple[str, Line, str]]] = {
    "subtle": (SKY, ":", "^"),
    "medium": (ORANGE, "--", "s"),
    "strong": (BLUE, "-", "o"),
}
# White to blue by lightness alone, so that it also reads in grey.
SHARES: Final = LinearSegmentedColormap.from_list("shares", ["#ffffff", "#9ecae1", "#08519c"])


def percent_axis(axes: Axes, *, y: bool = True) -> None:
    """Show shares as percentages from 0 to 100."""
    axis = axes.yaxis if y else axes.xaxis
    axis.set_major_formatter(PercentFormatter(1.0, decimals=0))
    (axes.set_ylim if y else axes.set_xlim)(0, 1.02)
