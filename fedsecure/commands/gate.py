"""`fedsecure gate`: which devices may train now, for people and for other frameworks' programs."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Annotated, Final, NoReturn

import msgspec
import typer
from rich.console import Console

from contracts.configuration.settings import Settings
from contracts.errors import Unavailable
from fedsecure.endpoints import settings_for_running_stack

if TYPE_CHECKING:
    from fl_coordinator.gate.live import GateReading

LOOK_EVERY_S: Final = 1.0


def gate(
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object, for programs.")] = False,
    watch: Annotated[
        bool, typer.Option("--watch", help="One JSON object a line, now and at each change, until Ctrl-C.")
    ] = False,
) -> None:
    """Say which devices may train now, and why each other one may not.

    A device may that is benign, enrolled and fresh, and whose key is registered: the rule of our own rounds. The same is on the
    console at `/v1/benign`. When Redis or Kafka does not answer, nobody may (`closed_because` says why).

    Exit code 0: the gate could be read (also when nobody may); 1: it could not; 2: no stack is known; 130: Ctrl-C.

    Examples:

    - `fedsecure gate`

    - `fedsecure gate --json`

    - `fedsecure gate --watch`
    """
    from transport.logs import configure_logs

    configure_logs("gate")
    settings = settings_for_running_stack()
    if watch:
        asyncio.run(_watch(settings))
    reading = asyncio.run(_read(settings))
    if as_json:
        typer.echo(_line(reading))
    if reading.closed_because is not None:
        raise Unavailable(f"the gate is closed, nobody may train: {reading.closed_because}")
    if not as_json:
        _show(reading)


async def _read(settings: Settings) -> GateReading:
    from fl_coordinator.gate.live import live_gate

    async with live_gate(settings) as opened:
        return await opened.read()


async def _watch(settings: Settings) -> NoReturn:
    from fl_coordinator.gate.live import live_gate

    said = None
    async with live_gate(settings) as opened:
        while True:
            reading = await opened.read()
            found = (reading.eligible, reading.excluded, reading.closed_because)
            if found != said:
                typer.echo(_line(reading))
            said = found
            await asyncio.sleep(LOOK_EVERY_S)


def _line(reading: GateReading) -> str:
    return msgspec.json.encode(reading.as_dict()).decode()


def _show(reading: GateReading) -> None:
    from fedsecure.tables.gate import gate_table

    if not (reading.eligible or reading.excluded):
        typer.echo("no device is known yet: start `fedsecure worker` and `fedsecure replay`")
        return
    Console().print(gate_table(reading))
