"""The devices' latest status as the workers keep it in Redis, read at the moment it is asked for."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final

import redis
import structlog

from contracts.errors import InvalidMessage
from contracts.messages.verdicts import DeviceStatus, decode_status
from contracts.redis_keys import RedisKeys
from contracts.redis_types import is_wrong_type
from transport.redis.health import asking

log = structlog.get_logger()

SHOW: Final = "show the devices"
Statuses = Mapping[str, DeviceStatus | None]
"""Device id -> its status as it stands now; None when missing or malformed."""


class RedisDeviceStatusReader:
    """The view that workers keep in Redis (contracts.redis_keys), never cached."""

    def __init__(self, client: redis.Redis, keys: RedisKeys) -> None:
        self._client = client
        self._keys = keys
        self._malformed: set[str] = set()  # already logged: whoever looks twice a second does not fill the log

    def known_devices(self) -> list[str]:
        with asking(SHOW, writes=False):
            members = self._client.zrange(self._keys.devices_last_seen, 0, -1)
        return sorted(member.decode(errors="replace") for member in members if isinstance(member, bytes))

    def statuses(self, device_ids: Iterable[str]) -> Statuses:
        asked = list(device_ids)
        pipeline = self._client.pipeline(transaction=False)
        for device_id in asked:
            pipeline.hget(self._keys.device(device_id), "status")
        with asking(SHOW, writes=False):
            # One hash of the wrong type must not blind the reader to all others.
            values = pipeline.execute(raise_on_error=False)
            for value in values:
                if isinstance(value, redis.RedisError) and not is_wrong_type(value):
                    raise value
        return {device_id: self._parse(device_id, value) for device_id, value in zip(asked, values, strict=True)}

    def present(self, device_ids: Iterable[str]) -> set[str]:
        asked = sorted(device_ids)
        with asking(SHOW, writes=False):
            marks = self._client.mget([self._keys.presence(device_id) for device_id in asked]) if asked else []
        return {device_id for device_id, mark in zip(asked, marks, strict=True) if mark is not None}

    def _parse(self, device_id: str, value: object) -> DeviceStatus | None:
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
