"""The figures of the report: a device's course, the throughput, the latency."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import groupby
from typing import Final

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import NullFormatter, ScalarFormatter
from numpy.typing import NDArray

from experiments.report.figures import (
    BLUE,
    GREEN,
    GREY,
    ORANGE,
    PURPLE,
    SKY,
    STYLE,
    VERMILION,
    canvas,
    legend_above,
    to_svg,
)
from fedsecure.demo.observing.checks import quarantine_after_onset
from fedsecure.demo.observing.observation import DeviceTrace, Observation, percentile

STATE_COLOUR: Final[Mapping[str, str]] = {
    "enrolling": SKY,
    "benign": GREEN,
    "suspect": ORANGE,
    "quarantined": VERMILION,
    "probation": PURPLE,
    "unscored": GREY,
    "invalid_input": GREY,
}
LABEL_FROM_SHARE: Final = 0.07


def device_figure(observation: Observation, trace: DeviceTrace) -> str:
    """Return a device's vitals, score against threshold, and states over its recorded time, as SVG."""
    with mpl.rc_context(STYLE):
        figure = Figure(figsize=(9.6, 5.0), layout="constrained")
        draw_device(figure, observation, trace)
        return to_svg(figure, trace.device_id, describe_device(observation, trace))


def draw_device(figure: Figure, observation: Observation, trace: DeviceTrace) -> None:
    """Draw a device's three panels into an empty figure."""
    vitals, score, states = figure.subplots(3, 1, sharex=True, height_ratios=(3, 3, 0.7))
    first = min((*trace.vitals, *trace.verdicts), default=0)
    _draw_vitals(vitals, trace, first)
    _draw_score(score, trace, first)
    _draw_states(states, trace, first)
    for axes in (vitals, score):
        _shade_attacks(axes, observation, trace.device_id, first)
    _mark_quarantine(score, observation, trace.device_id, first)
    legend_above(score, 5, fontsize=8)
    states.set_xlabel("recorded time (hours)")


def describe_device(observation: Observation, trace: DeviceTrace) -> str:
    """Return in words what a device's figure shows."""
    attacks = [f"{t.attack} ({t.level})" for t in observation.truth if t.device_id == trace.device_id]
    quarantine = quarantine_after_onset(observation, trace.device_id)
    onset = observation.onset_of(trace.device_id)
    flagged = sum(1 for *_, is_flagged, _state in trace.verdicts.values() if is_flagged)
    scored = sum(1 for score, *_ in trace.verdicts.values() if score is not None)
    text = f"{trace.device_id}: {len(trace.vitals)} minutes, {flagged} of {scored} decisions flagged; "
    if not attacks:
        return text + "not attacked."
    text += f"attacked by {', '.join(attacks)}; "
    if quarantine is None or onset is None:
        return text + "never quarantined after onset."
    return text + f"quarantined {quarantine.event_minute - onset} minutes after onset."


def throughput_figure(observation: Observation) -> str:
    """Return judged minutes per second over the run, as SVG."""
    with mpl.rc_context(STYLE):
        figure, axes = canvas(2.2)
        times = np.array([at - observation.started_at for at, _ in observation.applied])
        minutes = np.array([minutes for _, minutes in observation.applied], dtype=float)
        edges = np.arange(0.0, (times.max() if len(times) else 1.0) + 2.0, 2.0)
        rate = np.histogram(times, bins=edges, weights=minutes)[0] / 2.0
        axes.stairs(rate, edges, fill=True, color=BLUE, alpha=0.8)
        axes.set_xlabel("seconds since the start")
        axes.set_ylabel("judged minutes per second")
        text = f"Throughput over time; at most {rate.max():.0f} minutes per second, averaged over two seconds."
        return to_svg(figure, "throughput", text)


