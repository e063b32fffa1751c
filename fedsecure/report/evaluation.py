"""An evaluation as files for people: the page with everything, a summary to read, a picture to show."""

from __future__ import annotations

from collections.abc import Mapping
from importlib.resources import files
from typing import Any, Final

import matplotlib as mpl
from matplotlib.figure import Figure

from experiments.grid_exhibits import exhibits
from experiments.grid_map import describe_map, map_figure
from experiments.grid_page import build_page
from experiments.grid_results import Results
from experiments.grid_summary import summary_page
from fedsecure.report.svg import STYLE, to_picture, to_svg

PICTURE: Final = "detection.svg"
SUMMARY: Final = "summary.md"


def report_page(results: Results, command: str) -> str:
    """Return `report.html`; blocks for some seconds, as it draws every figure."""
    css = files("fedsecure.report").joinpath("report.css").read_text(encoding="utf-8")
    with mpl.rc_context(STYLE):
        shown = [
            (one, to_svg(one.shown, one.name, one.reading) if isinstance(one.shown, Figure) else "")
            for one in exhibits(results)
        ]
    return build_page(results, shown, css, command)


def short_files(document: Mapping[str, Any]) -> dict[str, str]:
    """Return the files by name, made from nothing but the content of results.json."""
    with mpl.rc_context(STYLE):
        picture = to_picture(map_figure(document), f"Attacked devices excluded: {describe_map(document)}")
    return {SUMMARY: summary_page(document), PICTURE: picture}
