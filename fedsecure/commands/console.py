"""`fedsecure console`: the wall screen in a browser."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from contracts.errors import Misconfigured
from fedsecure.endpoints import settings_for_running_stack
from fedsecure.options import MetricsPort

if TYPE_CHECKING:
    from console.web.inject import AttackChoice


def console(
    host: Annotated[
        str | None, typer.Option(help="Address to listen on [FEDSECURE_CONSOLE_HOST, 127.0.0.1].", show_default=False)
    ] = None,
    port: Annotated[
        int | None,
        typer.Option(min=0, max=65535, help="Port; 0 = a free one [FEDSECURE_CONSOLE_PORT, 8100].", show_default=False),
    ] = None,
    allow_inject: Annotated[
        bool,
        typer.Option("--allow-inject", help="Let people start and stop attacks on a replay with --accept-commands."),
    ] = False,
    metrics_port: MetricsPort = None,
) -> None:
    """Serve the device wall, a page a device, the rounds and the replay to browsers.

    It reads Redis and Kafka and writes nothing, unless --allow-inject lets it ask a replay for an attack. Beyond this machine
    (--host 0.0.0.0) people log in with a token (FEDSECURE_CONSOLE_TOKEN_FILE, FEDSECURE_CONSOLE_TOKEN), and without one it does
    not start. FEDSECURE_CONSOLE_TLS_CERT_FILE and ..._TLS_KEY_FILE make it HTTPS. A device's page shows the patient's vital signs.

    Examples:

    - `fedsecure console`

    - `FEDSECURE_CONSOLE_TOKEN_FILE=token fedsecure console --host 0.0.0.0 --port 8100`
    """
    from console.program import ConsoleProgram
    from fedsecure.programs import run_program
    from transport.logs import configure_logs

    given = {"console_host": host, "console_port": port, "metrics_port": metrics_port}
    settings = settings_for_running_stack(**given)
    if settings.metrics_port and settings.metrics_port == settings.console_port:
        raise Misconfigured(
            f"FEDSECURE_METRICS_PORT and FEDSECURE_CONSOLE_PORT are both {settings.console_port}: give one of them another port"
        )
    configure_logs("console")
    attacks = _attack_choices() if allow_inject else None
    run_program(
        lambda: ConsoleProgram(settings, lambda address: typer.echo(f"the console: {address}"), attacks),
        settings,
        "console",
    )


def _attack_choices() -> list[AttackChoice]:
    """Return the attacks that can be started with nothing but a device, a level and a duration."""
    from console.web.inject import AttackChoice
    from replay.attacks.registry import ATTACKS

    return [
        AttackChoice(name, attack.summary, {level: attack.describe(level) for level in attack.levels})
        for name, attack in sorted(ATTACKS.items())
    ]
