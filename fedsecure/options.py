"""Options that several commands take."""

from __future__ import annotations

from typing import Annotated

import typer

MetricsPort = Annotated[
    int | None, typer.Option(min=0, max=65535, help="Serve /metrics, /healthz and /readyz here; 0 = a free port.")
]
Devices = Annotated[list[str], typer.Argument(help="One or more devices, e.g. p000020.", metavar="DEVICE")]
Offline = Annotated[
    bool, typer.Option("--offline", help="Fetch nothing: synthetic patients take the places of the demo's records.")
]
