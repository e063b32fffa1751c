"""`fedsecure inspect`: say what recordings hold, and what they are good for, before anything is judged or sent."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import msgspec
import typer
from rich.console import Console

from contracts.errors import Misconfigured

if TYPE_CHECKING:
    from fedsecure.inspection.facts import RecordingFacts
    from replay.sources.source import Reading


def inspect(
    files: Annotated[
        list[Path],
        typer.Argument(
            help="Recordings: files or folders of any format that is read (docs/sources.md; for a file of none of them this "
            "command lists all).",
            show_default=False,
        ),
    ],
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object instead of a table.")] = False,
    plot: Annotated[
        Path | None, typer.Option(help="Draw heart and respiratory rate over time, gaps shaded.", metavar="FILE.png")
    ] = None,
    bundle: Annotated[
        Path | None, typer.Option(help="Folder of the detector to compare with; else the shipped one.")
    ] = None,
) -> None:
    """Show what recordings hold: their format, length, gaps, ranges, artefacts, usable windows, and whether a device can enrol.

    A minute is missing when heart or respiratory rate is, or is an artefact (outside 20-300 bpm, 3-100 breaths/min); gaps
    are runs of such minutes: how many (their median and longest, in minutes). Rates are median (5-95 %) and the range below.
    Windows are the hours that the detector can judge. A device enrols on 10 or 24 hours of valid minutes. Of an enrolment that
    differs by more than three standard deviations from the detector's reference patients it says in what.

    Examples:

    - `fedsecure inspect ward.csv`

    - `fedsecure inspect mimic3-waveforms --plot vitals.png`

    - `fedsecure inspect CHARTEVENTS.csv.gz --json`
    """
    if plot is not None and plot.suffix.lower() != ".png":
        raise Misconfigured(f"--plot {plot}: the picture is a PNG; name it {plot.with_suffix('.png')}")
    from detectors import Detector
    from fedsecure.inspection.facts import inspect_recording

    reading = _read(files)
    model = Detector.load(bundle).model
    all_facts = [inspect_recording(recording, model) for recording in reading.recordings]
    if as_json:
        _print_json(all_facts, reading)
    else:
        _print_table(all_facts, reading)
    if plot is not None:
        from fedsecure.inspection.picture import MOST_DRAWN, draw_recordings

        draw_recordings(reading.recordings[:MOST_DRAWN], plot)
        drawn = f", the first {MOST_DRAWN} of {len(all_facts)} recordings" if len(all_facts) > MOST_DRAWN else ""
        typer.echo(f"drawn: {plot}{drawn}", err=True)


def _read(files: list[Path]) -> Reading:
    """Return what is read. For a file of no format that is, every format and how it is told."""
    from replay.sources import read_sources
    from replay.sources.formats import UnknownFormat, formats_said

    try:
        return read_sources(files)
    except UnknownFormat as error:
        raise Misconfigured(
            f"{error.sentence}. The formats that are read, and how they are told:\n{formats_said()}"
        ) from None


def _print_json(all_facts: Sequence[RecordingFacts], reading: Reading) -> None:
    report = {
        "recordings": all_facts,
        "formats": reading.formats,
        "skipped": [{"name": error.name, "reason": error.reason} for error in reading.skipped],
        "minutes": sum(facts.minutes for facts in all_facts),
        "valid_minutes": sum(facts.valid_minutes for facts in all_facts),
    }
    typer.echo(msgspec.json.format(msgspec.json.encode(report)).decode())


def _print_table(all_facts: Sequence[RecordingFacts], reading: Reading) -> None:
    from fedsecure.tables.inspection import facts_table
    from replay.sources.source import describe_skipped

    console = Console()
    console.print(f"format: {', '.join(reading.formats)}", soft_wrap=True, highlight=False)
    console.print(facts_table(all_facts))
    minutes, valid = (sum(getattr(facts, name) for facts in all_facts) for name in ("minutes", "valid_minutes"))
    console.print(f"{len(all_facts)} recordings, {minutes:,} minutes, {valid:,} of them valid", soft_wrap=True)
    if reading.skipped:
        console.print(
            f"skipped {len(reading.skipped)}: {describe_skipped(reading.skipped)}", soft_wrap=True, highlight=False
        )
