"""Marks in Redis which devices a host runs now, so that rounds wait for them and no second host answers for them."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection
from time import monotonic
from typing import Final

import redis

from contracts.errors import Misconfigured, Unavailable
from contracts.redis_keys import RedisKeys
from fl_device.host.participant import HostedDevices
from transport.claims import Claims, Terms
from transport.clock import Backoff, cancellable_sleep

RENEWALS_A_TERM: Final = 8
TERMS_OF_SILENCE: Final = 3
"""A mark that was not renewed for a third of its time is free: by then several renewals have failed."""


class Presence:
    """Marks that expire `ttl_s` after the last `renew`. Blocks. Raises Unavailable when Redis does not take them."""

    def __init__(self, client: redis.Redis, keys: RedisKeys, ttl_s: float) -> None:
        self._claims = Claims(client, "host", Terms(ttl_s, ttl_s / TERMS_OF_SILENCE))
        self._keys = keys
        self.ttl_s = ttl_s

    @property
    def successor_waits_s(self) -> float:
        """For how long at most a host finds its devices taken by one that crashed before it."""
        return self.ttl_s / TERMS_OF_SILENCE + 2 * self.ttl_s / RENEWALS_A_TERM

    def renew(self, device_ids: Collection[str]) -> set[str]:
        """Say that these devices can answer a round, and return those that another host runs."""
        device_of = {self._keys.presence(device_id): device_id for device_id in device_ids}
        return {device_of[key] for key in self._claims.hold(list(device_of))}

    def end(self, device_ids: Collection[str]) -> None:
        """Say that these devices have left."""
        self._claims.release([self._keys.presence(device_id) for device_id in device_ids])


class Attendance:
    """Keeps the hosted devices on the list of those that rounds may wait for, and takes them off it at the end."""

    def __init__(
        self, presence: Presence, hosted: HostedDevices, is_ready: Callable[[], bool], backoff: Backoff
    ) -> None:
        self._presence = presence
        self._hosted = hosted
        self._is_ready = is_ready
        self._backoff = backoff
        self._taken_since: float | None = None

    async def run(self, stop: asyncio.Event) -> None:
        """Renew until the stop. Raises Misconfigured when another host runs one of the devices."""
        while not stop.is_set():
            if await self._renewed():
                self._backoff.reset()
                await cancellable_sleep(self._presence.ttl_s / RENEWALS_A_TERM, stop)
            else:
                await cancellable_sleep(self._backoff.next_s(), stop)
        if ours := self._hosted.participants.keys() - self._hosted.elsewhere:
            await self._ask(self._presence.end, ours)

    async def _renewed(self) -> bool:
        devices = list(self._hosted.participants)
        if not devices or not self._is_ready():
            return True
        taken = await self._ask(self._presence.renew, devices)
        if taken is None:
            return False
        self._hosted.elsewhere = taken
        if not taken:
            self._taken_since = None
            return True
        self._taken_since = self._taken_since or monotonic()
        if monotonic() - self._taken_since > self._presence.successor_waits_s:
            names = ", ".join(sorted(taken))
            raise Misconfigured(
                f"another device host runs {names}: end it, or name other devices here (`fedsecure device --device ID`)"
            )
        return True

    async def _ask(
        self, call: Callable[[Collection[str]], set[str] | None], devices: Collection[str]
    ) -> set[str] | None:
        """Return what Redis answers, None when it does not."""
        try:
            return await asyncio.to_thread(call, devices)
        except Unavailable:  # said by then
            return None
