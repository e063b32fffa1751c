"""What a person sees of a running demo: a live view on a terminal, plain lines anywhere else."""

from __future__ import annotations

import time
from collections.abc import Sequence
from types import TracebackType
from typing import Self

from rich.console import Console, Group
from rich.live import Live
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from contracts.messages.federation import RoundRecord
from fedsecure.demo.observing.frames import Frame
from fedsecure.tables import plain_table
from fedsecure.tables.devices import live_table

PLAIN_EVERY_S = 5.0
NAMED_AT_MOST = 2
PHASE_STYLE = {"committed": "green", "rejected": "red", "skipped": "yellow", "failed": "red"}


def screen_for(console: Console) -> PlainScreen:
    """Return the live view if the console is a terminal, else plain lines."""
    return LiveScreen(console) if console.is_terminal else PlainScreen(console)


class PlainScreen:
    """A context that prints a line every few seconds, and one at every change of a device's state or of a round."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._next = 0.0
        self._states: dict[str, str] = {}
        self._phases: dict[int, str] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        return None

    def say(self, text: str) -> None:
        """Show a line that stays."""
        self._console.print(text, markup=False, highlight=False, soft_wrap=True)

    def show(self, frame: Frame) -> None:
        """Show the state of things now."""
        for line in self._changes(frame):
            self.say(f"{frame.elapsed_s:6.1f} s  {line}")
        if time.monotonic() >= self._next:
            self._next = time.monotonic() + PLAIN_EVERY_S
            self.say(f"{frame.elapsed_s:6.1f} s  {numbers_line(frame)}")

    def conclude(self, lines: Sequence[str]) -> None:
        """Show what is to be read last."""
        for line in lines:
            self.say(line)

    def _changes(self, frame: Frame) -> list[str]:
        lines = []
        for view in frame.views:
            if self._states.get(view.device_id) != view.state:
                self._states[view.device_id] = view.state
                lines.append(f"{view.name}: {view.state}" + _because(view.status.reason if view.status else ""))
        for record in frame.rounds:
            if self._phases.get(record.round) != record.phase:
                self._phases[record.round] = record.phase
                lines.append(round_line(record))
        return lines


class LiveScreen(PlainScreen):
    """Redraws one view in place."""

    def __init__(self, console: Console) -> None:
        super().__init__(console)
        self._live = Live(Text(""), console=console, auto_refresh=False, transient=False)

    def __enter__(self) -> Self:
        self._live.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        self._live.stop()

    def say(self, text: str) -> None:
        self._console.print(text, markup=False, highlight=False)

    def show(self, frame: Frame) -> None:
        if not self._live.is_started:
            self._live.start()
        self._live.update(draw(frame), refresh=True)

    def conclude(self, lines: Sequence[str]) -> None:
        # Lines said while the view is live stand above it; these belong below the last picture.
        self._live.stop()
        super().conclude(lines)


def numbers_line(frame: Frame) -> str:
    """Return the run's pace in one line."""
    latency = "-" if frame.latency_p50_s is None else f"{frame.latency_p50_s * 1000:.0f} ms"
    left = "" if frame.remaining_s is None else f", about {frame.remaining_s:.0f} s to go"
    return (
        f"{frame.minutes_judged:,} minutes judged, {frame.minutes_per_s:.0f} a second, lag {frame.lag_min} min, "
        f"latency {latency}{left}"
    )


def round_line(record: RoundRecord) -> str:
    """Return a round in one line."""
    out = excluded_by_reason(record)
    return (
        f"round {record.round} {record.phase}: {len(record.cohort)} train"
        + (f"; out: {out}" if out else "")
        + _because(record.reason)
    )


def excluded_by_reason(record: RoundRecord) -> str:
    """Return the devices that sat out by reason. Many with the same reason are counted, not named."""
    by_reason: dict[str, list[str]] = {}
    for name, why in sorted(record.excluded.items()):
        by_reason.setdefault(why, []).append(name)
    return ", ".join(
        f"{len(names)} {why}" if len(names) > NAMED_AT_MOST else f"{' and '.join(names)} {why}"
        for why, names in by_reason.items()
    )


def draw(frame: Frame) -> Group:
    """Return the live view."""
    head = Text.assemble(("FedSecure demo  ", "bold"), (f"{frame.elapsed_s:.0f} s  ", "cyan"), numbers_line(frame))
    parts: list[Panel | Text] = [head, Panel(Text(frame.advice), title="look here", border_style="cyan")]
    if frame.views:
        parts.append(Panel(live_table(frame.views, frame.recent), title="devices"))
    if frame.rounds:
        parts.append(Panel(_round_table(frame.rounds), title="federated rounds"))
    return Group(*parts)


def _round_table(records: Sequence[RoundRecord]) -> Table:
    columns = ("round", "outcome", "trained", "loss", "sat out")
    table = plain_table(columns, right=("round", "trained", "loss"), overflow="ellipsis")
    table.expand, table.columns[-1].ratio = True, 1
    for record in records:
        out = excluded_by_reason(record) or record.reason
        phase = Text(str(record.phase), style=PHASE_STYLE.get(str(record.phase), ""))
        loss = "-" if record.loss is None else f"{record.loss:.4f}"
        table.add_row(str(record.round), phase, f"{len(record.accepted)}/{len(record.cohort)}", loss, out)
    return table


def _because(reason: str) -> str:
    return f" ({reason})" if reason else ""
