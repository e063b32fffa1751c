"""Shows a replay: a progress bar on a terminal, a plain line every few seconds elsewhere."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import typer
from rich.console import Console
from rich.progress import BarColumn, TimeElapsedColumn
from rich.progress import Progress as Bar

from replay.progress import Progress

PLAIN_EVERY_S = 5.0


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


@contextmanager
def replay_display(console: Console) -> Iterator[Callable[[Progress], None]]:
    """Yield what takes a replay's progress about twice a second: one live line on a terminal, elsewhere plain lines."""
    if not console.is_terminal:
        yield _plain_lines()
        return
    columns = (
        "replay {task.fields[who]}",
        BarColumn(),
        "{task.completed:,.0f} of {task.total:,.0f} min",
        "{task.fields[rate]:,.0f} min/s",
        "lag {task.fields[lag]:.1f} s",
        TimeElapsedColumn(),
    )
    with Bar(*columns, console=console) as bar:
        task, rate = bar.add_task("", total=1, rate=0.0, lag=0.0, who=""), RateMeter()

        def show(progress: Progress) -> None:
            bar.update(
                task,
                completed=progress.sent_min,
                total=progress.total_min,
                rate=rate.update(progress),
                lag=progress.lag_s,
                who=describe_devices(progress),
            )

        yield show


def _plain_lines() -> Callable[[Progress], None]:
    """Return what prints a line at the start, every `PLAIN_EVERY_S` seconds and at the end."""
    rate, next_s = RateMeter(smoothing=1.0), 0.0

    def show(progress: Progress) -> None:
        nonlocal next_s
        if not progress.total_min or (progress.elapsed_s < next_s and progress.sent_min < progress.total_min):
            return
        next_s = progress.elapsed_s + PLAIN_EVERY_S
        typer.echo(
            f"replay {describe_devices(progress)}: {progress.sent_min} of {progress.total_min} minutes, "
            f"{rate.update(progress):.0f} minutes/s, lag {progress.lag_s:.1f} s"
        )

    return show


def describe_devices(progress: Progress) -> str:
    """Return how many devices send, how many of them go on, and how many had finished before."""
    goes_on = progress.resumed_devices - progress.complete_devices
    parts = [f"{goes_on} resumed"] * (goes_on > 0) + [f"{progress.complete_devices} already sent"] * (
        progress.complete_devices > 0
    )
    return f"{progress.devices} devices" + (f" ({', '.join(parts)})" if parts else "")
