"""`fedsecure stack up | status | down`: the local Kafka and Redis."""

from __future__ import annotations

import json
import signal
import time
from dataclasses import asdict
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Annotated

import typer

from contracts.configuration.settings import Settings

if TYPE_CHECKING:
    from fedsecure.local_stack import StackStatus

NOT_UP = 3  # as `systemctl status` and LSB say it

StateDir = Annotated[
    Path | None,
    typer.Option(
        "--state-dir",
        envvar="FEDSECURE_STATE_DIR",
        help="Folder for data, logs and what runs; two folders are two stacks.  [default: .state in a checkout, else the user's state folder]",
        show_default=False,
    ),
]
Brokers = Annotated[
    int | None,
    typer.Option(
        "--brokers",
        help="Kafka brokers: 1, or 3, of which one may be lost at any moment (three copies of everything, two before a record counts).  "
        "[default: as many as the folder has data of, else 1]",
        show_default=False,
    ),
]
Secure = Annotated[
    bool | None,
    typer.Option(
        "--secure",
        help="With TLS, log-ins and rights for each program, whose passwords are then in the state folder (needs Redis 7 or later).  "
        "[default: as the folder is]",
        show_default=False,
    ),
]
stack = typer.Typer(
    rich_markup_mode="markdown",
    help="Start, show and end a real Kafka and Redis on this machine (no Docker, no Java needed).\n\n"
    "A service named by KAFKA_BOOTSTRAP_SERVERS or REDIS_URL is used as it is and never started or ended.",
    no_args_is_help=True,
)


@stack.command()
def up(state_dir: StateDir = None, brokers: Brokers = None, secure: Secure = None) -> None:
    """Start what does not run, wait until all answer, create the fixed topics; may be called again at any time.

    The first call downloads Apache Kafka (46 jars, 45 MB) to ~/.cache/fedsecure (or XDG_CACHE_HOME).
    The servers listen on free ports of 127.0.0.1 only and run on until `fedsecure stack down`. With --secure a program logs in as
    the principal whose folder FEDSECURE_SECRETS_DIR names, for example .state/secure/programs/worker.
    """
    from fedsecure.local_stack import LocalStack
    from transport.kafka.admin import ensure_topics

    # Like Ctrl-C: what was started is ended again.
    signal.signal(signal.SIGTERM, _exit_on_sigterm)
    began = time.monotonic()
    local = LocalStack(
        state_dir, brokers=brokers, secure=secure, announce=lambda text: typer.echo(f"  {text}", err=True)
    )
    endpoints = local.up()
    if local.site is not None:
        typer.echo(
            f"up after {time.monotonic() - began:.1f} s; a program logs in by FEDSECURE_SECRETS_DIR=<one of these>:"
        )
        for name, principal in local.site.principals().items():
            typer.echo(f"  {local.site.program_folder(name)}  {principal.is_for}")
        _show(local.status())
        return
    settings = Settings(kafka_bootstrap_servers=endpoints.kafka, redis_url=endpoints.redis_url)
    try:
        created = ensure_topics(settings, settings.topics.fixed())
    except BaseException:
        local.down_started()
        raise
    typer.echo(f"up after {time.monotonic() - began:.1f} s; {len(created)} topics created")
    _show(local.status())


@stack.command()
def status(
    state_dir: StateDir = None, as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False
) -> None:
    """Ask all servers whether they answer; exit 0 if they do, 3 if not."""
    from fedsecure.local_stack import LocalStack

    stack_status = LocalStack(state_dir).status()
    if as_json:
        typer.echo(json.dumps(asdict(stack_status) | {"up": stack_status.up}, default=str))
    else:
        _show(stack_status)
    raise typer.Exit(0 if stack_status.up else NOT_UP)


@stack.command()
def down(
    state_dir: StateDir = None,
    wipe: Annotated[bool, typer.Option("--wipe", help="Also delete the data and logs of the local servers.")] = False,
) -> None:
    """End the local servers; their data and logs stay for the next `up`."""
    from fedsecure.local_stack import LocalStack

    local = LocalStack(state_dir)
    stopped = local.down()
    typer.echo(f"ended {' and '.join(stopped)}" if stopped else "nothing ran")
    if wipe:
        local.wipe()
        typer.echo(f"deleted the data in {local.state_dir}")


def _show(status: StackStatus) -> None:
    for server in status.servers:
        where = f"log {server.log}" if server.is_local else "(named by the environment)"
        pid = f"pid {server.pid}, " if server.pid else ""
        typer.echo(f"{server.title:<13} {server.state:<7} {server.address or '-':<28} {pid}{where}")
    typer.echo(f"state folder  {status.state_dir}")


def _exit_on_sigterm(number: int, _frame: FrameType | None) -> None:
    raise SystemExit(128 + number)
