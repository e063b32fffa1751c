"""`fedsecure score`: judge recordings offline, with the engine and the bundle that the workers run."""

from __future__ import annotations

import os
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO, TYPE_CHECKING, Annotated, Literal

import typer
from rich.console import Console

from contracts.errors import Misconfigured
from contracts.identifiers import shown_as
from contracts.messages.verdicts import DeviceState, RuleName
from fedsecure.output_files import writes

if TYPE_CHECKING:
    from detectors import Detector, Verdicts
    from fedsecure.tables.scores import Row
    from replay.recording import Recording

ENROLMENT_HELP = (
    "Valid minutes from which a device's own profile is learnt; until then only the rules judge it that need no training. "
    "24 hours (1440) find more than 10 (600)."
)

RULE_HELP = (
    "How scores become votes: networks and family-free score on the calibrated common scale, or the paper's Fig. 3: the DNN's score as a "
    "probability against a threshold of the device's own enrolment."
)


def score(
    files: Annotated[
        list[Path],
        typer.Argument(
            help="Recordings: files or folders of any format that is read, such as CSV (columns device_id, observed_at, "
            "heart_rate_bpm, resp_rate_bpm[, pulse_bpm]) or WFDB numerics (the .hea file, or the record's name).",
            show_default=False,
        ),
    ],
    out: Annotated[Path | None, typer.Option(help="Write to this file instead of standard output.")] = None,
    output_format: Annotated[
        Literal["csv", "jsonl"] | None,
        typer.Option("--format", help="csv or jsonl; by default what --out ends with, else csv."),
    ] = None,
    enrolment: Annotated[int, typer.Option(min=120, max=20_160, help=ENROLMENT_HELP)] = 600,
    bundle: Annotated[
        Path | None, typer.Option(help="Folder of a detector made by `fedsecure train`; else the shipped one.")
    ] = None,
    rule: Annotated[RuleName, typer.Option(help=RULE_HELP)] = "common-scale",
) -> None:
    """Judge recordings offline: one row a minute, the same scores and states that the live workers give.

    Columns: device_id, observed_at (UTC), minute (since the recording's start), heart_rate_bpm, resp_rate_bpm
    (breaths/min), reconstruction_error, score (1 = would exclude a clean device once in ten weeks, 2 = in a hundred;
    with the rule paper-fig3 a probability), threshold, flagged, state, device_label (its name, where that is not the id).
    A decision falls every 15 valid minutes of an enrolled
    device; the other minutes have no error and no score.

    Examples:

    - `fedsecure score ward.csv --out scores.csv`

    - `fedsecure score p000020n.hea ward.csv --format jsonl`

    - `fedsecure score ward.csv --rule paper-fig3`
    """
    chosen = output_format or ("jsonl" if out is not None and out.suffix in {".jsonl", ".ndjson"} else "csv")
    if out is not None and not out.parent.is_dir():
        raise Misconfigured(f"cannot write {out}: there is no folder {out.parent}; make it or choose another --out")
    if out is not None and os.path.realpath(out) in map(os.path.realpath, files):
        raise Misconfigured(f"{out} is a recording that is to be read: choose another --out")
    from detectors import Detector
    from fedsecure.tables.scores import row_writer
    from replay.sources import read_recordings

    recordings = read_recordings(files)
    started = time.perf_counter()
    detector = Detector.load(bundle, rule=rule)
    loaded = time.perf_counter()
    # A bar needs a terminal that does not show the rows themselves.
    visible = sys.stderr.isatty() and (out is not None or not sys.stdout.isatty())
    with _opened(out) as stream:
        final = _judge_all(recordings, detector, enrolment, row_writer(stream, chosen), visible=visible)
    _summarise(recordings, final, detector.bundle_sha, loaded - started, time.perf_counter() - loaded)


def _judge_all(
    recordings: Sequence[Recording],
    detector: Detector,
    enrolment_min: int,
    write: Callable[[Iterator[Row]], None],
    *,
    visible: bool,
) -> list[Verdicts]:
    from rich.progress import Progress

    from fedsecure.tables.scores import score_rows

    all_verdicts = []
    with Progress(console=Console(stderr=True), transient=True, disable=not visible) as bar:
        task = bar.add_task("scoring", total=sum(recording.minutes for recording in recordings))
        for recording in recordings:
            verdicts = detector.score(
                recording.device_id,
                recording.first_event_minute,
                recording.heart_rate_bpm,
                recording.resp_rate_bpm,
                pulse_bpm=recording.pulse_bpm,
                enrolment_min=enrolment_min,
            )
            write(score_rows(recording, verdicts))
            all_verdicts.append(verdicts)
            bar.advance(task, recording.minutes)
    return all_verdicts


@contextmanager
def _opened(out: Path | None) -> Iterator[IO[str]]:
    """Yield where rows go. A file appears under its name only when it is whole."""
    if out is None:
        yield sys.stdout
        return
    partial = out.with_name(out.name + ".partial")
    try:
        with writes(str(out), "another --out"):
            with partial.open("w", encoding="utf-8", newline="") as stream:
                yield stream
            partial.replace(out)
    finally:
        partial.unlink(missing_ok=True)


def _summarise(
    recordings: Sequence[Recording], final: Sequence[Verdicts], bundle_sha: str, loading_s: float, scoring_s: float
) -> None:
    minutes = sum(recording.minutes for recording in recordings)
    states = Counter(verdicts.state[-1].value for verdicts in final if len(verdicts))
    typer.echo(
        f"{len(recordings)} devices, {minutes:,} minutes in {scoring_s:.1f} s ({minutes / scoring_s:,.0f} minutes/s; "
        f"loading {loading_s:.1f} s), {sum(v.windows for v in final):,} decisions, "
        f"{sum(v.flagged_windows for v in final):,} flagged, bundle {bundle_sha[:12]}",
        err=True,
    )
    typer.echo("state at the end: " + ", ".join(f"{count} {state}" for state, count in states.most_common()), err=True)
    _name_unjudged(recordings, final)


def _name_unjudged(recordings: Sequence[Recording], final: Sequence[Verdicts]) -> None:
    """Say of whom nothing is judged, or nothing any more, and why."""
    named = {recording.device_id: shown_as(recording.device_id, recording.label) for recording in recordings}
    unscored = [v for v in final if len(v) and v.state[-1] is DeviceState.UNSCORED]
    short = [named[v.device_id] for v in final if not v.windows and v not in unscored]
    if short:
        typer.echo(f"never judged, for want of minutes after the enrolment: {', '.join(short)}", err=True)
    for reason in dict.fromkeys(v.reason for v in unscored):
        concerned = ", ".join(named[v.device_id] for v in unscored if v.reason == reason)
        typer.echo(f"not judged at the end: {concerned} ({reason})", err=True)
