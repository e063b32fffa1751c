"""A run's figures as tables, and as a page with plots."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from matplotlib.figure import Figure

from bench.row import Row
from experiments.report.figures import BLUE, GREEN, GREY, VERMILION, to_svg
from experiments.report.page import Cover, Section, page_of
from experiments.report.tables import Table

TITLES: Mapping[str, str] = {
    "judging": "A minute's judgement",
    "worker": "A worker end to end",
    "start": "Start and memory",
    "latency": "From sending to status",
    "score": "Files: `fedsecure score`",
    "scale": "More and more devices",
    "federation": "Rounds with more and more devices",
    "images": "Container images",
    "restore": "Going on with devices of another worker",
    "peers": "Others on the same minutes",
    "former": "The former release on the same files",
    "gate": "The gate in front of a strategy of Flower",
}
ROWS_DRAWN_FROM = 2


def table_of(rows: Sequence[Row]) -> Table:
    """Return figures as a table; goals that are met or missed are marked."""
    return Table(
        ("", "measured", "goal"),
        tuple((row.name + (f" ({row.note})" if row.note else ""), shown(row), goal_shown(row)) for row in rows),
        tuple(row.is_met for row in rows),
    )


def shown(row: Row) -> str:
    """Return a figure with its unit and its range.

    >>> shown(Row("a minute", 36.41, "us", low=35.0, high=41.2)), shown(Row("two", 1.806, "x"))
    ('36.4 us (35.0 to 41.2)', '1.81 x')
    """
    text = f"{number(row.value)} {row.unit}"
    return text if row.low is None or row.high is None else f"{text} ({number(row.low)} to {number(row.high)})"


def goal_shown(row: Row) -> str:
    """Return what a figure should be at most or at least; empty without a goal."""
    if row.goal is None:
        return ""
    return f"{'at most' if row.bound == 'most' else 'at least'} {number(row.goal)} {row.unit}"


def number(value: float) -> str:
    """Return three digits that mean something.

    >>> number(12345.6), number(36.41), number(0.6)
    ('12,300', '36.4', '0.60')
    """
    if abs(value) >= 100:
        return f"{round(value, -2 if abs(value) >= 10_000 else 0):,.0f}"
    return f"{value:.1f}" if abs(value) >= 10 else f"{value:.2f}"


def page(results: Mapping[str, Sequence[Row]], machine: Mapping[str, Any], command: str) -> str:
    """Return the run as one HTML page."""
    sections = [
        Section(name, TITLES[name], "", [drawn(name, rows), table_of(rows)]) for name, rows in results.items() if rows
    ]
    on = f"{machine['processor']}, {machine['cores']} cores, {machine['memory_gb']:.0f} GB; {machine['date']}"
    return page_of(Cover("What FedSecure costs", f"Measured in one run on {on}."), sections, command)


def drawn(name: str, rows: Sequence[Row]) -> str:
    """Return bars of the figures of the unit that most of them have; a line marks each goal."""
    units = [row.unit for row in rows]
    unit = max(units, key=units.count)
    bars = [row for row in rows if row.unit == unit][::-1]
    figure = Figure(figsize=(7, 0.4 + 0.32 * len(bars)), layout="constrained")
    axes = figure.subplots()
    colours = {True: GREEN, False: VERMILION, None: BLUE}
    axes.barh(range(len(bars)), [row.value for row in bars], color=[colours[row.is_met] for row in bars], height=0.6)
    for at, row in enumerate(bars):
        if row.goal is not None:
            axes.plot([row.goal, row.goal], [at - 0.4, at + 0.4], color=GREY, linewidth=2)
        if row.low is not None and row.high is not None:
            axes.plot([row.low, row.high], [at, at], color="black", linewidth=1)
    axes.set_yticks(range(len(bars)), [row.name for row in bars])
    axes.set_xlabel(unit)
    return to_svg(figure, f"bench-{name}", f"{TITLES[name]}: bars of {len(bars)} figures in {unit}")
