"""`fedsecure attacks`: list the attacks that a replay can inject, and draw what they do."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.table import Table

if TYPE_CHECKING:
    from replay.attacks import Attack


def attacks(
    names: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="NAME", help="Only these; one of your own as my_module:ATTACK or path/to/my_attack.py:alter."
        ),
    ] = None,
    pictures: Annotated[
        Path | None, typer.Option(help="Draw each attack on a synthetic patient, a PNG an attack.", metavar="DIR")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the list as JSON instead of a table.")] = False,
) -> None:
    """List the attacks with their levels and units, and show how to inject one.

    Examples:

    - `fedsecure attacks --json`

    - `fedsecure attacks motif spoof --pictures pictures`

    - `fedsecure replay --attack data-poisoning-2:device=p000020,onset=600,duration=240,level=strong,seed=7`
    """
    from replay.attacks import ATTACKS, find_attack

    chosen = [find_attack(name) for name in names] if names else list(ATTACKS.values())
    if as_json:
        typer.echo(json.dumps([*map(_described, chosen), *([] if names else [_described_label_flip()])], indent=2))
    else:
        _print_table(chosen, whole_list=not names)
    if pictures is not None:
        from fedsecure.attack_pictures import write_pictures

        written = write_pictures(pictures, chosen)
        typer.echo(f"{len(written)} pictures in {pictures}", err=True)


def _described(attack: Attack) -> dict[str, object]:
    return {
        "name": attack.name,
        "summary": attack.summary,
        "acts_on": "vital signs",
        "channels": attack.channels,
        "takes_donor": attack.takes_donor,
        "parameters": [{"name": parameter.name, "unit": parameter.unit} for parameter in attack.parameters],
        "levels": {level: list(amounts) for level, amounts in attack.levels.items()},
        "smallest_onset_min": {level: attack.smallest_onset_min(level) for level in attack.levels},
        "example": _example(attack),
    }


def _example(attack: Attack) -> str:
    from replay.attacks.parse import EXAMPLE

    return f"{attack.name}:{EXAMPLE.partition(':')[2]}"


def _described_label_flip() -> dict[str, object]:
    from fl_device.tasks import label_flip

    return {
        "name": label_flip.NAME,
        "summary": label_flip.SUMMARY,
        "acts_on": "training labels",
        "parameters": [{"name": "share flipped", "unit": "of labels"}],
        "levels": {level: [share] for level, share in label_flip.SHARE_BY_LEVEL.items()},
    }


def _print_table(chosen: list[Attack], *, whole_list: bool) -> None:
    from fl_device.tasks import label_flip
    from replay.attacks.parse import EXAMPLE

    table = Table("attack", "level", "what it does, and how much")
    for attack in chosen:
        table.add_row(attack.name, "", attack.summary, style="bold")
        for level in attack.levels:
            table.add_row("", level, attack.describe(level))
        table.add_section()
    if whole_list:
        table.add_row(label_flip.NAME, "", f"{label_flip.SUMMARY} (on the device: no replay injects it)", style="bold")
        for level in label_flip.SHARE_BY_LEVEL:
            table.add_row("", level, label_flip.describe(level))
    console = Console()
    console.print(table)
    for line in (
        f"Inject one: fedsecure replay --attack {EXAMPLE if whole_list else _example(chosen[0])}",
        "onset and duration are minutes from the recording's start; without a duration the attack lasts to its end.",
        "More keys: channels=hr or rr (both), ramp=minutes over which it fades in (0), donor=a device that spoof takes from.",
    ):
        console.print(line, soft_wrap=True, highlight=False)
