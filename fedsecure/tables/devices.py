"""Devices as a table for people: the same colours and words in `fedsecure status` and in the demo."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from rich.table import Table
from rich.text import Text

from fedsecure.tables import plain_table
from fl_coordinator.gate.device_view import FRESH, DeviceView

STATE_STYLE: Final[Mapping[str, str]] = {
    "benign": "green",
    "suspect": "yellow",
    "quarantined": "bold red",
    "probation": "magenta",
    "enrolling": "cyan",
    "unscored": "dim",
    "invalid_input": "red",
    "unknown": "dim",
}
NUMBERS: Final = {"score / threshold", "score / limit", "flagged", "minutes", "enrolled", "received"}
LONGEST_NAME: Final = 24
_BARS: Final = "▁▂▃▄▅▆▇█"


def device_table(views: Sequence[DeviceView]) -> Table:
    """Return everything a person asks of a device, one row each."""
    columns = ("device", "state", "score / threshold", "flagged", "minutes", "enrolled", "received", "reason")
    table = plain_table(columns, NUMBERS, overflow="ellipsis")
    for view in views:
        table.add_row(name_text(view), state_text(view), score_text(view), *_numbers(view))
    return table


def live_table(views: Sequence[DeviceView], recent: Mapping[str, Sequence[float]]) -> Table:
    """Return the table of the demo: fits 80 columns and shows the course of each device's latest scores."""
    columns = ("device", "state", "score / limit", "latest scores", "flagged", "reason")
    table = plain_table(columns, NUMBERS, overflow="ellipsis")
    table.expand, table.columns[-1].ratio = True, 1
    for view in views:
        share, _minutes, enrolled, _age, reason = _numbers(view)
        state = state_text(view)
        if view.state == "enrolling":
            state.append(f" {enrolled}", style="dim")
        course = sparkline(recent.get(view.device_id, ()), view.status.threshold if view.status else None)
        table.add_row(name_text(view), state, score_text(view), course, share, reason)
    return table


def name_text(view: DeviceView) -> Text:
    """Return the device's name, cut to a column's width, with its id after it. The id alone where it has no name."""
    if view.label is None:
        return Text(view.device_id)
    name = Text(view.label)
    name.truncate(LONGEST_NAME, overflow="ellipsis")
    return name.append(f" {view.device_id}", style="dim")


def state_text(view: DeviceView) -> Text:
    """Return the state, with the reader's word after it when the status is not fresh."""
    text = Text(view.state, style=STATE_STYLE.get(view.state, ""))
    if view.freshness not in {FRESH, view.state}:
        text.append(f" · {view.freshness}", style="dim")
    return text


def score_text(view: DeviceView) -> Text:
    """Return score against threshold (1 = would exclude a clean device once in ten weeks)."""
    status = view.status
    if status is None or status.score is None or status.threshold is None:
        return Text("-", style="dim")
    style = "bold red" if status.flagged else ""
    return Text(f"{status.score:.1f} / {status.threshold:.1f}", style=style)


def sparkline(scores: Sequence[float], threshold: float | None, width: int = 12) -> Text:
    """Return the last scores as bars. Full height is twice the threshold, red is above it."""
    top = 2.0 * threshold if threshold and threshold > 0 else max([1.0, *scores])
    text = Text()
    for score in scores[-width:]:
        level = min(len(_BARS) - 1, max(0, int(score / top * len(_BARS))))
        text.append(_BARS[level], style="red" if threshold is not None and score > threshold else "green")
    return text


def _numbers(view: DeviceView) -> tuple[str, ...]:
    status = view.status
    if status is None:
        return ("-", "-", "-", "-", "nothing readable in Redis")
    enrolled = "yes" if status.enrolled else f"{status.enrolment_share:.0%}"
    age = "-" if view.age_s is None else f"{view.age_s:.0f} s ago"
    return (f"{status.flagged_share:.0%}", f"{status.minutes:,}", enrolled, age, status.reason)
