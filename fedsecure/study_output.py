"""How far a long piece of work is, on standard error, and what is said when it starts anew or is stopped."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer
from rich.console import Console

if TYPE_CHECKING:
    from rich.progress import Progress

    from experiments.common.stages import JobProgress, StageProgress
    from replay.fetching import FetchProgress

GOES_ON = "the same command goes on after what is finished"
FETCH_PHASES = ("lists", "headers", "checksums", "signals")


@contextmanager
def said_when_stopped(what: str) -> Iterator[None]:
    """Say in a sentence what remains after Ctrl-C, which goes on its way."""
    try:
        yield
    except KeyboardInterrupt:
        typer.echo(f"stopped; {what}", err=True)
        raise


def say_changes(changed: Sequence[str], folder: Path) -> None:
    """Say which options differ from those of the finished stages in a folder, if any do."""
    if changed:
        names = ", ".join(name.replace("_", " ") for name in changed)
        typer.echo(f"starting anew: {names} differ from those of the stages in {folder}", err=True)


@contextmanager
def stage_bars(stages: Sequence[str]) -> Iterator[StageProgress]:
    """Show a bar a stage on a terminal, elsewhere a line for each stage that is finished."""
    from rich.progress import BarColumn, TextColumn, TimeElapsedColumn

    width = max(map(len, stages))
    with _bars(
        f"{{task.description:{width}}}", BarColumn(30), TimeElapsedColumn(), TextColumn("{task.fields[text]}")
    ) as bars:
        tasks = {stage: bars.add_task(stage, total=1.0, start=False, text="") for stage in stages}
        finished: set[str] = set()

        def advance(stage: str, share: float, text: str, *, kept: bool = False) -> None:
            bars.start_task(tasks[stage])
            bars.update(tasks[stage], completed=share, text=text)
            if share >= 1 and stage not in finished:
                finished.add(stage)
                if bars.disable:
                    typer.echo(f"{stage}: {'kept from before' if kept else 'done'}", err=True)

        yield advance


@contextmanager
def count_bar(what: str) -> Iterator[JobProgress]:
    """Show one bar over all steps on a terminal (done, of how many, the last one's name), elsewhere a line a step."""
    from rich.progress import BarColumn, MofNCompleteColumn, TimeElapsedColumn, TimeRemainingColumn

    columns = (BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(), TimeRemainingColumn(), "{task.description}")
    with _bars(*columns, transient=True) as bars:
        task = bars.add_task(what, total=None)

        def advance(done: int, of: int, name: str) -> None:
            bars.update(task, completed=done, total=of, description=name)
            if bars.disable:
                typer.echo(f"{done} of {of}: {name}", err=True)

        yield advance


@contextmanager
def fetch_bars() -> Iterator[Callable[[FetchProgress], None]]:
    """Show a bar for each phase of a download on a terminal, and yield the callback that moves them."""
    from rich.progress import BarColumn, MofNCompleteColumn, TimeRemainingColumn

    with _bars("{task.description:<9}", BarColumn(), MofNCompleteColumn(), TimeRemainingColumn()) as bars:
        tasks = {phase: bars.add_task(phase, total=None, visible=False) for phase in FETCH_PHASES}

        def show(progress: FetchProgress) -> None:
            # A bar without a total says only that something goes on: how long the server's lists are, nobody says.
            unknown = progress.phase in {"lists", "checksums"} and not progress.done
            total = None if unknown else progress.total
            bars.update(tasks[progress.phase], completed=progress.done, total=total, visible=True)

        yield show


def _bars(*columns: Any, transient: bool = False) -> Progress:
    from rich.progress import Progress

    return Progress(*columns, console=Console(stderr=True), disable=not sys.stderr.isatty(), transient=transient)
