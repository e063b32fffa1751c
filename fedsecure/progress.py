"""Bars for work that takes minutes: a stage of a training, a phase of a download."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from detectors.training.trainer import Progress
    from replay.fetching import FetchProgress

FETCH_PHASES = ("lists", "headers", "checksums", "signals")


@contextmanager
def progress_bars(stages: Sequence[str]) -> Iterator[Progress]:
    """Show a bar for each stage, and yield the callback that moves them."""
    from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

    width = max(map(len, stages))
    columns = (
        TextColumn(f"{{task.description:{width}}}"),
        BarColumn(30),
        TimeElapsedColumn(),
        TextColumn("{task.fields[text]}"),
    )
    with Progress(*columns) as bars:
        tasks = {stage: bars.add_task(stage, total=1.0, start=False, text="") for stage in stages}

        def advance(stage: str, share: float, text: str) -> None:
            bars.start_task(tasks[stage])
            bars.update(tasks[stage], completed=share, text=text)

        yield advance


@contextmanager
def fetch_bars() -> Iterator[Callable[[FetchProgress], None]]:
    """Show a bar for each phase of a download on a terminal, and yield the callback that moves them."""
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    console = Console(stderr=True)
    columns = (TextColumn("{task.description:<9}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console, disable=not console.is_terminal) as bar:
        tasks = {phase: bar.add_task(phase, total=None, visible=False) for phase in FETCH_PHASES}

        def show(progress: FetchProgress) -> None:
            # A bar without a total says only that something goes on: how long the server's lists are, nobody says.
            unknown = progress.phase in {"lists", "checksums"} and not progress.done
            total = None if unknown else progress.total
            bar.update(tasks[progress.phase], completed=progress.done, total=total, visible=True)

        yield show
