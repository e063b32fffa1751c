"""The style of all figures, and figures as SVG: inline ones take the page's ink, files bring their own paper."""

from __future__ import annotations

import io
import re
from html import escape
from typing import Any, Final

from matplotlib.axes import Axes
from matplotlib.figure import Figure

# Colours that can be told apart without colour vision (Okabe-Ito); every line also differs in style or marker.
BLUE: Final = "#0072B2"
SKY: Final = "#56B4E9"
GREEN: Final = "#009E73"
ORANGE: Final = "#E69F00"
VERMILION: Final = "#D55E00"
PURPLE: Final = "#CC79A7"
GREY: Final = "#8C8C8C"
PAPER: Final = "#ffffff"
INK: Final = "#010203"  # no figure uses it for anything else, so it can be replaced by the page's own ink
STYLE: Final[dict[Any, Any]] = {
    "svg.fonttype": "none",
    "svg.hashsalt": "fedsecure",
    "font.size": 9,
    "font.family": "sans-serif",
    "axes.edgecolor": INK,
    "axes.labelcolor": INK,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.titlelocation": "left",
    "text.color": INK,
    "xtick.color": INK,
    "ytick.color": INK,
    "legend.frameon": False,
    "path.simplify_threshold": 0.3,
}


def canvas(height: float, rows: int = 1, columns: int = 1, width: float = 9.6, **shared: Any) -> tuple[Figure, Any]:
    """Return an empty figure of these inches and its panels. One panel is an Axes by itself. `shared` are sharex, sharey."""
    figure = Figure(figsize=(width, height), layout="constrained")
    return figure, figure.subplots(rows, columns, **shared)


def legend_above(axes: Axes, columns: int, **style: Any) -> None:
    """Put the legend of a panel above it, from the left."""
    axes.legend(loc="lower left", bbox_to_anchor=(0.0, 1.0), ncols=columns, borderaxespad=0.1, **style)


def shared_legend(figure: Figure, axes: Axes, columns: int) -> None:
    """Put the legend of one panel above all of them."""
    figure.legend(*axes.get_legend_handles_labels(), loc="outside upper left", ncols=columns, fontsize=8)


def to_svg(figure: Figure, name: str, description: str) -> str:
    """Return the figure as an SVG element. `name` keeps its ids apart from other figures', `description` is read aloud."""
    text = _drawn(figure, transparent=True).replace(INK, "currentColor")
    text = re.sub(r'\bid="', f'id="{name}-', text)
    text = text.replace("url(#", f"url(#{name}-").replace('xlink:href="#', f'xlink:href="#{name}-')
    return _described(text, description)


def to_picture(figure: Figure, description: str) -> str:
    """Return the figure as an SVG file on paper of its own, so that it reads on light and dark pages. `description` is read aloud."""
    return _described(_drawn(figure, facecolor=PAPER), description)


def _drawn(figure: Figure, **how: Any) -> str:
    sink = io.StringIO()
    figure.savefig(sink, format="svg", metadata={"Date": None, "Creator": None}, **how)
    text = sink.getvalue()
    return re.sub(r"<metadata>.*?</metadata>", "", text[text.index("<svg") :], flags=re.DOTALL)


def _described(text: str, description: str) -> str:
    return text.replace("<svg ", f'<svg role="img" aria-label="{escape(description, quote=True)}" ', 1)
