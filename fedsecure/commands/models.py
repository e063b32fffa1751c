"""`fedsecure models`: the global models that federation made, where each comes from, and the way back to one."""

from __future__ import annotations

import asyncio
import getpass
import secrets
import sys
import time
from contextlib import suppress
from typing import TYPE_CHECKING, Annotated

import msgspec
import typer
from rich.console import Console

from contracts.configuration.settings import Settings
from contracts.errors import Misconfigured, Unavailable
from contracts.messages.federation import ModelRollback, RoundPhase, encode_federation
from fedsecure.endpoints import settings_for_running_stack
from fedsecure.options import DefaultCommandGroup, Reason, check_reason

if TYPE_CHECKING:
    from fl_coordinator.models.lineage import ModelLine

ASK_AGAIN_S = 0.5
BEYOND_A_ROUND_S = 15.0

models = typer.Typer(
    cls=DefaultCommandGroup,
    help="The global models that federation made: `fedsecure models` lists them, `rollback` makes an earlier one the current one again.",
)


@models.command()
def show(
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

    Behind a model's standing is by how much higher (worse) or lower the devices found its loss than that of the model before, on hours
    that they had not trained on; rejected ones were worse than tolerated [FEDSECURE_MODEL_TOLERANCE, 0.02] and never counted.

    The record is Kafka's (topics `fl.rounds` and `models`); Redis is not asked. The weights of the newest are kept [FEDSECURE_MODELS_KEPT, 16].
    With --json also: the devices by name, the rule, the whole hashes, the size.

    Exit code 0: Kafka answered (even when there is no model yet); 1: it does not answer; 2: no stack, or no such model.

    `show` need not be said.

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


@models.command()
def rollback(
    name: Annotated[str, typer.Argument(help="The first characters of the model's sha256.", metavar="SHA256")],
    reason: Reason,
    *,
    yes: Annotated[bool, typer.Option("--yes", help="Do it without asking.")] = False,
) -> None:
    """Make an earlier global model the current one again: the next round trains from it.

    The request, with its reason and who made it, is put on record; the coordinator carries it out between two rounds, in a round of its
    own number that stands on `fl.rounds` and `fl.events`. It survives restarts of all programs, and devices follow by themselves. Any
    model can come back that counted once and whose weights are kept. The bundle that judges devices is another thing: `fedsecure rollback`.

    Exit code 0: the model is the current one; 1: Kafka does not answer, or no coordinator runs that could carry it out (it will when it
    runs); 2: a wrong call, or no such model.

    Examples:

    - `fedsecure models rollback 3fa8 --reason "rounds 41 to 44 learnt from a broken gateway"`

    - `fedsecure models rollback 3fa8 --reason "as decided" --yes`
    """
    check_reason(reason)
    if not yes and not sys.stdin.isatty():
        raise Misconfigured("nobody can be asked here: add --yes")
    settings = settings_for_running_stack()
    line = asyncio.run(_restorable(settings, name))
    if not yes:
        typer.confirm(f"Make model {line.sha256[:12]} of round {line.round} the current one again?", abort=True)
    number = asyncio.run(_roll_back(settings, line.sha256, reason))
    typer.echo(
        f"model {line.sha256[:12]} is the current one again: round {number} says so, the next one trains from it"
    )


async def _restorable(settings: Settings, name: str) -> ModelLine:
    from fl_coordinator.models.kept import stored_models
    from fl_coordinator.models.restorable import restorable_model
    from fl_coordinator.rounds.history import read_history

    history = await read_history(settings)
    with stored_models(settings) as stored:

        def within_reach(sha256: str) -> bytes | None:
            with suppress(Unavailable):
                return stored(sha256)
            return None

        return restorable_model(history, name, within_reach)


async def _roll_back(settings: Settings, sha256: str, reason: str) -> int:
    """Put the request on record and wait until a round says what became of it. Return the round's number."""
    from fl_coordinator.models.restorable import ended_by
    from fl_coordinator.rounds.history import read_history
    from transport.kafka.admin import ensure_topics
    from transport.kafka.publisher import Publisher

    request = ModelRollback(
        request=secrets.token_hex(16), sha256=sha256, reason=reason, by=getpass.getuser(), requested_at=time.time()
    )
    await asyncio.to_thread(ensure_topics, settings, [settings.topics.fl_rollbacks_spec])
    async with Publisher(settings) as publisher:
        await publisher.send(settings.topics.fl_rollbacks, request.request, encode_federation(request))
    wait_s = settings.round_deadline_s + settings.validation_deadline_s + BEYOND_A_ROUND_S
    give_up_at = time.monotonic() + wait_s
    while (record := ended_by(await read_history(settings), request.request)) is None:
        if time.monotonic() > give_up_at:
            raise Unavailable(
                f"the request is on record, but no coordinator has carried it out within {wait_s:g} s: one does so as soon as it runs"
            )
        await asyncio.sleep(ASK_AGAIN_S)
    if record.phase is not RoundPhase.ROLLED_BACK:
        raise Unavailable(f"the coordinator could not take the model back (round {record.round}): its weights are gone")
    return record.round
