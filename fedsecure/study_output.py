"""What the commands of the studies share: their folder of results, and how far they are."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from contracts.errors import Misconfigured, Unavailable

if TYPE_CHECKING:
    from experiments.common.stages import JobProgress, StageProgress

GOES_ON = "the same command goes on after what is finished"


def write_files(out: Path, contents: Mapping[str, str | bytes]) -> None:
    """Write a study's files into its folder; raises Misconfigured when that is not possible."""
    with writes_into(out):
        out.mkdir(parents=True, exist_ok=True)
        for name, content in contents.items():
            (out / name).write_bytes(content.encode() if isinstance(content, str) else content)


@contextmanager
def writes_into(out: Path) -> Iterator[None]:
    """Turn what the disk refuses into Misconfigured."""
    try:
        yield
    except OSError as error:
        raise Misconfigured(f"cannot write into {out}: {error.strerror or error}; choose another --out") from None


@contextmanager
def worker_processes_used(goes_on: str = GOES_ON) -> Iterator[None]:
    """Turn a worker process that was ended from outside into Unavailable, with what to do then."""
    from concurrent.futures.process import BrokenProcessPool

    try:
        yield
    except BrokenProcessPool:
        raise Unavailable(f"a worker process was ended from outside, perhaps for want of memory; {goes_on}") from None


def told_changes(changed: Sequence[str], folder: Path) -> None:
    """Say which options differ from those of the finished stages in a folder, if any do."""
    if changed:
        told = ", ".join(name.replace("_", " ") for name in changed)
        typer.echo(f"starting anew: {told} differ from those of the stages in {folder}", err=True)


@contextmanager
def stage_bars(stages: Sequence[str]) -> Iterator[StageProgress]:
    """On a terminal a bar a stage; elsewhere a line for each stage that is finished."""
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

    shown = sys.stderr.isatty()
    columns = (TextColumn("{task.description:24}"), BarColumn(), TimeElapsedColumn(), TextColumn("{task.fields[text]}"))
    with Progress(*columns, console=Console(stderr=True), disable=not shown) as bars:
        tasks = {stage: bars.add_task(stage, total=1.0, start=False, text="") for stage in stages}

        def advance(stage: str, share: float, text: str, *, kept: bool = False) -> None:
            bars.start_task(tasks[stage])
            bars.update(tasks[stage], completed=share, text=text)
            if share >= 1 and not shown:
                typer.echo(f"{stage}: {'kept from before' if kept else 'done'}", err=True)

        yield advance


@contextmanager
def count_bar(what: str) -> Iterator[JobProgress]:
    """On a terminal one bar over all steps (done, of how many, the last one's name); elsewhere a line a step."""
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        TextColumn,
        TimeElapsedColumn,
        TimeRemainingColumn,
    )

    shown = sys.stderr.isatty()
    columns = (
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
        TextColumn("{task.description}"),
    )
    with Progress(*columns, console=Console(stderr=True), disable=not shown, transient=True) as bar:
        task = bar.add_task(what, total=None)

        def advance(done: int, of: int, name: str) -> None:
            bar.update(task, completed=done, total=of, description=name)
            if not shown:
                typer.echo(f"{done} of {of}: {name}", err=True)

        yield advance
