"""A bar a stage for work that takes minutes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from detectors.training.trainer import Progress


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
