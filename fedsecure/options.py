"""Options that several commands take, and a call written again for a report."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Annotated

import typer

MetricsPort = Annotated[
    int | None, typer.Option(min=0, max=65535, help="Serve /metrics, /healthz and /readyz here; 0 = a free port.")
]
Devices = Annotated[list[str], typer.Argument(help="One or more devices, e.g. p000020.", metavar="DEVICE")]
Processes = Annotated[int, typer.Option(min=1, max=256, help="Worker processes; changes nothing but time.")]
Offline = Annotated[
    bool, typer.Option("--offline", help="Fetch nothing: synthetic patients take the places of the demo's records.")
]


def command_again(name: str, options: Mapping[str, object]) -> str:
    """Return what to type for the same results. Of paths only the last part, as the rest is this machine's.

    None and False are left out, True is a flag, and a sequence repeats its option.
    """
    given = [(option, value) for option, values in options.items() for value in _each(values)]
    return f"fedsecure {name}" + "".join(
        f" --{option}" + ("" if value is True else f" {value}") for option, value in given
    )


def _each(values: object) -> Iterator[object]:
    for value in values if isinstance(values, list | tuple) else (values,):
        if value is not None and value is not False:
            yield value.resolve().name if isinstance(value, Path) else value
