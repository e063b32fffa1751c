"""Who may train now: every status is read from Redis at the moment of the decision, and doubt means no."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Protocol

import redis
import structlog

from contracts.errors import InvalidMessage, Unavailable
from contracts.freshness import not_eligible_because
from contracts.redis_keys import RedisKeys
from contracts.verdicts import DeviceStatus, decode_status

log = structlog.get_logger()

Statuses = Mapping[str, DeviceStatus | None]
"""Device id -> its status as it stands now; None when missing or malformed."""


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


class RedisDeviceStatusReader:
    """The view that workers keep in Redis (contracts.redis_keys), never cached."""

    def __init__(self, client: redis.Redis, keys: RedisKeys) -> None:
        self._client = client
        self._keys = keys
        self._malformed: set[str] = set()  # already told: whoever looks twice a second does not fill the log

    def known_devices(self) -> list[str]:
        try:
            members = self._client.zrange(self._keys.devices_last_seen, 0, -1)
        except redis.RedisError as error:
            raise _unavailable(error) from None
        return sorted(member.decode(errors="replace") for member in members if isinstance(member, bytes))

    def statuses(self, device_ids: Iterable[str]) -> Statuses:
        asked = list(device_ids)
        pipeline = self._client.pipeline(transaction=False)
        for device_id in asked:
            pipeline.hget(self._keys.device(device_id), "status")
        try:
            # One hash of the wrong type must not blind the reader to all others.
            values = pipeline.execute(raise_on_error=False)
        except redis.RedisError as error:
            raise _unavailable(error) from None
        return {device_id: self._parse(device_id, value) for device_id, value in zip(asked, values, strict=True)}

    def present(self, device_ids: Iterable[str]) -> set[str]:
        asked = sorted(device_ids)
        try:
            marks = self._client.mget([self._keys.presence(device_id) for device_id in asked]) if asked else []
        except redis.RedisError as error:
            raise _unavailable(error) from None
        return {device_id for device_id, mark in zip(asked, marks, strict=True) if mark is not None}

    def _parse(self, device_id: str, value: object) -> DeviceStatus | None:
        if isinstance(value, redis.RedisError) and not str(value).startswith("WRONGTYPE"):
            raise _unavailable(value)
        if not isinstance(value, bytes):
            return None
        try:
            status = decode_status(value)
        except InvalidMessage as error:
            if device_id not in self._malformed:
                log.warning("status_malformed", device_id=device_id, reason=error.reason)
            self._malformed.add(device_id)
            return None
        self._malformed.discard(device_id)
        return status if status.device_id == device_id else None


def _unavailable(error: Exception) -> Unavailable:
    return Unavailable(f"Redis does not show the devices ({type(error).__name__})")
