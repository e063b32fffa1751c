"""The gate for whoever asks from outside of our own rounds: who may train now, or that nobody may."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, Final, Protocol

from redis.backoff import NoBackoff
from redis.retry import Retry

from contracts.configuration.settings import Settings
from contracts.errors import Unavailable
from contracts.signing import Signed
from fl_coordinator.errors import GateClosed
from fl_coordinator.gate.keys import KeyRing
from fl_coordinator.gate.selection import DeviceStatusReader, select
from transport.compacted_table import CompactedTable
from transport.device_status_reader import RedisDeviceStatusReader, Statuses
from transport.kafka.topic_reader import TopicReader
from transport.redis.primary import Primary
from transport.redis_client import connect_redis

FETCH_WAIT_MS: Final = 50
TRIES_AGAIN: Final = 1  # whoever asks does so again by himself, and is told meanwhile that nobody may train


@dataclass(frozen=True, slots=True)
class GateReading:
    """Who may train as of `at` (wall time, epoch seconds). `closed_because` says why nobody can be checked: then it is nobody.

    `excluded` maps each other known device to the reason. `key_ids` names the key that each eligible device signs with now.
    """

    at: float
    eligible: tuple[str, ...] = ()
    excluded: Mapping[str, str] = field(default_factory=dict)
    key_ids: Mapping[str, str] = field(default_factory=dict)
    closed_because: str | None = None

    def why_not(self, device_id: str) -> str | None:
        """Return why a device may not train, or None."""
        if self.closed_because is not None:
            return "gate_closed"
        return None if device_id in self.key_ids else self.excluded.get(device_id, "unknown")

    def as_dict(self) -> dict[str, Any]:
        """Return what programs of others are told."""
        told: dict[str, Any] = {"at": self.at, "eligible": list(self.eligible), "excluded": dict(self.excluded)}
        return told if self.closed_because is None else told | {"closed_because": self.closed_because}


class Keys(Protocol):
    """The registered keys, read up to now. Raises Unavailable."""

    async def refresh(self) -> KeyRing: ...


class LiveGate:
    """Reads status and keys anew each time it is asked. Nothing is raised for a service that is away: the gate is closed then.

    The rule is that of a round but for the host's presence, which only our own device hosts show. What a new primary of Redis
    shows may lack the last that workers wrote, a quarantine too, so the gate stays closed until they have shown it again.
    """

    def __init__(
        self,
        view: DeviceStatusReader,
        keys: Keys,
        stale_cap_s: float,
        *,
        clock: Callable[[], float] = time.time,
        primary: Primary | None = None,
    ) -> None:
        self._view = view
        self._keys = keys
        self._stale_cap_s = stale_cap_s
        self._clock = clock
        self._primary = primary or Primary()
        self._lock = asyncio.Lock()  # the keys' reader serves one at a time
        self._ring = KeyRing()

    async def read(self) -> GateReading:
        """Return who may train now. Two round trips to Kafka and two to Redis; some seconds when one of them does not answer."""
        try:
            async with self._lock:
                self._ring = await self._keys.refresh()
            # Before the statuses: whatever changes while they are read comes after this reading.
            now = self._clock()
            statuses = await asyncio.to_thread(self._statuses)
        except Unavailable as error:
            return GateReading(self._clock(), closed_because=str(error))
        selection = select(statuses, now, self._stale_cap_s, registered=self._ring.registered)
        key_ids = {device_id: self._ring.key_id(device_id) or "" for device_id in selection.cohort}
        return GateReading(now, selection.cohort, selection.excluded, key_ids)

    def check(self, signed: Signed) -> None:
        """Raise UpdateRefused unless the device's key as of the last reading signed this, as KeyRing.check does."""
        self._ring.check(signed)

    def _statuses(self) -> Statuses:
        changes = self._primary.changes
        statuses = self._view.statuses(self._view.known_devices())
        if self._primary.changes != changes or self._primary.settles_in_s() > 0:
            raise GateClosed("Redis is another server since a moment ago, which may lack the last that workers showed")
        return statuses


class _KeysOnKafka:
    """Opens its reader when it is first asked, so that a gate can be made while Kafka is away."""

    def __init__(self, settings: Settings, opened: AsyncExitStack) -> None:
        self._settings = settings
        self._opened = opened
        self._table: CompactedTable[KeyRing] | None = None

    async def refresh(self) -> KeyRing:
        if self._table is None:
            reader = TopicReader(self._settings, fetch_wait_ms=FETCH_WAIT_MS)
            await self._opened.enter_async_context(reader)
            topic = self._settings.topics.fl_keys
            self._table = CompactedTable(reader, topic, KeyRing(), name="the registered keys")
        return await self._table.refresh()


@asynccontextmanager
async def live_gate(settings: Settings, primary: Primary | None = None) -> AsyncIterator[LiveGate]:
    """Give the gate of an installation, with connections of its own that are closed afterwards. Raises Misconfigured.

    A program that reads Redis anyway shares its `primary`, so that a gate that is seldom asked knows of another server in time.
    """
    primary = primary or Primary()
    async with AsyncExitStack() as opened:
        client = opened.enter_context(connect_redis(settings, primary))
        client.set_retry(Retry(NoBackoff(), TRIES_AGAIN))
        view = RedisDeviceStatusReader(client, settings.redis_keys)
        yield LiveGate(view, _KeysOnKafka(settings, opened), settings.stale_cap_s, primary=primary)
