"""`fedsecure demo`: everything at once, ending with a verdict and a report."""

from __future__ import annotations

import signal
from pathlib import Path
from types import FrameType
from typing import Annotated, NoReturn

import typer
from rich.console import Console

from fedsecure.extras import require_extra
from fedsecure.options import Offline


def demo(
    *,
    report: Annotated[Path, typer.Option(help="Folder for report.html, summary.json and the programs' logs.")] = Path(
        "report"
    ),
    attack: Annotated[
        list[str] | None,
        typer.Option(
            help="Replace the demo's own attacks, e.g. data-poisoning-2:device=p000020,onset=840,duration=400 (minutes of the "
            "recording; begin after 700, when every device is enrolled). Repeatable; `fedsecure attacks` lists them.",
            metavar="SPEC",
        ),
    ] = None,
    keep_running: Annotated[
        bool, typer.Option("--keep-running", help="After the report, leave everything running until Ctrl-C.")
    ] = False,
    screenshots: Annotated[
        Path | None,
        typer.Option(
            help="Save pictures of the console's pages here, when the stream has ended (needs Chromium or Chrome, and the extra `pictures`).",
            metavar="DIR",
        ),
    ] = None,
    offline: Offline = False,
    secure: Annotated[
        bool,
        typer.Option(
            "--secure",
            help="On a Kafka and a Redis of its own with TLS, passwords and rights: every program under its own name (needs Redis 7 or later).",
        ),
    ] = False,
    seed: Annotated[
        int, typer.Option(min=0, max=4_294_967_295, help="Seed of the synthetic patients and of the attacks.")
    ] = 7,
    speed: Annotated[float, typer.Option(help="Recorded seconds per wall second, 1 to 3600.")] = 720.0,
    synthetic: Annotated[
        int, typer.Option(help="How many synthetic patients stream beside the two records.", metavar="N")
    ] = 4,
) -> None:
    """Show it all in three minutes: Kafka, Redis, two workers, a coordinator, devices, two attacks, a console, a report.

    Two real intensive-care records, fetched from PhysioNet once, and some synthetic patients stream at 720 times their pace;
    without a network synthetic patients take the records' places as well. Each device first learns its own normal (600 recorded
    minutes), then trains in federated rounds; then two of them are poisoned. Exit code 0 means that each attacked device was
    quarantined after its attack began and sat the next round out while every clean device trained.

    Uses KAFKA_BOOTSTRAP_SERVERS and REDIS_URL if they are set, else the local stack. Topics and keys carry a prefix of this run's own
    and are removed at the end.

    Examples:

    - `fedsecure demo`

    - `fedsecure demo --offline`

    - `fedsecure demo --attack data-poisoning-2:device=s00001,onset=840,duration=400 --report my-report`
    """
    require_extra("train", "fedsecure demo")

    from fedsecure.demo.plan import DemoOptions
    from fedsecure.demo.run import Demo

    options = DemoOptions(
        report_dir=report,
        attacks=tuple(attack or ()),
        keep_running=keep_running,
        offline=offline,
        seed=seed,
        speed=speed,
        synthetic=synthetic,
        screenshots_dir=screenshots,
        secure=secure,
    )
    # SIGTERM unwinds like Ctrl-C, so that nothing is left behind.
    signal.signal(signal.SIGTERM, _interrupt)
    checks = Demo(options, Console()).run()
    if not all(check.passed for check in checks):
        raise typer.Exit(1)


def _interrupt(_number: int, _frame: FrameType | None) -> NoReturn:
    raise KeyboardInterrupt
