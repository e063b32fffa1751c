"""The demo's records as a command gets them: from the state folder, else from PhysioNet, else synthetic patients."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from replay.demo_records import DemoRecords

Offline = Annotated[
    bool, typer.Option("--offline", help="Fetch nothing: synthetic patients take the places of the demo's records.")
]


def say_on_stderr(line: str) -> None:
    """Tell a person beside what the command prints."""
    typer.echo(line, err=True)


def find_demo_records(
    names: Sequence[str], *, offline: bool, say: Callable[[str], None] = say_on_stderr
) -> DemoRecords:
    """Return the records of these names (`demo`: all), kept in the state folder once they were fetched.

    FEDSECURE_OFFLINE is as good as `offline`. Blocks, at most some seconds without a network; raises Misconfigured and
    Unavailable as `replay.demo_records` does.
    """
    from contracts.settings import Settings
    from fedsecure.local_stack import default_state_dir
    from replay.demo_records import demo_records, wanted_records

    settings = Settings()
    kept = default_state_dir() / "records"
    wanted = wanted_records(names)
    return demo_records(wanted, kept, server=settings.records_url, offline=offline or settings.offline, say=say)
