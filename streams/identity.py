"""Sees to it that one worker of an id runs: two would take devices from each other for ever, and both look healthy."""

from __future__ import annotations

import asyncio
import contextlib
from time import monotonic

import structlog

from contracts.configuration.settings import Settings
from contracts.errors import Misconfigured, Unavailable
from streams.errors import Fatal
from transport.claims import CLAIM_S, PATIENCE_S, RENEWALS_A_TERM, Claims, claims_client
from transport.redis.primary import Primary

log = structlog.get_logger()


class Identity:
    """The worker's claim on its id. While Redis is away nobody can tell, and whoever runs goes on."""

    def __init__(self, settings: Settings, worker_id: str, primary: Primary | None = None) -> None:
        self._client = claims_client(settings, primary)
        self._claims = Claims(self._client, "worker")
        self._keys = [settings.redis_keys.worker(settings.worker_group, worker_id)]
        self._worker_id = worker_id
        self._is_held = False

    async def take(self) -> None:
        """Wait out the claim of a worker of this id that crashed. Raises Misconfigured when one runs."""
        give_up_at = monotonic() + PATIENCE_S
        while await self._is_taken():
            if monotonic() > give_up_at:
                raise Misconfigured(self._taken())
            await asyncio.sleep(CLAIM_S / RENEWALS_A_TERM)

    async def keep(self) -> None:
        """Renew the claim until cancelled. Raises Fatal when another worker took it, as when this one slept."""
        while True:
            await asyncio.sleep(CLAIM_S / RENEWALS_A_TERM)
            if await self._is_taken():
                raise Fatal(self._taken())

    async def close(self) -> None:
        """Give the id back, if Redis answers."""
        with contextlib.suppress(Unavailable):
            if self._is_held:
                await asyncio.to_thread(self._claims.release, self._keys)
        self._client.close()

    async def _is_taken(self) -> bool:
        try:
            is_taken = bool(await asyncio.to_thread(self._claims.hold, self._keys))
        except Unavailable as error:
            log.debug("identity_not_checked", reason=str(error))
            return False
        self._is_held = not is_taken
        return is_taken

    def _taken(self) -> str:
        return f"another worker has the id {self._worker_id}: give each its own (--id, FEDSECURE_WORKER_ID), or none, or end the other"
