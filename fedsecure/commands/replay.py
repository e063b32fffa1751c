"""`fedsecure replay`: send recordings to Kafka as their monitors would have, minute by minute."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Event
from types import FrameType
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console

from contracts.configuration.settings import Settings
from fedsecure.endpoints import find_demo_records, settings_for_source
from fedsecure.options import MetricsPort, Offline

if TYPE_CHECKING:
    from replay.attacks import AttackSpec
    from replay.demo_records import DemoRecords
    from replay.options import ReplayOptions
    from replay.progress import ReplayResult
    from replay.recording import Recording

INTERRUPTED = 130
ALL_RECORDS = "demo"


def replay(
    *,
    files: Annotated[
        list[Path] | None,
        typer.Argument(
            help="Recordings: WFDB numerics (NAME.hea), or CSV with the columns device_id, observed_at, heart_rate_bpm, "
            "resp_rate_bpm and, if there is one, pulse_bpm. Without any, and without --synthetic: the demo's records."
        ),
    ] = None,
    records: Annotated[
        list[str] | None,
        typer.Option(
            help="Add the demo's records, fetched from PhysioNet once: `demo` for both, or one by its id (p000020, "
            "s00001). Without a network synthetic patients take their places. Repeatable."
        ),
    ] = None,
    offline: Offline = False,
    synthetic: Annotated[
        int, typer.Option(min=0, max=100_000, help="Add this many synthetic patients.", metavar="N")
    ] = 0,
    seed: Annotated[int, typer.Option(min=0, max=4_294_967_295, help="Seed of the synthetic patients.")] = 0,
    synthetic_minutes: Annotated[
        int, typer.Option(min=1, max=1_000_000, help="Length of a synthetic recording in minutes.")
    ] = 1440,
    speed: Annotated[
        str,
        typer.Option(help="1 = real time, 60 = a recorded minute a second, 3600 = an hour a second, max = flat out."),
    ] = "60",
    pack: Annotated[
        int | None,
        typer.Option(
            help="Minutes per message; by default so that a device sends about a message a second (32 at max)."
        ),
    ] = None,
    start: Annotated[int, typer.Option(help="First minute to send, counted from each recording's start.")] = 0,
    minutes: Annotated[int | None, typer.Option(help="How many minutes from --start; by default to the end.")] = None,
    fresh: Annotated[
        bool, typer.Option("--fresh", help="Open a new session: workers forget these devices. By default it resumes.")
    ] = False,
    repeat: Annotated[
        int, typer.Option(help="Devices that send each recording: 3 adds <id>-r2 and <id>-r3.", metavar="K")
    ] = 1,
    attack: Annotated[
        list[str] | None,
        typer.Option(
            help="Poison a device, e.g. data-poisoning-2:device=p000020,onset=600,duration=240,level=strong,seed=7 "
            "(onset and duration in minutes of the recording). Repeatable; `fedsecure attacks` lists them.",
            metavar="SPEC",
        ),
    ] = None,
    attack_plan: Annotated[Path | None, typer.Option(help="The same from a YAML file.", metavar="FILE")] = None,
    accept_commands: Annotated[
        bool,
        typer.Option(
            "--accept-commands", help="Let the console (`--allow-inject`) begin and end attacks while it runs."
        ),
    ] = False,
    metrics_port: MetricsPort = None,
) -> None:
    """Replay recordings into Kafka, one topic a patient.

    A replay that was stopped goes on after the last minute that Kafka holds when the same command is run again.

    Examples:

    - `fedsecure replay --speed 480`

    - `fedsecure replay --synthetic 100 --seed 3 --speed max`

    - `fedsecure replay --records p000020 --attack data-poisoning-2:device=p000020,onset=720,duration=240`
    """
    from replay.options import ReplayOptions, parse_speed

    options = ReplayOptions(
        speed=parse_speed(speed),
        pack_min=pack,
        start_min=start,
        minutes=minutes,
        fresh=fresh,
        repeat=repeat,
        accept_commands=accept_commands,
    )
    specs = gather_attacks(attack or [], attack_plan)
    demo_records = gather_records(records or [], offline, needed=not files and not synthetic)
    recordings = gather_recordings(demo_records, files or [], synthetic, seed, synthetic_minutes)
    attacks = demo_records.redirected(specs)
    settings = settings_for_source()
    if metrics_port is not None:
        settings = settings.model_copy(update={"metrics_port": metrics_port})
    result = _run_until_signalled(settings, recordings, attacks, options)
    typer.echo(summary(result))
    if result.stopped:
        raise typer.Exit(INTERRUPTED)


def gather_records(names: list[str], offline: bool, needed: bool) -> DemoRecords:
    """Return the demo's records that were asked for; both when none was and some are needed."""
    return find_demo_records(names or ([ALL_RECORDS] if needed else []), offline=offline)


def gather_recordings(
    records: DemoRecords, files: list[Path], synthetic: int, seed: int, synthetic_minutes: int
) -> list[Recording]:
    """Return every recording that was asked for: the demo's records, those of files, synthetic patients."""
    from replay.sources import read_recordings
    from replay.sources.synthetic import synthetic_cohort

    return [
        *records.recordings(),
        *(read_recordings(files) if files else []),
        *(synthetic_cohort(seed, synthetic, synthetic_minutes) if synthetic else []),
    ]


def gather_attacks(specs: list[str], plan: Path | None) -> list[AttackSpec]:
    """Return the attacks of the command line and of the plan file."""
    from replay.attacks import parse_attack, read_attack_plan

    return [*(parse_attack(spec) for spec in specs), *(read_attack_plan(plan) if plan else [])]


def summary(result: ReplayResult) -> str:
    """Return what was done, and how to go on, in a sentence or two."""
    count = len(result.devices)
    if result.nothing_left:
        first = min(result.devices)
        return (
            f"nothing to send: all {count} devices have sent every minute of this slice before. "
            f"--fresh replays them in a new session; --repeat 2 sends them again as new devices ({first}-r2)."
        )
    done = (
        f"sent {result.minutes} minutes of {count} devices in {result.messages} messages "
        f"and {result.seconds:.1f} s ({result.minutes_per_s:.0f} minutes/s)"
    )
    if not result.stopped:
        return done + "."
    lost = f"; Kafka has not acknowledged {result.unacked} more messages" if result.unacked else ""
    return f"stopped: {done}{lost}. Run the same command again (without --fresh) to go on from there."


def _run_until_signalled(
    settings: Settings, recordings: list[Recording], attacks: list[AttackSpec], options: ReplayOptions
) -> ReplayResult:
    from fedsecure.tables.replay import replay_display
    from replay.program import run
    from transport.logs import configure_logs

    console = Console()
    # On a terminal the live line would be torn by log lines that only repeat it.
    configure_logs("replay", "WARNING" if console.is_terminal else "INFO")
    with _stop_on_signals() as stop, replay_display(console) as show:
        return run(settings, recordings, attacks, options, stop=stop, on_progress=show)


@contextmanager
def _stop_on_signals() -> Iterator[Event]:
    """Set the event on the first Ctrl-C or SIGTERM. A second one interrupts as usual."""
    stop = Event()
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}

    def ask_to_stop(number: int, _frame: FrameType | None) -> None:
        stop.set()
        signal.signal(number, before[signal.Signals(number)])

    for number in before:
        signal.signal(number, ask_to_stop)
    try:
        yield stop
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
