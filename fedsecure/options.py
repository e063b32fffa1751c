"""Options that several commands take, a check of one, a group whose first command need not be said, and a call written again for a report."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Annotated, Any

import typer
import typer.core

from contracts.errors import Misconfigured
from contracts.messages.releases import LONGEST_REASON

MetricsPort = Annotated[
    int | None, typer.Option(min=0, max=65535, help="Serve /metrics, /healthz and /readyz here; 0 = a free port.")
]
Devices = Annotated[list[str], typer.Argument(help="One or more devices, e.g. p000020.", metavar="DEVICE")]
Processes = Annotated[int, typer.Option(min=1, max=256, help="Worker processes; changes nothing but time.")]
Offline = Annotated[
    bool, typer.Option("--offline", help="Fetch nothing: synthetic patients take the places of the demo's records.")
]

Reason = Annotated[str, typer.Option(help=f"Why, for the record; {LONGEST_REASON} characters at most.")]


def check_reason(reason: str) -> None:
    """Raise Misconfigured for a reason that says nothing or does not fit on record."""
    if not reason.strip() or len(reason) > LONGEST_REASON:
        raise Misconfigured(f"--reason needs a text of 1 to {LONGEST_REASON} characters: it stands on record")


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


class DefaultCommandGroup(typer.core.TyperGroup):
    """Takes what names none of its commands as a call of the first one: `fedsecure models 3fa8` is `fedsecure models show 3fa8`."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Put the first command's name before arguments that begin with none. Help is the group's own."""
        asks_for_help = bool(args) and args[0] in self.get_help_option_names(ctx)
        if not asks_for_help and (not args or args[0] not in self.commands):
            args = [next(iter(self.commands)), *args]
        return super().parse_args(ctx, args)


def finite(value: float | None) -> float | None:
    """Refuse `nan` and `inf`, which no bound of an option keeps out: a callback of options that are numbers."""
    if value is not None and not math.isfinite(value):
        raise typer.BadParameter(f"{value} is no number")
    return value
