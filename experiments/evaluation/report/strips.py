"""Every false exclusion as a strip of the vital signs around it; for the user's own report alone, as it shows recordings."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final, NamedTuple

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator
from numpy.typing import NDArray

from detectors.training.cohort import Recording
from experiments.evaluation.measurement.cohort import Cohort
from experiments.evaluation.report.words import Document, fired
from experiments.report.figures import BLUE, ORANGE, VERMILION

Event = Mapping[str, Any]

BEFORE_H: Final = 8.0
AFTER_H: Final = 4.0
SAME_H: Final = 12.0
"""Exclusions of one device that begin less than half a day apart, of several seeds, are one strip."""


class Strip(NamedTuple):
    """A picture and what it shows."""

    figure: Figure
    caption: str


def strips(document: Document, cohort: Cohort) -> Iterator[Strip]:
    """Yield a strip for each false exclusion of the judged patients, device by device."""
    recordings = {stay.recording.device_id: stay.recording for stay in cohort.judged}
    for events in grouped(document["exclusions"]):
        yield Strip(strip_figure(recordings[events[0]["device"]], events), caption(events))


def grouped(events: list[Event]) -> list[list[Event]]:
    """Return the events of one device that begin within half a day of the first together, by device and time."""
    found: list[list[Event]] = []
    for event in sorted(events, key=lambda one: (one["device"], one["event_minute"], one["seed"])):
        first = found[-1][0] if found else None
        if (
            first is not None
            and first["device"] == event["device"]
            and event["event_minute"] - first["event_minute"] < 60 * SAME_H
        ):
            found[-1].append(event)
        else:
            found.append([event])
    return found


def caption(events: list[Event]) -> str:
    """Return who was excluded when, for how long, with which seeds, and what fired."""
    first = events[0]
    seeds = sorted({event["seed"] for event in events})
    return (
        f"{first['device']}, {first['day']:.1f} days after its enrolment, for {max(event['hours'] for event in events):.1f} h; "
        f"seed{'s' if len(seeds) > 1 else ''} {', '.join(map(str, seeds))}. Fired: {fired(first)}."
    )


def strip_figure(recording: Recording, events: list[Event]) -> Figure:
    """Return heart rate above respiratory rate, from eight hours before the first exclusion to four after its end."""
    at = events[0]["event_minute"] - recording.first_event_minute
    last = max(event["event_minute"] - events[0]["event_minute"] + 60 * event["hours"] for event in events)
    begin, end = max(0, at - int(60 * BEFORE_H)), min(len(recording.heart_rate_bpm), at + int(last + 60 * AFTER_H))
    hours = (np.arange(begin, end) - at) / 60
    figure = Figure(figsize=(9.6, 2.5), layout="constrained")
    upper, lower = figure.subplots(2, 1, sharex=True)
    _draw(upper, hours, recording.heart_rate_bpm[begin:end], BLUE, "heart rate\n(bpm)")
    _draw(lower, hours, recording.resp_rate_bpm[begin:end], ORANGE, "respiration\n(breaths/min)")
    for axes in (upper, lower):
        for event in events:
            start = (event["event_minute"] - events[0]["event_minute"]) / 60
            axes.axvspan(start, start + event["hours"], color=VERMILION, alpha=0.12, linewidth=0)
            axes.axvline(start, color=VERMILION, linewidth=1.0)
    lower.set_xlabel("hours since the exclusion")
    lower.set_xlim(hours[0], hours[-1])
    lower.xaxis.set_major_locator(MaxNLocator(integer=True))
    return figure


def _draw(axes: Axes, hours: NDArray[np.float64], values: NDArray[np.float64], colour: str, name: str) -> None:
    axes.plot(hours, np.where(values > 0, values, np.nan), color=colour, linewidth=0.8)
    axes.set_ylabel(name, fontsize=8)
