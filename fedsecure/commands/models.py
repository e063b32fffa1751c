"""`fedsecure models`: the global models that federation made, and where each comes from."""

from __future__ import annotations

import asyncio
from typing import Annotated

import msgspec
import typer
from rich.console import Console

from contracts.errors import Misconfigured
from fedsecure.endpoints import settings_for_running_stack


def models(
    name: Annotated[
        str | None,
        typer.Argument(
            help="The first characters of a model's sha256: shows it and its ancestors, youngest first.",
            metavar="SHA256",
            show_default=False,
        ),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON array, one object a model, for programs.")] = False,
    last: Annotated[int, typer.Option(min=1, max=1_000_000, help="How many of the newest to list.")] = 20,
) -> None:
    """List the global models on record: which round made each, from which, with how many devices' updates, and its loss.

    The record is Kafka's (topics `fl.rounds` and `models`); Redis is not asked. The weights of the newest are kept [FEDSECURE_MODELS_KEPT, 16].
    With --json also: the devices by name, the rule, the whole hashes, the size.

    Exit code 0: Kafka answered (even when there is no model yet); 1: it does not answer; 2: no stack, or no such model.

    Examples:

    - `fedsecure models`

    - `fedsecure models 3fa8 --json`
    """
    from fedsecure.tables.federation import model_table
    from fl_coordinator.models.lineage import descent, model_lines
    from fl_coordinator.rounds.history import read_history

    history = asyncio.run(read_history(settings_for_running_stack()))
    lines = model_lines(history.rounds, history.models)
    try:
        shown = lines[-last:] if name is None else descent(lines, name)
    except LookupError as error:
        raise Misconfigured(f"{error.args[0]}: `fedsecure models` lists them") from None
    if as_json:
        typer.echo(msgspec.json.encode(shown).decode())
    elif not shown:
        typer.echo("no model is on record yet: start `fedsecure coordinator`")
    else:
        Console().print(model_table(shown))
