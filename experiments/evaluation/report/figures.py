"""The pictures of an evaluation, drawn from its results.json alone."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final, NamedTuple

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator, PercentFormatter
from numpy.typing import NDArray

from detectors.training.cohort import Recording
from experiments.common.injection import LEVELS
from experiments.evaluation.measurement.cohort import Cohort
from experiments.evaluation.report.words import Document, fired
from experiments.report.figures import BLUE, GREEN, GREY, ORANGE, PURPLE, VERMILION, canvas, legend_above

STYLES: Final = {"strong": (VERMILION, "-"), "medium": (BLUE, "--"), "subtle": (GREEN, ":")}
IN_TIME: Final = (("strong", 2), ("strong", 12), ("medium", 12), ("subtle", 12))
"""The columns of the map: level, and within how many hours."""


def detection_figure(document: Document) -> Figure:
    """Return the share of core attacks found by hours since their onset, a line a level."""
    figure, axes = canvas(3.2, width=8.0)
    hours = [0.0, *document["curves"]["hours"]]
    for level in reversed(LEVELS):
        colour, line = STYLES[level]
        axes.plot(hours, [0.0, *document["curves"][level]], color=colour, linestyle=line, linewidth=1.8, label=level)
    axes.set_xlim(0, 12)
    axes.set_ylim(0, 1.02)
    axes.set_xticks(range(0, 13, 2))
    axes.yaxis.set_major_formatter(PercentFormatter(1.0, decimals=0))
    axes.grid(axis="y", linewidth=0.4, color=GREY, alpha=0.5)
    axes.set_xlabel("hours since the attack began")
    axes.set_ylabel("attacked devices excluded")
    legend_above(axes, 3)
    return figure


def days_figure(document: Document) -> Figure:
    """Return false exclusions a device-week by days since the enrolment, with Poisson intervals."""
    rows = [row for row in document["clean"]["by_day"] if row["weeks"]]
    figure, axes = canvas(2.6, width=8.0)
    names = []
    for place, row in enumerate(rows):
        rate = row["a_week"]
        axes.bar(place, rate["value"], 0.6, color=BLUE, alpha=0.8)
        axes.plot([place, place], [rate["low"], rate["high"]], color=ORANGE, linewidth=1.6)
        after = rows[place + 1]["from_day"] if place + 1 < len(rows) else None
        span = f"{row['from_day']}-{after}" if after is not None else f"{row['from_day']} and later"
        names.append(f"day {span}\n{row['events']:.1f} in {row['weeks']:.1f} weeks")
    axes.set_xticks(range(len(rows)), names, fontsize=8)
    highest = max(row["a_week"]["high"] for row in rows)
    axes.set_ylim(0, 1.05 * min(highest, max(1.0, *(4 * row["a_week"]["value"] for row in rows), 0.0)))
    axes.set_ylabel("a device-week")
    return figure


def map_figure(document: Document) -> Figure:
    """Return attacks by levels: the share found in time."""
    names = list(dict.fromkeys(row["attack"] for row in document["attacks"]))
    rows = {(row["attack"], row["level"]): row for row in document["attacks"]}
    values = np.full((len(names), len(IN_TIME)), np.nan)
    for line, name in enumerate(names):
        for column, (level, hours) in enumerate(IN_TIME):
            row = rows.get((name, level))
            if row is not None and row["onsets"]:
                values[line, column] = row[f"within_{hours}h"]["value"]
    figure, axes = canvas(1.0 + 0.27 * len(names), width=8.0)
    axes.imshow(values, cmap="Blues", vmin=0, vmax=1.4, aspect="auto")
    for line, column in np.argwhere(np.isfinite(values)).tolist():
        colour = "white" if values[line, column] > 0.75 else "black"
        axes.text(column, line, f"{100 * values[line, column]:.0f}", ha="center", va="center", color=colour, fontsize=8)
    axes.set_xticks(range(len(IN_TIME)), [f"{level}\nwithin {hours} h" for level, hours in IN_TIME])
    axes.set_yticks(range(len(names)), [_with_mark(document, name) for name in names])
    for side in axes.spines.values():
        side.set_visible(False)
    axes.tick_params(length=0)
    return figure


def _with_mark(document: Document, name: str) -> str:
    return f"{name} *" if any(row["attack"] == name and row["learnt"] for row in document["attacks"]) else name


def ablation_figure(document: Document) -> Figure:
    """Return how much less of the core each ablation finds, at equal false exclusions where that can be had."""
    rows = [row for row in document["ablations"] if "difference" in row]
    figure, axes = canvas(0.9 + 0.34 * len(rows), width=8.0)
    marks = (("strong_2h", VERMILION, "o", 0.22), ("medium_12h", BLUE, "s", 0.0), ("subtle_12h", PURPLE, "^", -0.22))
    for name, colour, mark, shift in marks:
        for place, row in enumerate(reversed(rows)):
            lost = row.get("equal", row)["difference"][name]
            if lost["value"] is None:
                continue
            axes.plot([lost["low"], lost["high"]], [place + shift] * 2, color=colour, linewidth=1.2)
            label = f"{name.split('_')[0]}, {name.split('_')[1].removesuffix('h')} h" if place == 0 else None
            axes.plot(lost["value"], place + shift, marker=mark, color=colour, markersize=4, linestyle="", label=label)
    axes.axvline(0, color=GREY, linewidth=0.8)
    axes.set_yticks(range(len(rows)), [_said(row) for row in reversed(rows)], fontsize=8)
    axes.xaxis.set_major_formatter(PercentFormatter(1.0, decimals=0, symbol=""))
    axes.set_xlabel("points by which the detector finds more than the changed one")
    legend_above(axes, 3, fontsize=8)
    return figure


def _said(row: Mapping[str, Any]) -> str:
    events = row["equal"]["events"] if "equal" in row else row["false_exclusions"]["n"]
    return f"{row['name']} ({events:.0f} false)"


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
    groups: list[list[Event]] = []
    for event in sorted(events, key=lambda event: (event["device"], event["event_minute"], event["seed"])):
        first = groups[-1][0] if groups else None
        if (
            first is not None
            and first["device"] == event["device"]
            and event["event_minute"] - first["event_minute"] < 60 * SAME_H
        ):
            groups[-1].append(event)
        else:
            groups.append([event])
    return groups


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
    figure, (upper, lower) = canvas(2.5, 2, 1, sharex=True)
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
