"""`fedsecure device register | rotate | revoke | keys`: an administrator's commands over devices' keys."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console

from contracts.identifiers import device_ids_of
from contracts.messages.federation import DeviceKey
from fedsecure.endpoints import device_key_dir, settings_for_running_stack
from fedsecure.options import Devices

if TYPE_CHECKING:
    from fl_device.keys.registration import Registrar

    Change = Callable[[Registrar, str], Awaitable[str]]

KeyDir = Annotated[
    Path | None,
    typer.Option(
        "--key-dir",
        help="Folder of the private keys, `<device>.pem` each [FEDSECURE_DEVICE_KEY_DIR, else `device-keys/<prefix>` in "
        "the state folder].",
        show_default=False,
    ),
]


def register(devices: Devices, key_dir: KeyDir = None) -> None:
    """Register devices' keys, so that rounds invite them; makes a key pair for a device that has none here.

    Run it where the device's host runs, as the user it runs as: the private key stays in that folder, and only the
    public half goes to Kafka (topic `fl.keys`). A key that is registered already is left as it is.

    Examples:

    - `fedsecure device register p000020`

    - `fedsecure device register p000020 s00001 --key-dir /etc/fedsecure/keys`
    """

    async def change(registrar: Registrar, device_id: str) -> str:
        before = registrar.registry.get(device_id)
        key = await registrar.register(device_id)
        was = "was registered already" if key == before else "registered"
        return f"{was}, key {key.key_id}, private half in {registrar.folder.path(device_id)}"

    _for_each(devices, key_dir, change)


def rotate(devices: Devices, key_dir: KeyDir = None) -> None:
    """Replace devices' keys: the new ones count at once, the old ones are good for nothing any more.

    A host that runs signs its next answer with the new key, without a restart. Also the way back after `revoke`. When it
    was cut off (Kafka did not answer), run it again.

    Examples:

    - `fedsecure device rotate p000020`
    """

    async def change(registrar: Registrar, device_id: str) -> str:
        before = registrar.registry.get(device_id)
        key = await registrar.rotate(device_id)
        gone = f", {before.key_id} is no longer valid" if before and before.key_id != key.key_id else ""
        return f"new key {key.key_id}{gone}"

    _for_each(devices, key_dir, change)


def revoke(devices: Devices) -> None:
    """Revoke devices' keys: no update signed with them is accepted from now on, not even in an open round.

    Needs no private key, so it can be run anywhere. For a device that is lost, stolen or taken out of use.

    Examples:

    - `fedsecure device revoke p000020`
    """

    async def change(registrar: Registrar, device_id: str) -> str:
        before = registrar.registry.get(device_id)
        key = await registrar.revoke(device_id)
        return f"key {key.key_id} {'was revoked already' if key == before else 'revoked'}"

    _for_each(devices, None, change)


def keys(key_dir: KeyDir = None) -> None:
    """List the registered keys: whose, since when, whether revoked, and whether the private half is in this folder.

    Examples:

    - `fedsecure device keys`
    """
    from fedsecure.tables.federation import key_table
    from fl_device.keys.folder import KeyFolder
    from transport.key_registry import read_registry
    from transport.logs import configure_logs

    configure_logs("device-keys")
    settings = settings_for_running_stack()
    registered: list[DeviceKey] = asyncio.run(read_registry(settings)).all()
    if not registered:
        typer.echo("no device has a registered key yet: `fedsecure device register DEVICE` registers one")
        return
    Console().print(key_table(registered, KeyFolder(key_dir or device_key_dir(settings))))


def _for_each(devices: list[str], key_dir: Path | None, change: Change) -> None:
    """Make a change for one device after the other, a line each. The first that cannot be made ends it."""
    from fl_device.keys.folder import KeyFolder
    from fl_device.keys.registration import open_registrar
    from transport.kafka.publisher import Publisher
    from transport.logs import configure_logs

    configure_logs("device-keys")
    named = device_ids_of(devices)
    settings = settings_for_running_stack()
    folder = KeyFolder(key_dir or device_key_dir(settings))

    async def run() -> None:
        async with Publisher(settings) as publisher:
            registrar = await open_registrar(settings, folder, publisher, time.time)
            for device_id, given_name in named.items():
                typer.echo(f"{given_name}: {await change(registrar, device_id)}")

    asyncio.run(run())
