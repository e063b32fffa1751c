"""Recordings as a picture: heart and respiratory rate over time, gaps shaded, artefacts marked at the edge."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Final

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure, SubFigure

from contracts.event_time import from_event_minute
from detectors.minutes.cleaning import HIGHEST, LOWEST, usable_minutes
from experiments.report.figures import BLUE, GREY, ORANGE, STYLE, VERMILION
from fedsecure.inspection.facts import length_text, runs
from fedsecure.output_files import writes
from replay.recording import Recording, Vitals

MOST_DRAWN: Final = 12
HEIGHT_IN: Final = 2.9
DOTS_PER_INCH: Final = 110
TIME_UNITS: Final[tuple[tuple[str, int], ...]] = (("days", 1440), ("hours", 60))
FEWEST_UNITS: Final = 3
FEW_MINUTES: Final = 200


def draw_recordings(recordings: Sequence[Recording], picture: Path) -> None:
    """Write a PNG with two panels a recording. Raises Misconfigured when the file cannot be written."""
    with mpl.rc_context(STYLE):
        figure = Figure(figsize=(10.0, HEIGHT_IN * len(recordings)), layout="constrained")
        parts = figure.subfigures(len(recordings), 1, squeeze=False)[:, 0]
        for part, recording in zip(parts, recordings, strict=True):
            _draw(part, recording)
        with writes(str(picture), "another --plot"):
            figure.savefig(picture, format="png", dpi=DOTS_PER_INCH, facecolor="white")


def _draw(part: SubFigure, recording: Recording) -> None:
    # The unit that gives an axis numbers of one or two digits, and its length in minutes.
    fitting = (unit for unit in TIME_UNITS if recording.minutes >= FEWEST_UNITS * unit[1])
    unit, unit_min = next(fitting, ("minutes", 1))
    heart, breath = part.subplots(2, 1, sharex=True, height_ratios=(3, 2))
    start = f"{from_event_minute(recording.first_event_minute):%Y-%m-%d %H:%M}"
    kind = ", charted" if recording.charted else ""
    valid = usable_minutes(recording.heart_rate_bpm, recording.resp_rate_bpm)
    heart.set_title(
        f"{recording.device_id}: {length_text(recording.minutes)} from {start}{kind}, {1 - valid.mean():.1%} missing",
        fontsize=9,
    )
    for axes, values, channel, colour in (
        (heart, recording.heart_rate_bpm, 0, BLUE), (breath, recording.resp_rate_bpm, 1, ORANGE),
    ):  # fmt: skip
        for first, end in runs(~valid):
            axes.axvspan((first - 0.5) / unit_min, (end - 0.5) / unit_min, color=GREY, alpha=0.3, linewidth=0.3)
        _draw_channel(axes, values, np.arange(len(values)) / unit_min, channel, colour)
    heart.set_ylabel("heart rate\n(bpm)")
    breath.set_ylabel("resp. rate\n(per min)")
    breath.set_xlim(-0.5 / unit_min, (recording.minutes - 0.5) / unit_min)
    breath.set_xlabel(f"{unit} since the start (grey: no valid minute; x: an artefact)", fontsize=8)
    part.align_ylabels()


def _draw_channel(axes: Axes, values: Vitals, at: Vitals, channel: int, colour: str) -> None:
    wrong = (values < LOWEST[channel]) | (values > HIGHEST[channel])
    kept = np.where(wrong, np.nan, values)
    axes.plot(at, kept, color=colour, linewidth=0.8, marker=".", markersize=4 if len(values) < FEW_MINUTES else 1.2)
    if np.isfinite(kept).any():
        low, high = np.nanmin(kept), np.nanmax(kept)
        margin = max(1.0, 0.08 * (high - low))
        axes.set_ylim(low - margin, high + margin)
    if wrong.any():
        edge = np.where(values[wrong] < LOWEST[channel], 0.03, 0.97)
        axes.plot(at[wrong], edge, "x", color=VERMILION, markersize=4, transform=axes.get_xaxis_transform())
