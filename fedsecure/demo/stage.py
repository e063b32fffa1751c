"""Where a demo runs: on services that anybody on this machine may use, or in the secure mode under a principal a program."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final, Protocol

from contracts.configuration.secret_files import SECRETS_FOLDER
from contracts.configuration.settings import Settings, variable_of
from fedsecure.demo import plan
from fedsecure.local_stack import LocalStack
from fedsecure.security.principals import ADMIN
from fedsecure.security.provisioning import add_devices
from fedsecure.security.site import Site
from fl_device.keys.folder import KeyFolder
from fl_device.keys.registration import open_registrar
from transport.kafka.publisher import Publisher

HOST: Final = "demo"
PRINCIPALS: Final = {"worker-1": "worker", "worker-2": "worker", "devices": f"host-{HOST}"}
"""The principal of each of the demo's programs whose name is another."""


class DemoStage(Protocol):
    """What a demo knows of the place that it runs in."""

    settings: Settings
    """The demo's own settings: it makes topics, looks on and cleans up."""

    def environ(self) -> dict[str, str]:
        """Return the environment of every program."""

    def login(self, program: str) -> dict[str, str]:
        """Return what a program has in its environment beside that."""

    def admit(self, device_ids: Sequence[str]) -> None:
        """Let these devices take part. Blocks, raises Unavailable."""

    def look(self) -> str:
        """Return what a person may type to look at it."""


@dataclass
class OpenStage:
    """On services that ask nobody; device hosts register their devices' keys themselves."""

    settings: Settings

    def environ(self) -> dict[str, str]:
        return plan.program_environ(self.settings)

    def login(self, program: str) -> dict[str, str]:
        del program
        return {}

    def admit(self, device_ids: Sequence[str]) -> None:
        """Nothing is to be done."""

    def look(self) -> str:
        return f"FEDSECURE_PREFIX={self.settings.prefix} fedsecure status"


@dataclass
class SecureStage:
    """On a stack of the demo's own; the demo is its administrator, and registers the keys of the devices."""

    settings: Settings
    site: Site

    def environ(self) -> dict[str, str]:
        # Where the services are and who somebody is stands in files that each program reads by itself.
        services = {variable_of(name) for name in Settings.model_fields if name.startswith(("kafka_", "redis_"))}
        return {name: value for name, value in plan.program_environ(self.settings).items() if name not in services}

    def login(self, program: str) -> dict[str, str]:
        return {SECRETS_FOLDER: str(self.site.program_folder(PRINCIPALS.get(program, program)))}

    def admit(self, device_ids: Sequence[str]) -> None:
        add_devices(self.site, device_ids, HOST)
        asyncio.run(self._register(device_ids))

    def look(self) -> str:
        return f"{SECRETS_FOLDER}={self.site.program_folder(ADMIN)} fedsecure status"

    async def _register(self, device_ids: Sequence[str]) -> None:
        assert self.settings.device_key_dir is not None
        async with Publisher(self.settings) as publisher:
            folder = KeyFolder(self.settings.device_key_dir)
            registrar = await open_registrar(self.settings, folder, publisher, time.time)
            for device_id in device_ids:
                await registrar.register(device_id)


@contextmanager
def demo_stage(
    secure: bool, key_dir: Path, say: Callable[[str], None], environ: Mapping[str, str] = os.environ
) -> Iterator[DemoStage]:
    """Start what a demo runs on, for as long as the block. Raises Misconfigured and Unavailable as the local stack does."""
    if not secure:
        with LocalStack(environ=environ, announce=say) as stack:
            yield OpenStage(plan.settings_for_run(stack.endpoints(), key_dir))
        return
    with (
        TemporaryDirectory(prefix="fedsecure-secure-") as folder,
        LocalStack(Path(folder), secure=True, environ=environ, announce=say) as stack,
    ):
        assert stack.site is not None
        yield SecureStage(stack.site.settings_of(ADMIN, **plan.pace(key_dir)), stack.site)
