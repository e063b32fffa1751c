"""`make chaos`: run seeds of disasters, or soak an installation, and write the table and the picture."""

from __future__ import annotations

import shutil
import signal
import tempfile
from contextlib import suppress
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from chaos.page import write_page
from chaos.results import Results
from chaos.run import Outcome, Pace, run_seed
from chaos.site.installation import NotWell
from chaos.soak import Soaking, soak
from contracts.errors import Unavailable

RESULTS = Path("docs/results/chaos")
FAILED = 1
console = Console(stderr=True)


def main(
    *,
    seeds: Annotated[int, typer.Option(min=1, help="How many seeds, from --first on.")] = 100,
    first: Annotated[int, typer.Option(min=0, help="The first of them.")] = 0,
    again: Annotated[
        bool, typer.Option("--again", help="Run those again that failed when they were last run.")
    ] = False,
    stream: Annotated[float, typer.Option(min=5, help="Seconds of wall time that a seed's vitals stream.")] = 60.0,
    disasters: Annotated[int, typer.Option(min=0, help="Disasters a seed.")] = 3,
    patience: Annotated[
        float,
        typer.Option(
            min=1, help="So many times as long as stated healing may take: for a machine that does other things too."
        ),
    ] = 1.0,
    soak_min: Annotated[
        float,
        typer.Option(
            "--soak",
            min=0,
            help="Instead of seeds: stream so many minutes without any disaster and watch what it costs.",
        ),
    ] = 0.0,
    devices: Annotated[int, typer.Option(min=3, help="Devices of a soak.")] = 50,
    speed: Annotated[float, typer.Option(min=1, help="Recorded seconds a second of a soak.")] = 480.0,
    out: Annotated[Path, typer.Option(help="Folder of the results. Seeds that are there are not run again.")] = RESULTS,
) -> None:
    """Let disasters happen to a whole installation and compare it with a quiet day. Ctrl-C ends it; the same call goes on from there."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # as Ctrl-C: programs and the small disk are cleared away
    if soak_min:
        soak(Soaking(soak_min, devices, speed), out, console)
        return
    results, pace = Results(out), Pace(stream, disasters, patience)
    left = results.left(range(first, first + seeds), again=again)
    console.print(f"{len(left)} of {seeds} seeds to run, results in {results.path}")
    failed = [outcome for outcome in _run_all(left, pace, results) if not outcome.passed]
    write_page(out)
    for outcome in failed:
        console.print(f"[red]seed {outcome.seed}[/]: {'; '.join(outcome.faults)}")
    raise typer.Exit(FAILED if failed or results.left(range(first, first + seeds), again=False) else 0)


def _run_all(seeds: list[int], pace: Pace, results: Results) -> list[Outcome]:
    outcomes = []
    columns = TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn()
    with Progress(*columns, console=console) as progress:
        task = progress.add_task("seeds", total=len(seeds))
        for seed in seeds:
            try:
                outcome = _run_one(
                    seed, pace, lambda what, seed=seed: progress.update(task, description=f"seed {seed}: {what}")
                )
            except (NotWell, Unavailable) as error:  # nothing is known of the seed: the same command runs it again
                console.print(f"[red]seed {seed}[/] could not be run: {error}")
                continue
            results.add(outcome)
            outcomes.append(outcome)
            progress.advance(task)
    return outcomes


def _run_one(seed: int, pace: Pace, say: object) -> Outcome:
    """Run a seed in a folder that stays only if it failed: its logs tell why."""
    folder = Path(tempfile.mkdtemp(prefix=f"fedsecure-chaos-{seed}-"))
    outcome = None
    try:
        outcome = run_seed(seed, folder, pace, say)  # type: ignore[arg-type]
        return outcome
    finally:
        if outcome is not None and outcome.passed:
            shutil.rmtree(folder, ignore_errors=True)
        else:
            console.print(f"the logs of seed {seed} are in {folder}")


if __name__ == "__main__":
    with suppress(KeyboardInterrupt):
        typer.run(main)
