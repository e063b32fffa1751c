"""`fedsecure status`: the devices as Redis holds them, for people or as JSON."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TYPE_CHECKING

import msgspec
import typer
from rich.console import Console

from fedsecure.endpoints import settings_for_running_stack

if TYPE_CHECKING:
    from fl_coordinator.gate.device_view import DeviceView

WATCH_INTERVAL_S = 1.0


def status(
    as_json: bool = typer.Option(False, "--json", help="One JSON array, one object a device, for programs."),
    watch: bool = typer.Option(False, "--watch", help="Show it again every second until Ctrl-C."),
) -> None:
    """Print every device's state, score, threshold and freshness.

    `state` is the worker's verdict. `stale`, `finished` and `unknown` are this reader's own words, from the age of the
    last record. Only a device that is benign, enrolled and fresh may train. A score of 1 would exclude a clean device
    once in ten weeks, 2 once in a hundred; `flagged` is the largest share of flagged decisions of any kind of score.

    Exit code 0: Redis answered (even when it knows no device yet); 1: Redis does not answer; 2: no stack is known.

    Examples:

    - `fedsecure status --watch`

    - `fedsecure status --json`
    """
    from fl_coordinator.gate.device_view import read_devices
    from transport.redis_client import connect_redis

    settings = settings_for_running_stack()
    with connect_redis(settings) as client:

        def read() -> list[DeviceView]:
            return read_devices(client, settings.redis_keys, now=time.time(), cap_s=settings.stale_cap_s)

        if as_json:
            _print_json(read, again=watch)
        else:
            _print_table(read, again=watch)


def _print_json(read: Callable[[], list[DeviceView]], *, again: bool) -> None:
    while True:
        # msgspec writes a score that is not finite as null, which JSON readers can take.
        typer.echo(msgspec.json.encode([view.as_dict() for view in read()]).decode())
        if not again:
            return
        time.sleep(WATCH_INTERVAL_S)


def _print_table(read: Callable[[], list[DeviceView]], *, again: bool) -> None:
    from rich.live import Live

    from fedsecure.tables.devices import device_table

    views = read()
    if not again:
        if not views:
            typer.echo("no device is known yet: start `fedsecure worker` and `fedsecure replay`")
            return
        Console().print(device_table(views))
        return
    with Live(device_table(views), console=Console(), auto_refresh=False) as live:
        while True:
            time.sleep(WATCH_INTERVAL_S)
            live.update(device_table(read()), refresh=True)
