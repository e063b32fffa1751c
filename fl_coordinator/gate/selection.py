"""Selects the devices of a round by their status, key and presence."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from typing import Protocol

from contracts.freshness import not_eligible_because
from transport.device_status_reader import Statuses


class DeviceStatusReader(Protocol):
    """The workers' view of the devices; all calls block and raise Unavailable."""

    def known_devices(self) -> list[str]:
        """Return the ids of all devices a worker has ever reported."""

    def statuses(self, device_ids: Iterable[str]) -> Statuses:
        """Return the status of each asked device, read now."""

    def present(self, device_ids: Iterable[str]) -> set[str]:
        """Return which of these devices a host runs now."""


@dataclass(frozen=True, slots=True)
class Selection:
    """The devices of a round, and why each other known device sits it out; judged as of `gated_at` (epoch seconds)."""

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
    """Split the devices by the gate rule; `now` is wall time (epoch seconds).

    `participating` holds the devices that can answer at all (None: all can); a benign device outside sits out as
    `not_participating`, so that a round does not wait for nobody. `registered` holds those with a key that is registered
    and not revoked; another sits out as `not_registered`, as no answer of it could be told from a forged one.
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
