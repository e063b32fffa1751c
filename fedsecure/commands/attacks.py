"""`fedsecure attacks`: list the attacks that a replay can inject."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from rich.table import Table


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("attacks")(attacks)


def attacks(
    as_json: Annotated[bool, typer.Option("--json", help="Print the list as JSON instead of a table.")] = False,
) -> None:
    """List the attacks with their levels and units, and show how to inject one.

    Examples:

    - `fedsecure attacks --json`

    - `fedsecure replay --attack data-poisoning-2:device=p000020,onset=600,duration=240,level=strong,seed=7`
    """
    if as_json:
        typer.echo(json.dumps(_described(), indent=2))
        return
    from rich.console import Console

    from replay.attacks.parse import EXAMPLE

    console = Console()
    console.print(_table())
    console.print(f"Inject one: fedsecure replay --attack {EXAMPLE}", soft_wrap=True)
    console.print(
        "onset and duration are minutes from the recording's start; without a duration the attack lasts to its end.",
        soft_wrap=True,
    )


def _described() -> list[dict[str, object]]:
    from replay.attacks import ATTACKS
    from replay.attacks.parse import EXAMPLE

    return [
        {
            "name": attack.name,
            "summary": attack.summary,
            "parameters": [{"name": parameter.name, "unit": parameter.unit} for parameter in attack.parameters],
            "levels": {level: list(amounts) for level, amounts in attack.levels.items()},
            "example": f"{attack.name}:{EXAMPLE.partition(':')[2]}",
        }
        for attack in ATTACKS.values()
    ]


def _table() -> Table:
    from rich.table import Table

    from replay.attacks import ATTACKS

    table = Table("attack", "level", "what it does, and how much")
    for attack in ATTACKS.values():
        table.add_row(attack.name, "", attack.summary, style="bold")
        for level in attack.levels:
            table.add_row("", level, attack.describe(level))
        table.add_section()
    return table
