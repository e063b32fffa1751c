"""`fedsecure rollback`: put an earlier bundle in force again."""

from __future__ import annotations

import asyncio
import getpass
from typing import Annotated

import typer

from contracts.configuration.settings import Settings
from contracts.messages.releases import BundleRelease
from fedsecure.endpoints import settings_for_running_stack
from fedsecure.options import Reason, check_reason


def rollback(
    reason: Reason,
    to: Annotated[
        int | None,
        typer.Option(
            min=1,
            max=1_000_000_000,
            help="The release whose bundle is to run; by default the one before the promotion.",
        ),
    ] = None,
) -> None:
    """Put the bundle in force again that the current one was promoted over, or that of release --to.

    The log is only added to: this is a new release, of kind rollback, that names an earlier bundle. Workers take it over by
    themselves, as any release.

    Exit code 0: released; 1: Kafka does not answer, or the bundle's files are gone; 2: a wrong call, or nothing to go back to.

    Examples:

    - `fedsecure rollback --reason "ward 3 excluded since the release"`

    - `fedsecure rollback --to 2 --reason "back to the bundle of May"`
    """
    check_reason(reason)
    release = asyncio.run(_roll_back(settings_for_running_stack(), reason, to))
    typer.echo(f"release {release.release}: bundle {release.bundle_sha256[:12]} is in force again")


async def _roll_back(settings: Settings, reason: str, to: int | None) -> BundleRelease:
    from fl_coordinator.releases.releaser import Releaser
    from transport.kafka.publisher import Publisher

    async with Publisher(settings) as publisher:
        return await Releaser.of(settings, publisher).roll_back(reason, getpass.getuser(), to)
