"""`fedsecure fetch`: bring public recordings to this machine."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from contracts.errors import Misconfigured, Unavailable
from fedsecure.study_output import fetch_bars

if TYPE_CHECKING:
    from replay.fetching import Fetched, Server
    from replay.fetching.record_kinds import RecordKind

INTERRUPTED = 130
PATIENTS = 10
FAILURES_SHOWN = 5

fetch = typer.Typer(
    rich_markup_mode="markdown",
    help="Download public recordings: whole or not at all, checked against their checksums, and resumable.",
    no_args_is_help=True,
)

Records = Annotated[
    list[str] | None,
    typer.Option("--records", help="Only these records; repeatable, or several with commas.", metavar="NAME"),
]
Patients = Annotated[
    int | None,
    typer.Option(
        "--patients",
        min=1,
        help="How many patients, from the first of the database on.",
        metavar="N",
        show_default=str(PATIENTS),
    ),
]
Out = Annotated[
    Path, typer.Option("--out", help="Folder for the records; what is whole there already is kept.", metavar="DIR")
]


def _base_url(what: str) -> Any:
    return typer.Option(help=what, metavar="URL", show_default="PhysioNet")


@fetch.command("mimic3-waveforms")
def mimic3_waveforms(
    patients: Patients = None,
    records: Records = None,
    out: Out = Path("mimic3-waveforms"),
    base_url: Annotated[str | None, _base_url("Folder on a server that holds RECORDS-numerics.")] = None,
) -> None:
    """Download the numerics (vital signs a minute) of MIMIC-III patients from PhysioNet; no account is needed.

    Every file is checked against the server's SHA-256 list and every signal against the checksum in its header. Stop it
    with Ctrl-C at any time: the same command goes on where it was. The folder can be given to `fedsecure inspect`, `score`
    and `replay`. The data is the MIMIC-III Waveform Database Matched Subset 1.0 (Moody et al. 2020), under the ODbL 1.0.

    Examples:

    - `fedsecure fetch mimic3-waveforms --patients 20`

    - `fedsecure fetch mimic3-waveforms --patients 200 --out data/numerics`

    - `fedsecure fetch mimic3-waveforms --records p000020-2183-04-28-17-47n`
    """
    from replay.fetching import Server
    from replay.fetching.waveforms import MIMIC3, database_records

    names, wanted = _chosen(records, patients)
    server = Server(base_url or MIMIC3.base_url)
    fetched = _fetch(out, lambda: (server, database_records(server, MIMIC3, wanted, names)))
    _summarise(fetched, out, None if names else wanted)


@fetch.command("challenge-2009")
def challenge_2009(
    groups: Annotated[
        list[str] | None,
        typer.Option(
            metavar="GROUP",
            show_default="all four",
            help="Only these groups; repeatable, or several with commas. h1 and h2 have an acute hypotensive episode (with "
            "pressors, without), c1 and c2 none then (never, at another time).",
        ),
    ] = None,
    records: Records = None,
    out: Out = Path("challenge-2009"),
    base_url: Annotated[
        str | None,
        _base_url(
            "Folder on a server that holds training-set/, or a folder a record such as a40439/; lists are called RECORDS."
        ),
    ] = None,
) -> None:
    """Download the numerics of the Challenge 2009's training set: 60 stays of hours to weeks, a value a minute.

    They are intensive-care patients of MIMIC-II in four groups of 15; no account is needed. Checked and resumed as
    `mimic3-waveforms` is: stop it with Ctrl-C at any time, the same command goes on. The folder can be given to `fedsecure
    inspect`, `score`, `train` and `replay`. Cite Moody and Lehman, Computers in Cardiology 2009;36:541-544.

    Examples:

    - `fedsecure fetch challenge-2009`

    - `fedsecure fetch challenge-2009 --groups h1,h2 --out data/hypotension`

    - `fedsecure fetch challenge-2009 --records a40439,a40834`
    """
    from replay.fetching import Server
    from replay.fetching.challenge2009 import BASE_URLS, choose, training_records

    choice = choose(_split(groups), _split(records))
    servers = [Server(url) for url in ([base_url] if base_url else BASE_URLS)]
    fetched = _fetch(out, lambda: training_records(servers, choice))
    _summarise(fetched, out, len(choice.names))


@fetch.command("mimic4-waveforms")
def mimic4_waveforms(
    patients: Patients = None,
    records: Records = None,
    out: Out = Path("mimic4-waveforms"),
    base_url: Annotated[str | None, _base_url("Folder on a server that holds RECORDS.")] = None,
) -> None:
    """Download the numerics of the MIMIC-IV Waveform Database from PhysioNet: tables, with the headers that date them.

    Checked and resumed as `mimic3-waveforms` is: stop it with Ctrl-C at any time, the same command goes on. The folder can
    be given to `fedsecure inspect`, `score` and `replay`. Cite Moody et al., MIMIC-IV Waveform Database 0.1.0, PhysioNet 2022,
    under the ODbL 1.0.

    Examples:

    - `fedsecure fetch mimic4-waveforms --patients 20`

    - `fedsecure fetch mimic4-waveforms --records 81739927`
    """
    from replay.fetching import Server
    from replay.fetching.record_kinds import NUMERICS_TABLE
    from replay.fetching.waveforms import MIMIC4, database_records

    names, wanted = _chosen(records, patients)
    server = Server(base_url or MIMIC4.base_url)
    fetched = _fetch(out, lambda: (server, database_records(server, MIMIC4, wanted, names)), NUMERICS_TABLE)
    _summarise(fetched, out, None if names else wanted)


def _chosen(records: list[str] | None, patients: int | None) -> tuple[list[str], int]:
    """Return the records' names and how many patients. Raises Misconfigured when both are given."""
    names = _split(records)
    if names and patients is not None:
        raise Misconfigured("--records names single records and --patients counts patients; give one of them")
    return names, patients or PATIENTS


def _split(values: Sequence[str] | None) -> list[str]:
    return [name for value in values or () for name in re.split(r"[,\s]+", value) if name]


def _fetch(out: Path, find: Callable[[], tuple[Server, list[str]]], kind: RecordKind | None = None) -> Fetched:
    """Find where which records are (WFDB's by default), and fetch them. Ctrl-C ends it in a sentence."""
    from replay.fetching import FetchProgress, fetch_records
    from replay.fetching.record_kinds import WFDB_RECORD

    try:
        with fetch_bars() as show:
            show(FetchProgress("lists", 0, 1))
            server, names = find()
            show(FetchProgress("lists", 1, 1))
            return fetch_records(server, out, names, show, kind or WFDB_RECORD)
    except KeyboardInterrupt:
        typer.echo(f"stopped: what is whole is in {out}; the same command goes on from there", err=True)
        raise typer.Exit(INTERRUPTED) from None


def _summarise(fetched: Fetched, out: Path, wanted_patients: int | None) -> None:
    new = (
        f"{fetched.new_records} of them new ({fetched.new_bytes / 1e6:.1f} MB)"
        if fetched.new_records
        else "none of them new"
    )
    fewer = (
        f", all that the server has (not {wanted_patients})"
        if wanted_patients and fetched.patients < wanted_patients and not fetched.failed
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
