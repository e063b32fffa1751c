"""Registers, rotates and revokes devices' keys: the private half in a folder, the public half on the key topic."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Protocol

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from msgspec.structs import replace

from contracts.configuration.settings import Settings
from contracts.errors import Misconfigured
from contracts.messages.federation import DeviceKey, encode_federation
from contracts.signing import key_id_of, public_bytes_of
from fl_device.keys.folder import KeyFolder
from transport.kafka.admin import ensure_topics
from transport.key_registry import KeyRegistry, read_registry


class Sender(Protocol):
    """As much of a publisher as a registration needs."""

    async def send(self, topic: str, key: str, value: bytes | None) -> None:
        """Publish one record and wait until the broker has it. Raises Unavailable."""


class Registrar:
    """Changes keys one at a time, judged by `registry` as it was read just before.

    Every method raises Misconfigured when what is asked makes no sense as things stand, Unavailable when Kafka does not
    take the record. It acts for an administrator: where ACLs are on, only an administrator may write the topic.
    """

    def __init__(
        self, registry: KeyRegistry, folder: KeyFolder, sender: Sender, topic: str, clock: Callable[[], float]
    ) -> None:
        self.registry = registry
        self.folder = folder
        self._sender = sender
        self._topic = topic
        self._clock = clock

    async def register(self, device_id: str) -> DeviceKey:
        """Register the key in the folder, made now if there is none. A key that is registered already stays as it is."""
        known = self.registry.get(device_id)
        is_here = self.folder.has(device_id)
        if known is not None and known.revoked_at is None and not is_here:
            raise Misconfigured(_elsewhere(device_id, known, f"there is no {self.folder.path(device_id)}"))
        private_key = await asyncio.to_thread(self.folder.load_or_create, device_id)
        key_id = key_id_of(public_bytes_of(private_key))
        if known is None:
            return await self._publish(device_id, private_key)
        if known.revoked_at is None and known.key_id != key_id:
            raise Misconfigured(_elsewhere(device_id, known, f"{self.folder.path(device_id)} holds {key_id}"))
        if known.revoked_at is not None and known.key_id == key_id:
            raise Misconfigured(
                f"the key of {device_id} ({key_id}) is revoked and stays so: `fedsecure device rotate {device_id}` makes a "
                "new one"
            )
        return known if known.key_id == key_id else await self._publish(device_id, private_key)

    async def rotate(self, device_id: str) -> DeviceKey:
        """Replace the device's key: from the moment it is published the old one is good for nothing.

        The new key's file takes its place only after that. A rotation that was cut off in between is finished.
        """
        known = self._known(device_id)
        waiting = await asyncio.to_thread(self.folder.prepared, device_id)
        if waiting is not None and known.revoked_at is None and known.key_id == key_id_of(public_bytes_of(waiting)):
            new = known
        else:
            private_key = await asyncio.to_thread(self.folder.prepare_rotation, device_id)
            new = await self._publish(device_id, private_key)
        await asyncio.to_thread(self.folder.finish_rotation, device_id)
        return new

    async def revoke(self, device_id: str) -> DeviceKey:
        """Revoke the device's key. One that is revoked already stays as it is. Needs no private key."""
        known = self._known(device_id)
        if known.revoked_at is not None:
            return known
        return await self._send(replace(known, revoked_at=self._clock()))

    def _known(self, device_id: str) -> DeviceKey:
        known = self.registry.get(device_id)
        if known is None:
            names = ", ".join(key.device_id for key in self.registry.all()) or "none"
            raise Misconfigured(
                f"{device_id} has no registered key (registered: {names}): `fedsecure device register {device_id}` "
                "registers one"
            )
        return known

    async def _publish(self, device_id: str, private_key: Ed25519PrivateKey) -> DeviceKey:
        public_key = public_bytes_of(private_key)
        return await self._send(
            DeviceKey(
                device_id=device_id,
                public_key=public_key,
                key_id=key_id_of(public_key),
                registered_at=self._clock(),
            )
        )

    async def _send(self, key: DeviceKey) -> DeviceKey:
        await self._sender.send(self._topic, key.device_id, encode_federation(key))
        return key


async def open_registrar(
    settings: Settings, folder: KeyFolder, sender: Sender, clock: Callable[[], float]
) -> Registrar:
    """Return a registrar with the registry as it stands now. Makes the key topic if it is missing. Raises Unavailable."""
    await asyncio.to_thread(ensure_topics, settings, [settings.topics.fl_keys_spec])
    return Registrar(await read_registry(settings), folder, sender, settings.topics.fl_keys, clock)


def _elsewhere(device_id: str, known: DeviceKey, but: str) -> str:
    return (
        f"{device_id} is registered with the key {known.key_id}, but {but}: name the folder that has it with --key-dir, or "
        f"replace it (`fedsecure device rotate {device_id}`)"
    )
