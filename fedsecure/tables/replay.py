"""Shows a replay: a progress bar on a terminal, a plain line every few seconds elsewhere."""

from __future__ import annotations

from types import TracebackType
from typing import Protocol, Self

import typer
from rich.console import Console
from rich.progress import BarColumn, TextColumn, TimeElapsedColumn
from rich.progress import Progress as Bar

from replay.progress import Progress

PLAIN_EVERY_S = 5.0


class Display(Protocol):
    """Takes a replay's progress about twice a second; used as a context manager."""

    def show(self, progress: Progress) -> None: ...

    def __enter__(self) -> Self: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None
    ) -> None: ...


def display_for(console: Console) -> Display:
    """Return the display that suits where the output goes."""
    return BarDisplay(console) if console.is_terminal else PlainDisplay()


class RateMeter:
    """Minutes per wall second since the last call, smoothed."""

    def __init__(self, smoothing: float = 0.3) -> None:
        self._smoothing = smoothing
        self._at_s = 0.0
        self._minutes = 0
        self._rate: float | None = None

    def update(self, progress: Progress) -> float:
        passed_s = progress.elapsed_s - self._at_s
        if passed_s > 0:
            now = (progress.sent_min - self._minutes) / passed_s
            self._rate = now if self._rate is None else self._rate + self._smoothing * (now - self._rate)
            self._at_s, self._minutes = progress.elapsed_s, progress.sent_min
        return self._rate or 0.0


class BarDisplay:
    """One live line: minutes sent, rate, lag."""

    def __init__(self, console: Console) -> None:
        self._bar = Bar(
            TextColumn("replay {task.fields[who]}"),
            BarColumn(),
            TextColumn("{task.completed:,.0f} of {task.total:,.0f} min"),
            TextColumn("{task.fields[rate]:,.0f} min/s"),
            TextColumn("lag {task.fields[lag]:.1f} s"),
            TimeElapsedColumn(),
            console=console,
        )
        self._task = self._bar.add_task("", total=1, rate=0.0, lag=0.0, who="")
        self._rate = RateMeter()

    def show(self, progress: Progress) -> None:
        self._bar.update(
            self._task,
            completed=progress.sent_min,
            total=progress.total_min,
            rate=self._rate.update(progress),
            lag=progress.lag_s,
            who=describe_devices(progress),
        )

    def __enter__(self) -> Self:
        self._bar.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        self._bar.stop()


class PlainDisplay:
    """A line at the start, every PLAIN_EVERY_S seconds and at the end."""

    def __init__(self) -> None:
        self._rate = RateMeter(smoothing=1.0)
        self._next_s = 0.0

    def show(self, progress: Progress) -> None:
        if not progress.total_min or (progress.elapsed_s < self._next_s and progress.sent_min < progress.total_min):
            return
        self._next_s = progress.elapsed_s + PLAIN_EVERY_S
        typer.echo(
            f"replay {describe_devices(progress)}: {progress.sent_min} of {progress.total_min} minutes, "
            f"{self._rate.update(progress):.0f} minutes/s, lag {progress.lag_s:.1f} s"
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        """Nothing to tidy up: lines stay."""


def describe_devices(progress: Progress) -> str:
    """Return how many devices send, how many of them go on, and how many had finished before."""
    goes_on = progress.resumed_devices - progress.complete_devices
    parts = [f"{goes_on} resumed"] * (goes_on > 0) + [f"{progress.complete_devices} already sent"] * (
        progress.complete_devices > 0
    )
    return f"{progress.devices} devices" + (f" ({', '.join(parts)})" if parts else "")
