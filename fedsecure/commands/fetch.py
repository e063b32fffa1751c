"""`fedsecure fetch`: bring public recordings to this machine."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from contracts.errors import Unavailable

if TYPE_CHECKING:
    from replay.fetching import Fetched, FetchProgress

INTERRUPTED = 130
PHYSIONET = "https://physionet.org/files/mimic3wdb-matched/1.0/"
FAILURES_SHOWN = 5

fetch = typer.Typer(
    rich_markup_mode="markdown",
    help="Download public recordings: whole or not at all, checked against their checksums, and resumable.",
    no_args_is_help=True,
)


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.add_typer(fetch, name="fetch")


@fetch.callback()
def _group() -> None:
    """Keep `mimic3-waveforms` a word of its own though it is the only one."""


@fetch.command("mimic3-waveforms")
def mimic3_waveforms(
    patients: Annotated[
        int,
        typer.Option("--patients", min=1, help="How many patients, from the first of the database on.", metavar="N"),
    ] = 10,
    out: Annotated[
        Path, typer.Option("--out", help="Folder for the records; what is whole there already is kept.", metavar="DIR")
    ] = Path("mimic3-waveforms"),
    base_url: Annotated[
        str, typer.Option("--base-url", help="Folder on a server that holds RECORDS-numerics.", metavar="URL")
    ] = PHYSIONET,
) -> None:
    """Download the numerics (vital signs a minute) of MIMIC-III patients from PhysioNet; no account is needed.

    Every file is checked against the server's SHA-256 list and every signal against the checksum in its header. Stop it
    with Ctrl-C at any time: the same command goes on where it was. The folder can be given to `fedsecure inspect`, `score`
    and `replay`. The data is the MIMIC-III Waveform Database Matched Subset 1.0 (Moody et al. 2020), under the ODbL 1.0.

    Examples:

    - `fedsecure fetch mimic3-waveforms --patients 20`

    - `fedsecure fetch mimic3-waveforms --patients 200 --out data/numerics`
    """
    from replay.fetching import Server, fetch_numerics

    server = Server(base_url)
    try:
        with _progress() as show:
            fetched = fetch_numerics(server, out, patients, show)
    except KeyboardInterrupt:
        typer.echo(f"stopped: what is whole is in {out}; the same command goes on from there", err=True)
        raise typer.Exit(INTERRUPTED) from None
    _summarise(fetched, out, patients)


@contextmanager
def _progress() -> Iterator[Callable[[FetchProgress], None]]:
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    console = Console(stderr=True)
    columns = (TextColumn("{task.description:<9}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console, disable=not console.is_terminal) as bar:
        tasks = {phase: bar.add_task(phase, total=None, visible=False) for phase in ("headers", "checksums", "signals")}

        def show(progress: FetchProgress) -> None:
            # A bar without a total says only that something goes on: how long the list of checksums is, nobody says.
            total = None if progress.phase == "checksums" and not progress.done else progress.total
            bar.update(tasks[progress.phase], completed=progress.done, total=total, visible=True)

        yield show


def _summarise(fetched: Fetched, out: Path, wanted_patients: int) -> None:
    new = (
        f"{fetched.new_records} of them new ({fetched.new_bytes / 1e6:.1f} MB)"
        if fetched.new_records
        else "none of them new"
    )
    fewer = (
        f", all that the server has (not {wanted_patients})"
        if fetched.patients < wanted_patients and not fetched.failed
        else ""
    )
    typer.echo(f"{fetched.records} records of {fetched.patients} patients{fewer} in {out}, {new}")
    if fetched.files:
        typer.echo(
            f"checked: every signal against its header, {fetched.sums_checked} of {fetched.files} files by SHA-256"
        )
    if fetched.failed:
        shown = "; ".join(f"{name}: {reason}" for name, reason in fetched.failed[:FAILURES_SHOWN])
        more = f"; and {len(fetched.failed) - FAILURES_SHOWN} more" if len(fetched.failed) > FAILURES_SHOWN else ""
        raise Unavailable(
            f"{len(fetched.failed)} records could not be fetched; the same command tries them again: {shown}{more}"
        )
    typer.echo(f"look at them: fedsecure inspect {out}")
