"""`fedsecure device`: take part in federated rounds for one or many devices."""

from __future__ import annotations

from contextlib import nullcontext
from typing import TYPE_CHECKING, Annotated

import typer

from contracts.errors import Misconfigured
from contracts.identifiers import check_device_id

if TYPE_CHECKING:
    from contracts.settings import Settings


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("device")(device)


def device(
    devices: Annotated[
        list[str] | None, typer.Option("--device", help="A device to host, e.g. p000020. Repeatable.", metavar="ID")
    ] = None,
    host_all: Annotated[
        bool, typer.Option("--all", help="Host every device that has a vitals topic, new ones as they appear.")
    ] = False,
    metrics_port: Annotated[
        int | None, typer.Option(min=0, max=65535, help="Serve /metrics, /healthz and /readyz here; 0 = a free port.")
    ] = None,
) -> None:
    """Host devices in federated rounds: each trains on its own vitals and sends only weights.

    A device reads its own vitals topic, judges its windows with the frozen detector, and trains on those that were
    not flagged and after which it stayed benign for the vote's horizon (120 minutes). It joins once its topic exists,
    and answers a round that invites it on its own topic `fl.updates.v1.<id>`.

    Examples:

    - `fedsecure device --device p000020 --device s00001`

    - `fedsecure device --all --metrics-port 9103`
    """
    import asyncio

    from fedsecure.endpoints import settings_for_running_stack
    from transport.logs import configure_logs

    if bool(devices) == host_all:
        raise Misconfigured("name the devices (`--device p000020 --device s00001`) or take them all (`--all`)")
    ids = None if host_all else tuple(check_device_id(name) for name in devices or ())
    given = {} if metrics_port is None else {"metrics_port": metrics_port}
    settings = settings_for_running_stack(**given)
    configure_logs("device")
    asyncio.run(_run(settings, ids))


async def _run(settings: Settings, device_ids: tuple[str, ...] | None) -> None:
    from fedsecure.signals import run_until_signal
    from fl_device.program import DeviceProgram
    from transport.probes import serve_probes

    program = DeviceProgram(settings, device_ids)
    with serve_probes(settings, ready=program.not_ready_because) or nullcontext():
        await run_until_signal(program.run)
