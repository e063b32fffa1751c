"""`fedsecure worker`: judge devices live."""

from __future__ import annotations

import asyncio
import os
import sys
from typing import Annotated

import typer

from contracts.messages.verdicts import RuleName
from fedsecure.endpoints import settings_for_running_stack
from fedsecure.options import MetricsPort


def worker(
    devices: Annotated[
        str, typer.Option(help="Edge mode: judge these devices only (p000020,s00001), without a consumer group.")
    ] = "",
    worker_id: Annotated[
        str, typer.Option("--id", help="Name of this worker; given, it is a static member of the group.")
    ] = "",
    rule: Annotated[
        RuleName | None,
        typer.Option(
            help="How scores become votes: all kinds on the calibrated common scale, or the paper's Fig. 3 threshold "
            "of the device's own scores [FEDSECURE_RULE, common-scale].",
            show_default=False,
        ),
    ] = None,
    metrics_port: MetricsPort = None,
    metrics_host: Annotated[str, typer.Option(help="Address to serve them on.")] = "",
) -> None:
    """Judge the devices that stream now and those that come: Kafka in, Redis and Kafka out.

    Start as many as you like: they share the devices and take over from each other. Ctrl-C or SIGTERM ends it within
    ten seconds; exit code 1 means that it could not go on. Every setting may come from the environment (FEDSECURE_*).
    All workers and devices of a group need the same rule: a device enrols again when it meets another one.

    Examples:

    - `fedsecure worker --metrics-port 9101`

    - `fedsecure worker --devices p000020`
    """
    from transport.logs import configure_logs

    given = {
        "devices": tuple(part.strip() for part in devices.split(",") if part.strip()) or None,
        "worker_id": worker_id or None,
        "rule": rule,
        "metrics_port": metrics_port,
        "metrics_host": metrics_host or None,
    }
    settings = settings_for_running_stack(**given)
    configure_logs("worker")
    from streams.worker import run_worker

    exit_code = asyncio.run(run_worker(settings))
    sys.stderr.flush()
    # Threads of Faust and TensorFlow may outlive the loop: what matters is done.
    os._exit(exit_code)