def latency_figure(samples_s: Sequence[float]) -> str:
    """Return the histogram of latencies with its median and 99th percentile, as SVG."""
    with mpl.rc_context(STYLE):
        figure, axes = canvas(2.2)
        axes.set_xlabel("milliseconds from the sender's clock to the status in Redis")
        axes.set_ylabel("messages")
        if not samples_s:
            return to_svg(figure, "latency", "No latency was measured.")
        millis = np.maximum(1.0, 1000.0 * np.asarray(samples_s))
        axes.hist(millis, bins=np.geomspace(millis.min(), millis.max() * 1.01, 40).tolist(), color=BLUE, alpha=0.8)
        axes.set_xscale("log")
        axes.xaxis.set_major_formatter(ScalarFormatter())
        axes.xaxis.set_minor_formatter(NullFormatter())
        text = f"Latency of {len(samples_s)} messages"
        for share, line in ((0.50, "-"), (0.99, "--")):
            value = 1000.0 * (percentile(samples_s, share) or 0.0)
            label = f"p{share * 100:.0f} {value:.0f} ms"
            axes.axvline(value, color=VERMILION, linestyle=line, label=label)
            text += f", {label}"
        legend_above(axes, 5, fontsize=8)
        return to_svg(figure, "latency", text + ".")


def _hours(minutes: Sequence[int], first: int) -> NDArray[np.float64]:
    return (np.asarray(minutes, dtype=np.float64) - first) / 60.0


def _draw_vitals(axes: Axes, trace: DeviceTrace, first: int) -> None:
    minutes = sorted(trace.vitals)
    values = np.array([trace.vitals[minute] for minute in minutes], dtype=np.float64).reshape(-1, 2)
    values[values == 0.0] = np.nan  # on the wire zero is missing
    for column, (label, colour) in enumerate((("heart rate (bpm)", BLUE), ("respiration (breaths/min)", ORANGE))):
        axes.plot(_hours(minutes, first), values[:, column], color=colour, linewidth=0.8, label=label)
    axes.set_ylabel("vitals as sent")
    legend_above(axes, 5, fontsize=8)


def _draw_score(axes: Axes, trace: DeviceTrace, first: int) -> None:
    minutes = sorted(trace.verdicts)
    rows = [trace.verdicts[minute] for minute in minutes]
    score = np.array([row[0] for row in rows], dtype=np.float64)
    threshold = np.array([row[1] for row in rows], dtype=np.float64)
    flagged = np.array([row[2] for row in rows], dtype=bool)
    hours = _hours(minutes, first)
    known = np.isfinite(score)  # a decision falls every fifteen minutes
    axes.plot(hours[known], score[known], color=BLUE, linewidth=0.8, marker=".", markersize=2, label="score")
    axes.plot(hours, threshold, color=GREY, linewidth=1.2, linestyle="--", label="threshold")
    axes.plot(hours[flagged], score[flagged], ".", color=VERMILION, markersize=5, label="flagged")
    axes.set_ylabel("score")


def _draw_states(axes: Axes, trace: DeviceTrace, first: int) -> None:
    minutes = sorted(trace.verdicts)
    whole = max(1, len(minutes))
    for state, run in groupby(minutes, key=lambda minute: str(trace.verdicts[minute][3])):
        of_run = list(run)
        start, end = _hours([of_run[0], of_run[-1] + 1], first)
        axes.axvspan(start, end, color=STATE_COLOUR.get(state, GREY), alpha=0.55, linewidth=0)
        if len(of_run) / whole >= LABEL_FROM_SHARE:
            axes.text((start + end) / 2, 0.5, state, ha="center", va="center", fontsize=8)
    axes.set_ylim(0, 1)
    axes.set_yticks([])
    axes.set_ylabel("state", rotation=0, ha="right", va="center")


def _shade_attacks(axes: Axes, observation: Observation, device_id: str, first: int) -> None:
    for interval in observation.truth:
        if interval.device_id == device_id:
            start, end = _hours([interval.first_event_minute, interval.end_event_minute], first)
            axes.axvspan(start, end, facecolor=PURPLE, alpha=0.18, hatch="///", edgecolor=PURPLE, linewidth=0)


def _mark_quarantine(axes: Axes, observation: Observation, device_id: str, first: int) -> None:
    quarantine = quarantine_after_onset(observation, device_id)
    if quarantine is not None:
        hour = float(_hours([quarantine.event_minute], first)[0])
        axes.axvline(hour, color=VERMILION, linewidth=1.6, label="quarantined")
