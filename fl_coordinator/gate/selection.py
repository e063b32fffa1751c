"""Selects the devices of a round by their status, key and presence."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from contracts.errors import Unavailable
from contracts.freshness import not_eligible_because
from fl_coordinator.errors import GateClosed
from fl_coordinator.gate.keys import KeyRing
from transport.compacted_table import CompactedTable
from transport.device_status_reader import Statuses
from transport.redis.primary import Primary


class DeviceStatusReader(Protocol):
    """The workers' view of the devices. All calls block and raise Unavailable."""

    def known_devices(self) -> list[str]:
        """Return the ids of all devices a worker has ever reported."""

    def statuses(self, device_ids: Iterable[str]) -> Statuses:
        """Return the status of each asked device, read now."""

    def present(self, device_ids: Iterable[str]) -> set[str]:
        """Return which of these devices a host runs now."""


@dataclass(frozen=True, slots=True)
class Selection:
    """The devices of a round, and why each other known device is excluded, as of `gated_at` (epoch seconds)."""

    gated_at: float
    cohort: tuple[str, ...]
    excluded: dict[str, str]


def select(
    statuses: Statuses,
    now: float,
    stale_cap_s: float,
    participating: Collection[str] | None = None,
    *,
    registered: Collection[str],
) -> Selection:
    """Split the devices by the gate rule at wall time `now` (epoch seconds).

    `participating` holds the devices that can answer at all (None: all can): a round does not wait for the others.
    `registered` holds those with a key that is registered and not revoked: another's answer could be a forged one.
    """
    excluded: dict[str, str] = {}
    for device_id, status in statuses.items():
        reason = not_eligible_because(status, now, stale_cap_s)
        if reason is None and participating is not None and device_id not in participating:
            reason = "not_participating"
        if reason is None and device_id not in registered:
            reason = "not_registered"
        if reason is not None:
            excluded[device_id] = reason
    return Selection(now, tuple(sorted(statuses.keys() - excluded.keys())), excluded)


async def ask_redis(call: Callable[..., Any], *arguments: Any) -> Any:
    """Run a blocking Redis call off the loop. Raises GateClosed when Redis does not do it."""
    try:
        return await asyncio.to_thread(call, *arguments)
    except Unavailable as error:
        raise GateClosed(str(error)) from None


@dataclass(frozen=True, slots=True)
class RoundGate:
    """Decides who may take part in a round, by status, key and presence as they are when it is asked.

    A new primary may lack the last that a worker showed, a quarantine too: it is asked once workers have shown it again.
    Raises GateClosed when Redis does not answer, Unavailable when Kafka does not.
    """

    view: DeviceStatusReader
    table: CompactedTable[KeyRing]
    clock: Callable[[], float]
    stale_cap_s: float
    primary: Primary = field(default_factory=Primary)

    @property
    def keys(self) -> KeyRing:
        """The keys as of the last `refresh_keys`."""
        return self.table.content

    async def refresh_keys(self) -> None:
        """Read what was written about keys before this call."""
        await self.table.refresh()

    async def select(self, participating: Collection[str]) -> Selection:
        """Select among all known devices. `participating` have an update topic."""
        selection: Selection = await self._ask_settled(self._select, participating)
        return selection

    async def excluded(self, device_ids: Collection[str], signed_with: Mapping[str, str]) -> dict[str, str]:
        """Return which of these devices may no longer take part, and why.

        A device whose update was signed with a key (its id in `signed_with`) that is revoked or replaced by now may not.
        """
        statuses = await self._ask_settled(self.view.statuses, device_ids)
        keys = {device_id: self.keys.key_id(device_id) for device_id in device_ids}
        registered = [name for name, key_id in keys.items() if key_id and signed_with.get(name, key_id) == key_id]
        return select(statuses, self.clock(), self.stale_cap_s, registered=registered).excluded

    async def _ask_settled(self, call: Callable[..., Any], *arguments: Any) -> Any:
        while True:
            while (wait_s := self.primary.settles_in_s()) > 0:
                await asyncio.sleep(wait_s)
            changes = self.primary.changes
            answer = await ask_redis(call, *arguments)
            if self.primary.changes == changes:
                return answer

    def _select(self, participating: Collection[str]) -> Selection:
        now = self.clock()  # before the reading: whatever changes during it comes after this gate
        statuses = self.view.statuses(self.view.known_devices())
        present = self.view.present(participating)
        return select(statuses, now, self.stale_cap_s, present, registered=self.keys.registered)
