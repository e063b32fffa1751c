"""`fedsecure score`: judge recordings offline, with the engine and the bundle that the workers run."""

from __future__ import annotations

import os
import signal
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Annotated, Literal, NoReturn

import typer
from rich.console import Console

from contracts.errors import Misconfigured
from contracts.identifiers import shown_as
from contracts.messages.verdicts import DeviceState, RuleName
from fedsecure.output_files import writes
from fedsecure.study_workers import worker_processes_used

if TYPE_CHECKING:
    from detectors import Detector
    from fedsecure.offline.judging import JudgedDevice, Judging
    from fedsecure.offline.run import Write

ENROLMENT_HELP = (
    "Valid minutes from which a device's own profile is learnt; until then only the rules judge it that need no training. "
    "24 hours (1440) find more than 10 (600)."
)

ESTIMATED_OVER_S = 300.0

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
    jobs: Annotated[
        int | None,
        typer.Option(
            min=1,
            max=256,
            help="Worker processes; changes nothing but time. Default: a process for each core.",
            show_default=False,
        ),
    ] = None,
) -> None:
    """Judge recordings offline: one row a minute, the same scores and states that the live workers give.

    Columns: device_id, observed_at (UTC), minute (since the recording's start), heart_rate_bpm, resp_rate_bpm
    (breaths/min), reconstruction_error, score (1 = would exclude a clean device once in ten weeks, 2 = in a hundred;
    with the rule paper-fig3 a probability), threshold, flagged, state, device_label (its name, where that is not the id).
    A decision falls every 15 valid minutes of an enrolled
    device; the other minutes have no error and no score.

    A table may be larger than memory: its rows then lie in a temporary folder beside --out (else in TMPDIR), about as much
    again as table and result.

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
    from fedsecure.offline.judging import Judging

    judging = Judging(bundle, rule, enrolment, chosen)
    started = time.perf_counter()
    detector = judging.detector()
    loading_s = time.perf_counter() - started
    with _sigterm_unwinds(), _opened(out) as (write, folder):
        devices = _judged(files, detector, judging, jobs, folder, write, shows_rows=out is None)
    _summarise(devices, detector.bundle_sha, loading_s, time.perf_counter() - started - loading_s)


def _judged(
    files: Sequence[Path],
    detector: Detector,
    judging: Judging,
    jobs: int | None,
    folder: Path,
    write: Write,
    *,
    shows_rows: bool,
) -> list[JudgedDevice]:
    from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

    from fedsecure.offline.run import judge_all, usable_cores
    from replay.sources.parts import bytes_to_read, collected

    # A bar needs a terminal that does not show the rows themselves.
    visible = sys.stderr.isatty() and not (shows_rows and sys.stdout.isatty())
    columns = (TextColumn("{task.description}"), BarColumn(), TaskProgressColumn(), TimeRemainingColumn())
    # Minutes are counted in bursts, a part of many devices at a time: over half a minute the time that is left would jump.
    with Progress(
        *columns,
        console=Console(stderr=True),
        transient=True,
        disable=not visible,
        speed_estimate_period=ESTIMATED_OVER_S,
    ) as bar:
        reading = bar.add_task("reading", total=bytes_to_read(files))
        found = collected(files, folder, lambda count: bar.advance(reading, count))
        bar.remove_task(reading)
        scoring = bar.add_task("scoring", total=sum(each.minutes for each in found))
        with worker_processes_used("try again with fewer --jobs"):
            outcome = judge_all(
                found,
                detector,
                judging,
                jobs or usable_cores(),
                folder,
                write,
                lambda minutes: bar.advance(scoring, minutes),
            )
    return outcome.devices


@contextmanager
def _opened(out: Path | None) -> Iterator[tuple[Write, Path]]:
    """Yield what writes rows, and a temporary folder. A file appears under its name only when it is whole."""
    if out is None:
        with tempfile.TemporaryDirectory(prefix="fedsecure-score-") as folder:
            yield lambda rows: sys.stdout.write(rows.decode()), Path(folder)
        return
    partial = out.with_name(out.name + ".partial")
    try:
        with writes(str(out), "another --out"):
            with (
                partial.open("wb") as stream,
                tempfile.TemporaryDirectory(prefix=".fedsecure-score-", dir=out.parent) as folder,
            ):
                yield stream.write, Path(folder)
            partial.replace(out)
    finally:
        partial.unlink(missing_ok=True)


@contextmanager
def _sigterm_unwinds() -> Iterator[None]:
    """Let SIGTERM end the command as Ctrl-C does, so that no temporary folder is left."""
    before = signal.signal(signal.SIGTERM, _end)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def _end(number: int, _frame: FrameType | None) -> NoReturn:
    raise SystemExit(128 + number)


def _summarise(devices: Sequence[JudgedDevice], bundle_sha: str, loading_s: float, scoring_s: float) -> None:
    minutes = sum(device.minutes for device in devices)
    states = Counter(device.state.value for device in devices)
    typer.echo(
        f"{len(devices)} devices, {minutes:,} minutes in {scoring_s:.1f} s ({minutes / scoring_s:,.0f} minutes/s; "
        f"loading {loading_s:.1f} s), {sum(device.windows for device in devices):,} decisions, "
        f"{sum(device.flagged_windows for device in devices):,} flagged, bundle {bundle_sha[:12]}",
        err=True,
    )
    typer.echo("state at the end: " + ", ".join(f"{count} {state}" for state, count in states.most_common()), err=True)
    _name_unjudged(devices)


def _name_unjudged(devices: Sequence[JudgedDevice]) -> None:
    """Say of whom nothing is judged, or nothing any more, and why."""
    unscored = [device for device in devices if device.state is DeviceState.UNSCORED]
    short = [_named(device) for device in devices if not device.windows and device not in unscored]
    if short:
        typer.echo(f"never judged, for want of minutes after the enrolment: {', '.join(short)}", err=True)
    for reason in dict.fromkeys(device.reason for device in unscored):
        concerned = ", ".join(_named(device) for device in unscored if device.reason == reason)
        typer.echo(f"not judged at the end: {concerned} ({reason})", err=True)


def _named(device: JudgedDevice) -> str:
    return shown_as(device.device_id, device.label)
