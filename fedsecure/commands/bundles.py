"""`fedsecure bundles`: the detector bundles that were put in force, and on what grounds."""

from __future__ import annotations

import asyncio
from typing import Annotated

import msgspec
import typer
from rich.console import Console

from fedsecure.endpoints import settings_for_running_stack


def bundles(
    as_json: Annotated[
        bool, typer.Option("--json", help="One JSON array, one object a release, for programs.")
    ] = False,
    last: Annotated[int, typer.Option(min=1, max=1_000_000, help="How many of the newest to list.")] = 20,
) -> None:
    """List the releases of bundles: which bundle, over which, made of which global model, and why; the last one is in force.

    The record is Kafka's (topic `bundles`). Where nothing was released yet, workers judge with FEDSECURE_BUNDLE_DIR or the bundle
    that ships. With --json also: the whole hashes, every figure of the canary with its interval, and who released it.

    Exit code 0: Kafka answered (even when there is no release yet); 1: it does not answer; 2: no stack.

    Examples:

    - `fedsecure bundles`

    - `fedsecure bundles --json`
    """
    from fedsecure.tables.federation import release_table
    from transport.bundles.releases import read_releases

    releases = asyncio.run(read_releases(settings_for_running_stack()))[-last:]
    if as_json:
        typer.echo(msgspec.json.encode(releases).decode())
    elif not releases:
        typer.echo("no bundle was released yet: `fedsecure promote` makes one of a global model")
    else:
        Console().print(release_table(releases))
