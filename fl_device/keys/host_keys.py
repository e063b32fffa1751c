"""Signs the answers of the hosted devices and registers missing keys."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Callable, Iterable

import structlog
from msgspec.structs import replace

from contracts.configuration.settings import Settings
from contracts.errors import Misconfigured
from contracts.signing import Answer, sign
from fl_device.keys.folder import KeyFolder
from fl_device.keys.registration import Registrar, open_registrar
from transport.kafka.publisher import Publisher

log = structlog.get_logger()
NONCE_BYTES = 16


def random_nonce() -> str:
    """Return 16 bytes from the system's generator in hex: no two answers ever share one."""
    return secrets.token_hex(NONCE_BYTES)


class HostKeys:
    """Signs with the key that is in the folder at that moment, so that a rotation needs no restart."""

    def __init__(
        self,
        settings: Settings,
        folder: KeyFolder,
        *,
        clock: Callable[[], float],
        nonce: Callable[[], str] = random_nonce,
    ) -> None:
        self._settings = settings
        self._folder = folder
        self._clock = clock
        self._nonce = nonce

    async def need(self, device_id: str) -> None:
        """Raise Misconfigured when the device could not sign, before it trains for nothing."""
        await asyncio.to_thread(self._folder.load, device_id)

    async def sign(self, answer: Answer) -> Answer:
        """Return the answer with a new nonce, signed by its device. Raises Misconfigured when there is no key."""
        private_key = await asyncio.to_thread(self._folder.load, answer.device_id)
        return sign(private_key, replace(answer, nonce=self._nonce()))

    async def look_after(self, device_ids: Iterable[str], publisher: Publisher) -> None:
        """Say which devices have no key here. With `register_new_devices` make and register theirs. Raises Unavailable.

        A key that is registered is never replaced and a revoked one never brought back: that is an administrator's word.
        """
        if self._settings.register_new_devices:
            registrar = await open_registrar(self._settings, self._folder, publisher, self._clock)
            for device_id in device_ids:
                if registrar.registry.get(device_id) is None:
                    await self._register(registrar, device_id)
        for device_id in device_ids:
            if not self._folder.has(device_id):
                log.warning(
                    "device_without_key", device_id=device_id, key_dir=str(self._folder.folder), **_help(device_id)
                )

    async def _register(self, registrar: Registrar, device_id: str) -> None:
        try:
            key = await registrar.register(device_id)
        except Misconfigured as error:  # one device's unreadable key must not keep the others from taking part
            log.warning("device_not_registered", device_id=device_id, error=str(error), **_help(device_id))
        else:
            log.info("device_registered", device_id=device_id, key_id=key.key_id)


def _help(device_id: str) -> dict[str, str]:
    return {"so": "no round invites it", "to_register": f"fedsecure device register {device_id}"}
